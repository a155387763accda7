import { readdirSync } from 'node:fs';
import { Writable } from 'node:stream';
import { type Digest, computeDigest } from 'kubepull/digest';
import { type ArchiveSource, nodeHasher } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import { createMemoryStore, type ImageStore, writeContent } from 'kubepull/store';
import type { BuiltImage, BuiltIndex } from 'kubepull/testing';
import type { LayoutFiles } from '../../support/layout-check.ts';
import { readTar } from '../../testing/build/read-tar.ts';

export const memoryStore = (): ImageStore => createMemoryStore({ createHasher: nodeHasher });

/** A store with images by name. */
export async function storeWith(images: Readonly<Record<string, BuiltImage | BuiltIndex>>): Promise<ImageStore> {
  const store = memoryStore();
  for (const [name, image] of Object.entries(images)) {
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    await store.tag(name, image.descriptor);
  }
  return store;
}

/** Puts a document or bytes into a store. */
export async function put(store: ImageStore, mediaType: string, content: object | Uint8Array): Promise<Descriptor> {
  const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(JSON.stringify(content));
  const descriptor = { mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length };
  await writeContent(store, descriptor, bytes);
  return descriptor;
}

/** The same store, but for how it reads one content. */
export function readingOtherwise(
  store: ImageStore,
  digest: Digest | undefined,
  read: (content: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
): ArchiveSource {
  return {
    ...store,
    read: (descriptor, options) => {
      const content = store.read(descriptor, options);
      return descriptor.digest === digest ? read(content) : content;
    },
  };
}

export async function* flipFirstBit(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let first = true;
  for await (const chunk of content) {
    if (first) chunk[0] = (chunk[0] ?? 0) ^ 1;
    first = false;
    yield chunk;
  }
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** The files of an archive by path; directories are left out. */
export function filesIn(archive: Uint8Array): ReadonlyMap<string, Uint8Array> {
  return new Map(readTar(archive).flatMap(({ path, type, content }) => (type === '0' ? [[path, content]] : [])));
}

export function jsonIn(archive: Uint8Array, path: string): unknown {
  return JSON.parse(Buffer.from(filesIn(archive).get(path) ?? []).toString());
}

/** An archive as `layoutFaults` looks at it. */
export function layoutIn(archive: Uint8Array): LayoutFiles {
  const files = filesIn(archive);
  return {
    list(directory) {
      const start = directory === '.' ? '' : `${directory}/`;
      const names = [...files.keys()].flatMap((path) => (path.startsWith(start) ? [path.slice(start.length)] : []));
      const kinds = names.map((name) => [name.replace(/\/.*/, ''), name.includes('/') ? 'directory' : 'file'] as const);
      return [...new Map(kinds)].map(([name, kind]) => ({ name, kind }));
    },
    read: (path) => files.get(path) ?? new Uint8Array(),
  };
}

export const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** A stream that keeps what it takes, in its own time. */
export function slowStream(): {
  readonly stream: Writable;
  readonly taken: () => Buffer;
  readonly mostWaiting: () => number;
} {
  const parts: Buffer[] = [];
  let most = 0;
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _, done) {
      most = Math.max(most, stream.writableLength);
      parts.push(Buffer.from(chunk));
      setImmediate(done);
    },
  });
  return { stream, taken: () => Buffer.concat(parts), mostWaiting: () => most };
}

/** A zstd frame of raw blocks: it holds bytes as they are, so any reader of zstd must give them back. */
export function zstdRaw(bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32LE(0xfd2fb528, 0);
  header.writeUInt8(0xe0, 4);
  header.writeBigUInt64LE(BigInt(bytes.length), 5);
  const parts: Uint8Array[] = [header];
  for (let at = 0; at === 0 || at < bytes.length; at += 0x10000) {
    const block = bytes.subarray(at, at + 0x10000);
    const head = Buffer.alloc(3);
    head.writeUIntLE((block.length << 3) | (at + 0x10000 >= bytes.length ? 1 : 0), 0, 3);
    parts.push(head, block);
  }
  return Buffer.concat(parts);
}
