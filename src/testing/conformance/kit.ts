import { ok, rejects, strictEqual } from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import type { Digest, DigestAlgorithm } from '../../digest/index.js';
import { isImageError } from '../../errors/index.js';
import { type ContentWriter, type ImageStore, readContent, writeContent } from '../../store/index.js';
import type { BuiltContent } from '../build/content.js';

/** A check by its name. */
export type NamedCheck = readonly [name: string, check: (store: ImageStore) => Promise<void>];

/** Content of a given size, the same each time. */
export function sampleContent(size: number, seed = 0, algorithm: DigestAlgorithm = 'sha256'): BuiltContent {
  const bytes = new Uint8Array(
    createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(size)),
  );
  const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
  return { descriptor: { mediaType: 'application/octet-stream', digest, size }, bytes };
}

/** Fails unless the call fails with one of our errors, of this code. */
export async function failsWith(code: string, call: () => Promise<unknown>): Promise<void> {
  await rejects(call, (error: unknown) => {
    strictEqual(isImageError(error) ? error.code : error, code);
    return true;
  });
}

/** Fails unless the call fails with exactly this reason. */
export async function failsBecause(reason: unknown, call: () => Promise<unknown>): Promise<void> {
  await rejects(call, (error: unknown) => {
    strictEqual(error, reason);
    return true;
  });
}

/** Writes all, as a puller does: each call waited for. */
export async function writeAll(writer: ContentWriter, chunks: Iterable<Uint8Array>): Promise<void> {
  for (const chunk of chunks) await writer.write(chunk);
}

export function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function readAll(store: ImageStore, { descriptor }: BuiltContent): Promise<Uint8Array> {
  return readContent(store, descriptor, { maxBytes: 64 * 1024 * 1024 });
}

/** Fails unless the store gives exactly the bytes of the content. It shows no difference: that would fill the screen. */
export async function givesBack(store: ImageStore, content: BuiltContent): Promise<void> {
  strictEqual(await store.has(content.descriptor), true, 'the content must be there');
  const read = await readAll(store, content);
  ok(Buffer.compare(read, content.bytes) === 0, 'the bytes read are not those that were written');
}

/** Puts contents in, all but those left out. */
export async function fill(
  store: ImageStore,
  contents: readonly BuiltContent[],
  without: readonly Digest[] = [],
): Promise<void> {
  for (const { descriptor, bytes } of contents) {
    if (!without.includes(descriptor.digest)) await writeContent(store, descriptor, bytes);
  }
}
