import {
  DEFAULT_DOCUMENT_LIMITS,
  type DocumentLimits,
  parseImageIndex,
  parseImageManifest,
  parseManifest,
} from 'kubepull/oci';
import { describe, expect, it } from 'vitest';
import { growth } from '../support/least.ts';
import { bytesOf, encode, entry, index, layer, manifest } from './documents.ts';

describe('DEFAULT_DOCUMENT_LIMITS', () => {
  it('are those of the threat model', () => {
    expect(DEFAULT_DOCUMENT_LIMITS).toEqual({
      maxBytes: 4 * 1024 * 1024,
      maxDepth: 64,
      maxValues: 16_384,
      maxLayers: 1024,
      maxManifests: 1024,
    });
  });
});

describe('limits', () => {
  it('of layers: 1,024 pass, 1,025 and 60,000 do not [M04]', () => {
    const layersOf = (count: number) => bytesOf({ ...manifest, layers: Array.from({ length: count }, () => layer) });
    expect(parseImageManifest(layersOf(1024)).layers).toHaveLength(1024);
    expect(() => parseImageManifest(layersOf(1025))).toThrow('layers has 1025 entries, more than 1024');
    const small = encode(`{"schemaVersion":2,"config":${JSON.stringify(layer)},"layers":[${'1,'.repeat(60_000)}1]}`);
    const limits = { maxValues: 100_000 };
    expect(() => parseImageManifest(small, { limits })).toThrow('layers has 60001 entries, more than 1024');
    expect(() => parseImageManifest(small)).toThrow('Cannot read manifest: it has more than 16384 values');
  });

  it('of entries: 1,024 pass, 1,025 do not [M04]', () => {
    const entriesOf = (count: number) => bytesOf({ ...index, manifests: Array.from({ length: count }, () => entry) });
    expect(parseImageIndex(entriesOf(1024)).manifests).toHaveLength(1024);
    expect(() => parseImageIndex(entriesOf(1025))).toThrow('manifests has 1025 entries, more than 1024');
  });

  it('of values: 16,384 pass, one more does not [M04]', () => {
    const valuesOf = (node: unknown): number =>
      1 +
      (typeof node === 'object' && node !== null
        ? Object.values(node).reduce<number>((n, v) => n + valuesOf(v), 0)
        : 0);
    const holding = (count: number): Uint8Array => {
      const document = { ...manifest, x: [] as number[] };
      document.x = Array.from({ length: count - valuesOf(document) }, () => 1);
      expect(valuesOf(document)).toBe(count);
      return bytesOf(document);
    };
    expect(parseImageManifest(holding(16_384))).toEqual(manifest);
    expect(() => parseImageManifest(holding(16_385))).toThrow('Cannot read manifest: it has more than 16384 values');
  });

  it('of bytes: 4 MiB pass, one more does not [M04]', () => {
    const text = JSON.stringify(manifest);
    const padded = (length: number) => encode(text.padEnd(length, ' '));
    expect(parseImageManifest(padded(DEFAULT_DOCUMENT_LIMITS.maxBytes))).toEqual(manifest);
    expect(() => parseImageManifest(padded(DEFAULT_DOCUMENT_LIMITS.maxBytes + 1))).toThrow(
      'Cannot read manifest: it has 4194305 bytes, more than 4194304',
    );
  });

  it('of depth: 64 levels pass, 65 and a million do not [M04]', () => {
    const nested = (depth: number) =>
      encode(`{"x":${'['.repeat(depth)}${']'.repeat(depth)},${JSON.stringify(manifest).slice(1)}`);
    expect(parseImageManifest(nested(63))).toEqual(manifest);
    expect(() => parseImageManifest(nested(64))).toThrow('is not JSON: ');
    expect(() => parseImageManifest(encode('['.repeat(1_000_000)))).toThrow('is not JSON: ');
    expect(() => parseImageManifest(encode('{"a":'.repeat(500_000)))).toThrow('is not JSON: ');
  });

  it('can be narrowed and widened by option [M04]', () => {
    const limits = { maxLayers: 1, maxManifests: 5000 };
    expect(() => parseImageManifest(bytesOf(manifest), { limits })).toThrow('layers has 2 entries, more than 1');
    const wide = bytesOf({ ...index, manifests: Array.from({ length: 2000 }, () => entry) });
    expect(parseImageIndex(wide, { limits }).manifests).toHaveLength(2000);
  });

  it.each(['maxBytes', 'maxDepth', 'maxValues', 'maxLayers', 'maxManifests'] as const)(
    'refuse a %s that is no count',
    (name) => {
      for (const value of [0, -1, 1.5, Number.NaN, Infinity, '5']) {
        const limits = { [name]: value } as Partial<DocumentLimits>;
        expect(() => parseManifest(bytesOf(manifest), { limits })).toThrow(
          expect.objectContaining({
            code: 'ERR_OPTION_INVALID',
            message: `Cannot read documents: limit ${name} must be a positive whole number`,
          }),
        );
      }
    },
  );

  it('reads up to 4 MiB of small members in time that grows with their number [I7]', () => {
    const limits = { maxValues: 1_000_000 };
    const read = (length: number): (() => unknown) => {
      const members = Array.from({ length }, (_, at) => `"k${at}":1`).join(',');
      const document = encode(`{${members},${JSON.stringify(manifest).slice(1)}`);
      return () => parseImageManifest(document, { limits });
    };
    const [small, large] = [read(15_625), read(250_000)];
    expect(large()).toEqual(manifest);
    expect(growth(64, small, large)).toBeLessThan(64);
  });
});
