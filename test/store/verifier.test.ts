import { describe, expect, it } from 'vitest';
import { type Digest, computeDigest } from 'kubepull/digest';
import { ContentMismatchError } from 'kubepull/errors';
import { nodeHasher } from 'kubepull/node';
import { createVerifier, verifyContent } from 'kubepull/store';
import { checkFilled } from '../../src/store/inner.ts';

const bytes = new TextEncoder().encode('hello');
const descriptor = { mediaType: 'text/plain', digest: computeDigest(bytes, nodeHasher), size: 5 };
const other = computeDigest(new TextEncoder().encode('jello'), nodeHasher);

function failureOf(call: () => void): ContentMismatchError {
  try {
    call();
  } catch (error) {
    if (error instanceof ContentMismatchError) return error;
  }
  throw new Error('It did not fail');
}

describe('createVerifier', () => {
  it('counts what it takes, and accepts the content in any pieces', () => {
    const verifier = createVerifier(descriptor, nodeHasher);
    for (const [place, byte] of bytes.entries()) {
      expect(verifier.size).toBe(place);
      verifier.update(Uint8Array.of(byte));
    }
    expect(verifier.size).toBe(5);
    verifier.end();
  });

  it('stops at the first byte too many, and takes none of the chunk with it', () => {
    const verifier = createVerifier(descriptor, nodeHasher);
    verifier.update(bytes.subarray(0, 3));
    const error = failureOf(() => verifier.update(bytes.subarray(0, 3)));
    expect(error).toMatchObject({ expected: descriptor, actual: { digest: undefined, size: 6 } });
    expect(error.message).toBe(`Cannot accept content ${descriptor.digest}: 6 bytes came, more than the expected 5`);
    expect(verifier.size).toBe(3);
    verifier.update(bytes.subarray(3));
    verifier.end();
  });

  it('counts for itself, whatever is written into its size', () => {
    const verifier = createVerifier(descriptor, nodeHasher);
    verifier.update(bytes);
    Object.assign(verifier, { size: 0 });
    expect(failureOf(() => verifier.update(bytes)).actual.size).toBe(10);
    verifier.end();
  });

  it('refuses content that is too short', () => {
    const verifier = createVerifier({ ...descriptor, size: 6 }, nodeHasher);
    verifier.update(bytes);
    const error = failureOf(() => verifier.end());
    expect(error.actual).toEqual({ digest: descriptor.digest, size: 5 });
    expect(error.message).toContain('it ended after 5 of the expected 6 bytes');
  });

  it('refuses content with another digest, and names both', () => {
    const verifier = createVerifier({ ...descriptor, digest: other }, nodeHasher);
    verifier.update(bytes);
    const error = failureOf(() => verifier.end());
    expect(error.actual).toEqual({ digest: descriptor.digest, size: 5 });
    expect(error.message).toBe(`Cannot accept content ${other}: its digest is ${descriptor.digest}`);
  });

  it.each([
    '',
    'sha256:00',
    `sha256:${'A'.repeat(64)}`,
    `md5:${'0'.repeat(32)}`,
    `sha256:../${'0'.repeat(61)}`,
    undefined,
  ])('refuses a descriptor with digest %s', (digest) => {
    expect(() => createVerifier({ ...descriptor, digest: digest as Digest }, nodeHasher)).toThrow(
      expect.objectContaining({ code: 'ERR_DIGEST_INVALID' }),
    );
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '5' as unknown as number])(
    'refuses a descriptor with size %s',
    (size) => {
      expect(() => createVerifier({ ...descriptor, size }, nodeHasher)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
      );
    },
  );
});

describe('checkFilled', () => {
  const { digest } = descriptor;

  it.each([
    ['whole', { size: 5, digest }],
    ['not at its end yet', { size: 4, digest: undefined }],
    ['at its end, with a digest to come', { size: 5, digest: undefined }],
  ])('accepts content that is %s', (_, filled) => {
    checkFilled(descriptor, filled);
  });

  it.each([
    ['too long', { size: 6, digest: undefined }, '6 bytes came, more than the expected 5'],
    ['too long, whatever its digest is', { size: 6, digest }, '6 bytes came, more than the expected 5'],
    ['too short', { size: 4, digest }, 'it ended after 4 of the expected 5 bytes'],
    ['other', { size: 5, digest: other }, `its digest is ${other}`],
  ])('refuses content that is %s', (_, filled, reason) => {
    const error = failureOf(() => checkFilled(descriptor, filled));
    expect(error.message).toBe(`Cannot accept content ${digest}: ${reason}`);
    expect(error.actual.size).toBe(filled.size);
  });
});

describe('verifyContent', () => {
  async function* chunks(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const part of parts) yield new TextEncoder().encode(part);
  }
  const collect = async (content: AsyncIterable<Uint8Array>, into: string[]): Promise<void> => {
    for await (const chunk of content) into.push(new TextDecoder().decode(chunk));
  };

  it('passes on right content, chunk by chunk', async () => {
    const seen: string[] = [];
    await collect(verifyContent(chunks('he', '', 'llo'), descriptor, nodeHasher), seen);
    expect(seen).toEqual(['he', '', 'llo']);
  });

  it.each([
    ['too long', ['hello', '!'], ['hello']],
    ['too short', ['hell'], ['hell']],
    ['other', ['jel', 'lo'], ['jel', 'lo']],
    ['empty', [], []],
  ])('fails at the end of content that is %s, and passes on no byte too many', async (_, parts, passed) => {
    const seen: string[] = [];
    await expect(collect(verifyContent(chunks(...parts), descriptor, nodeHasher), seen)).rejects.toThrow(
      ContentMismatchError,
    );
    expect(seen).toEqual(passed);
  });

  it('closes the source when the reader leaves', async () => {
    let closed = false;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield bytes;
        yield bytes;
      } finally {
        closed = true;
      }
    };
    for await (const chunk of verifyContent(source(), descriptor, nodeHasher)) if (chunk.length > 0) break;
    expect(closed).toBe(true);
  });
});
