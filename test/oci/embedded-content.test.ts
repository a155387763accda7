import { describe, expect, it } from 'vitest';
import { type DigestAlgorithm, computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, decodeEmbeddedContent, MEDIA_TYPES } from 'kubepull/oci';

const content = (length: number): Uint8Array => new Uint8Array(length).fill(0x61);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const describing = (bytes: Uint8Array, algorithm?: DigestAlgorithm): Descriptor => ({
  mediaType: MEDIA_TYPES.ociConfig,
  digest: computeDigest(bytes, nodeHasher, algorithm),
  size: bytes.length,
  data: base64(bytes),
});

describe('embeddedContent', () => {
  it.each(['sha256', 'sha512'] as const)(
    'gives content of every length that is what its %s digest says',
    (algorithm) => {
      for (let length = 0; length < 20; length += 1) {
        expect(decodeEmbeddedContent(describing(content(length), algorithm), nodeHasher)).toEqual(content(length));
      }
    },
  );

  it('is absent where there is no data', () => {
    expect(decodeEmbeddedContent({ ...describing(content(3)), data: undefined }, nodeHasher)).toBeUndefined();
  });

  const right = describing(content(5));
  it.each([
    ['other bytes', { data: base64(new TextEncoder().encode('aaaab')) }],
    ['fewer bytes', { data: base64(content(4)) }],
    ['more bytes', { data: base64(content(6)) }],
    ['far more bytes', { data: base64(content(600)) }],
    ['no bytes', { data: '' }],
    ['a size that is too small', { size: 4 }],
    ['a size that is too large', { size: 6 }],
    ['a size beyond all memory', { size: Number.MAX_SAFE_INTEGER }],
    ['another digest', { digest: computeDigest(content(6), nodeHasher) }],
    ['base64 without padding', { data: base64(content(5)).replace('=', '') }],
    ['base64 for URLs', { data: '____' + base64(content(5)).slice(4) }],
    ['no base64', { data: '!!!!!!!!' }],
    ['base64 with a line break', { data: `${base64(content(5)).slice(0, 4)}\n${base64(content(5)).slice(4)}` }],
  ])('takes %s for no content [M11]', (_, change) => {
    expect(decodeEmbeddedContent({ ...right, ...change }, nodeHasher)).toBeUndefined();
    expect(decodeEmbeddedContent(right, nodeHasher)).toEqual(content(5));
  });

  it('decodes 256 KiB and no byte more [M11]', () => {
    expect(decodeEmbeddedContent(describing(content(256 * 1024)), nodeHasher)).toHaveLength(256 * 1024);
    expect(decodeEmbeddedContent(describing(content(256 * 1024 + 1)), nodeHasher)).toBeUndefined();
  });
});
