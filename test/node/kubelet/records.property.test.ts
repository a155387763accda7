import fc from 'fast-check';
import { decodeIntent, decodeRecord } from '../../../src/node/kubelet/records-decode.ts';
import { encodeIntent, encodeRecord, recordFileName } from '../../../src/node/kubelet/records-encode.ts';
import { expect, it } from 'vitest';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const coordinates = fc.record({ uid: text, namespace: text, name: text });
const credentials = fc.record({
  kubernetesSecrets: fc.array(
    fc.tuple(coordinates, text).map(([place, credentialHash]) => ({ ...place, credentialHash })),
    { maxLength: 3 },
  ),
  kubernetesServiceAccounts: fc.array(coordinates, { maxLength: 3 }),
  nodePodsAccessible: fc.boolean(),
});
const record = fc.record({
  imageRef: text,
  lastUpdatedAt: fc.integer({ min: 0, max: 250_000_000_000 }).map((seconds) => seconds * 1_000),
  credentialMapping: fc.array(fc.tuple(text, credentials), { maxLength: 4 }).map((entries) => new Map(entries)),
});
const bytes = (json: string): Uint8Array => new TextEncoder().encode(json);

it('decodes every record that it encodes to the same', () => {
  fc.assert(
    fc.property(record, (value) => {
      expect(decodeRecord(bytes(encodeRecord(value)))).toEqual({ ok: true, value, isCurrent: true });
    }),
  );
});

it('encodes one line that plain JSON reads to the same, whatever the order of the repositories', () => {
  fc.assert(
    fc.property(record, (value) => {
      const json = encodeRecord(value);
      const turned = { ...value, credentialMapping: new Map([...value.credentialMapping].toReversed()) };
      expect(encodeRecord(turned)).toBe(json);
      expect(json.indexOf('\n')).toBe(json.length - 1);
      expect((JSON.parse(json) as { imageRef: string }).imageRef).toBe(value.imageRef);
    }),
  );
});

it('decodes every intent that it encodes, under a name of its own', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(decodeIntent(bytes(encodeIntent(a)))).toEqual({ ok: true, value: a, isCurrent: true });
      expect(recordFileName(a) === recordFileName(b)).toBe(a === b);
      expect(recordFileName(a)).toMatch(/^sha256-[0-9a-f]{64}$/);
    }),
  );
});

it('refuses every record that was cut, and never throws on what was changed', () => {
  fc.assert(
    fc.property(record, fc.nat(), fc.integer({ min: 0, max: 255 }), (value, at, byte) => {
      const whole = bytes(encodeRecord(value));
      expect(decodeRecord(whole.subarray(0, at % (whole.length - 1))).ok).toBe(false);
      whole[at % whole.length] = byte;
      expect(typeof decodeRecord(whole).ok).toBe('boolean');
    }),
  );
});
