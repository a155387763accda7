import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import type * as Zlib from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { streamDockerArchive, streamOciArchive } from 'kubepull/node';
import { MEDIA_TYPES } from 'kubepull/oci';
import type { ImageStore } from 'kubepull/store';
import { collect, filesIn, jsonIn, memoryStore, put, zstdRaw } from './support.ts';

/** Whether this Node is one that has zstd; the tests run on both kinds. */
const node = vi.hoisted(() => ({ hasZstd: false }));

vi.mock('node:zlib', async (importOriginal) => {
  const zlib = await importOriginal<typeof Zlib>();
  return {
    ...zlib,
    get createZstdDecompress() {
      return node.hasZstd ? unpackRaw : undefined;
    },
  };
});

/** Reads what `zstdRaw` makes. */
function unpackRaw(): Transform {
  const parts: Buffer[] = [];
  return new Transform({
    transform(chunk: Buffer, _, done) {
      parts.push(Buffer.from(chunk));
      done();
    },
    flush(done) {
      const frame = Buffer.concat(parts);
      for (let at = 13; at < frame.length;) {
        const size = frame.readUIntLE(at, 3) >> 3;
        this.push(frame.subarray(at + 3, at + 3 + size));
        at += 3 + size;
      }
      done();
    },
  });
}

const APP = 'registry.example.com/app:1';
const content = Buffer.alloc(150_000, 'content');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function storeWithZstd(): Promise<ImageStore> {
  const store = memoryStore();
  const rootfs = { type: 'layers', diff_ids: [`sha256:${sha256(content)}`] };
  const config = await put(store, MEDIA_TYPES.ociConfig, { os: 'linux', architecture: 'amd64', rootfs });
  const layers = [await put(store, MEDIA_TYPES.ociLayerZstd, zstdRaw(content))];
  const mediaType = MEDIA_TYPES.ociManifest;
  await store.tag(APP, await put(store, mediaType, { schemaVersion: 2, mediaType, config, layers }));
  return store;
}

describe('a layer in zstd', () => {
  it.each(['stored', 'unpacked'] as const)('is unpacked in a docker-archive where Node can: %s', async (layers) => {
    node.hasZstd = true;
    const tar = await collect(streamDockerArchive(await storeWithZstd(), [APP], { layers }));
    expect(jsonIn(tar, 'manifest.json')).toMatchObject([{ Layers: [`${sha256(content)}.tar`] }]);
    expect(Buffer.compare(filesIn(tar).get(`${sha256(content)}.tar`) ?? Buffer.alloc(0), content)).toBe(0);
  });

  it('is refused in a docker-archive where Node cannot, before the first byte', async () => {
    node.hasZstd = false;
    await expect(streamDockerArchive(await storeWithZstd(), [APP]).next()).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: `Cannot write "${APP}" to a docker-archive: layer sha256:${sha256(zstdRaw(content))} is zstd, which only Node 22.15 or newer unpacks; an oci-archive takes it as it is`,
    });
  });

  it('stays as it is in an oci-archive', async () => {
    node.hasZstd = false;
    const tar = await collect(streamOciArchive(await storeWithZstd(), [APP]));
    const frame = zstdRaw(content);
    expect(Buffer.compare(filesIn(tar).get(`blobs/sha256/${sha256(frame)}`) ?? Buffer.alloc(0), frame)).toBe(0);
  });
});
