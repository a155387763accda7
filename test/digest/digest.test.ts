import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getDigestAlgorithm, getDigestHex, computeDigest, isDigest, parseDigest } from 'kubepull/digest';
import { isImageError } from 'kubepull/errors';
import { nodeHasher } from 'kubepull/node';
import { anyText } from '../support/any-text.ts';

const hex = (length: number): string => '0123456789abcdef'.repeat(length / 16);

describe('parseDigest', () => {
  it.each([
    ['sha256', 64],
    ['sha384', 96],
    ['sha512', 128],
  ] as const)('takes %s with %d digits [C09]', (algorithm, length) => {
    const digest = parseDigest(`${algorithm}:${hex(length)}`);
    expect([getDigestAlgorithm(digest), getDigestHex(digest)]).toEqual([algorithm, hex(length)]);
  });

  it.each([
    '',
    'sha256',
    'sha256:',
    `sha256:${hex(64)}0`,
    `sha256:${hex(64).slice(1)}`,
    `sha256:${hex(96)}`,
    `sha512:${hex(64)}`,
    `SHA256:${hex(64)}`,
    `sha256:${hex(64).toUpperCase()}`,
    `sha256:${hex(64).slice(1)}g`,
    `sha256:../../${hex(64).slice(6)}`,
    `sha256:${hex(64)}\n`,
    `\nsha256:${hex(64)}`,
    ` sha256:${hex(64)}`,
    `sha256:${hex(64)}/..`,
    `md5:${hex(32)}`,
    `sha1:${hex(48).slice(0, 40)}`,
    `sha256+b64:${hex(64)}`,
    `sha256:sha256:${hex(64)}`,
    `sha256:${hex(64)},sha256:${hex(64)}`,
    'constructor:x',
    '__proto__:x',
  ])('refuses %j [C09]', (text) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'ERR_DIGEST_INVALID' }));
  });

  it.each([null, undefined, 5, {}])('names what is no text, such as a header that is absent: %j', (value) => {
    expect(() => parseDigest(value as string)).toThrow(expect.objectContaining({ code: 'ERR_DIGEST_INVALID' }));
  });

  it.each([undefined, null, 5, {}, ['sha256'], { toString: () => `sha256:${hex(64)}` }])('%j is no digest', (value) => {
    expect(isDigest(value)).toBe(false);
  });

  it('says what a digest has to be', () => {
    expect(() => parseDigest('md5:x')).toThrow(
      'Cannot parse digest "md5:x": it must be sha256, sha384 or sha512, a colon, and lower-case hex of the full length',
    );
  });

  it('throws nothing but ours, and quotes at most 256 characters', () => {
    fc.assert(
      fc.property(anyText({ maxLength: 2000 }), (text) => {
        try {
          parseDigest(text);
        } catch (error) {
          expect(isImageError(error) && (error as Error).message.length < 1400).toBe(true);
        }
      }),
    );
  });
});

describe('digestOf', () => {
  it('is the same for the whole as for its pieces', () => {
    const algorithm = fc.constantFrom('sha256' as const, 'sha384' as const, 'sha512' as const);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), algorithm, (bytes, cut, name) => {
        const hasher = nodeHasher(name);
        hasher.update(bytes.subarray(0, cut));
        hasher.update(bytes.subarray(cut));
        const digest = hasher.digest();
        expect(isDigest(digest)).toBe(true);
        expect(computeDigest(bytes, nodeHasher, name)).toBe(digest);
      }),
    );
  });
});

describe('computeDigest', () => {
  const bytes = new TextEncoder().encode('abc');

  it('hashes by sha256 unless it is told otherwise', () => {
    expect(computeDigest(bytes, nodeHasher)).toBe(
      'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(computeDigest(bytes, nodeHasher, 'sha384')).toMatch(/^sha384:cb00753f45a35e8bb5a03d699ac65007/);
  });

  it.each<[string, () => unknown]>([
    ['bytes', () => computeDigest('abc' as never, nodeHasher)],
    ['createHasher', () => computeDigest(bytes, 'sha256' as never)],
    ['algorithm', () => computeDigest(bytes, nodeHasher, 'md5' as never)],
  ])('refuses wrong %s, and says so', (name, call) => {
    const message = expect.stringMatching(`^Cannot hash: .*${name}`) as string;
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID', message }) as Error);
  });
});
