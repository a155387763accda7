import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { appendFile, chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CreateHasher } from 'kubepull/digest';
import {
  type LayoutFile,
  type LayoutFileSystem,
  nodeFileSystem,
  nodeHasher,
  type OciLayout,
  openOciLayout,
} from 'kubepull/node';
import { readContent, writeContent } from 'kubepull/store';
import { buildImage, type BuiltContent, createFakeClock, type FakeClock } from 'kubepull/testing';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';

const HOUR = 60 * 60 * 1000;
const image = buildImage({ layers: [{ randomBytes: 1000 }, { randomBytes: 300_000 }] });
const [small, large] = image.contents as readonly [BuiltContent, BuiltContent];

const blobOf = (directory: string, { descriptor }: BuiltContent): string =>
  join(directory, 'blobs', descriptor.digest.replace(':', '/'));

async function layoutWithImage(): Promise<string> {
  const store = await openOciLayout(join(tempDir().path, 'layout'));
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  await store.close();
  return store.directory;
}

/** The real file system, with what is done to each file that is opened. */
function fileSystemWith(change: (file: LayoutFile, path: string) => Partial<LayoutFile>): LayoutFileSystem {
  return {
    ...nodeFileSystem,
    open: async (path) => {
      const file = await nodeFileSystem.open(path);
      return { ...file, ...change(file, path) };
    },
  };
}

/** A file system in which something happens just before the lock is taken. */
function beforeLock(happen: () => unknown): LayoutFileSystem {
  return {
    ...nodeFileSystem,
    rename: async (from, to) => {
      if (to.endsWith('/ingest/lock')) await happen();
      await nodeFileSystem.rename(from, to);
    },
  };
}

/** A clock by which all that this test has written is as old as that. */
function clockAfter(age: number): FakeClock {
  const clock = createFakeClock();
  clock.setWallClock(Date.now() + age);
  return clock;
}

const read = (store: OciLayout, { descriptor }: BuiltContent): Promise<Uint8Array> =>
  readContent(store, descriptor, { maxBytes: 1e6 });

describe('a blob of openOciLayout', () => {
  it('is not opened to say whether it is there, once it was verified', async () => {
    const directory = await layoutWithImage();
    let opened = 0;
    const fs = fileSystemWith((_, path) => ((opened += Number(path === blobOf(directory, large))), {}));
    const store = await openOciLayout(directory, { fs, clock: clockAfter(0) });
    for (let round = 0; round < 3; round += 1) expect(await store.has(large.descriptor)).toBe(true);
    expect(opened).toBe(1);
  });

  it('is hashed by the next store only where that shall be, once the last one is closed', async () => {
    const directory = await layoutWithImage();
    const first = await openOciLayout(directory);
    const { ctimeNs } = statSync(blobOf(directory, large), { bigint: true });
    const probe = join(directory, 'probe');
    // What has been written down counts for files that are older than it.
    do writeFileSync(probe, '');
    while (statSync(probe, { bigint: true }).ctimeNs <= ctimeNs);
    await first.tag('app:1', image.descriptor);
    await first.close();
    for (const rehash of [false, true]) {
      let hashed = 0;
      const createHasher: CreateHasher = (algorithm) => ((hashed += 1), nodeHasher(algorithm));
      const store = await openOciLayout(directory, { createHasher, rehash });
      expect(await store.has(large.descriptor)).toBe(true);
      expect(hashed > 0).toBe(rehash);
    }
  });

  it('is not given any more when its file has gone, though its bytes were read before', async () => {
    const directory = await layoutWithImage();
    const store = await openOciLayout(directory);
    await read(store, small);
    rmSync(blobOf(directory, small));
    await expect(read(store, small)).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining('there is no blob of') as string,
    });
  });

  it('is not the beginning of a longer file', async () => {
    const directory = await layoutWithImage();
    for (const content of [small, large]) {
      await chmod(blobOf(directory, content), 0o644);
      await appendFile(blobOf(directory, content), 'more');
      const store = await openOciLayout(directory);
      await expect(read(store, content)).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'read' });
      expect(await store.has(content.descriptor)).toBe(false);
    }
  });

  it('fails as the disk does, also where that reads it when it is asked again', async () => {
    const directory = await layoutWithImage();
    for (const content of [small, large]) {
      let fails = true;
      const fs = fileSystemWith((file, path) => ({
        read: async (into, position) => {
          if (!fails || path !== blobOf(directory, content)) return file.read(into, position);
          fails = false;
          throw Object.assign(new Error('injected'), { code: 'EIO' });
        },
      }));
      const store = await openOciLayout(directory, { fs, rehash: true });
      await expect(read(store, content)).rejects.toMatchObject({ operation: 'read', errno: 'EIO' });
      expect(Buffer.compare(await read(store, content), content.bytes)).toBe(0);
    }
  });

  it('leaves no descriptor open when it is corrupt', async () => {
    const directory = await layoutWithImage();
    const store = await openOciLayout(directory);
    const open = (): number => readdirSync('/proc/self/fd').length;
    const path = blobOf(directory, large);
    const bytes = await readFile(path);
    await chmod(path, 0o644);
    await writeFile(path, bytes.fill(0, 0, 1));
    const before = open();
    await expect(read(store, large)).rejects.toThrow('there is no blob of');
    expect(open()).toBe(before);
    expect(existsSync(path)).toBe(false);
  });

  it('is forced to the disk before the first name of it is there, and not again', async () => {
    const directory = await layoutWithImage();
    rmSync(join(directory, 'ingest/verified'), { force: true });
    const synced: string[] = [];
    const fs = fileSystemWith((file, path) => ({
      sync: async () => {
        synced.push(path);
        await file.sync();
      },
    }));
    const store = await openOciLayout(directory, { fs, clock: clockAfter(0) });
    await store.tag('app:1', image.descriptor);
    expect(synced.toSorted()).toEqual(image.contents.map((content) => blobOf(directory, content)).toSorted());
    await store.tag('app:2', image.descriptor);
    expect(synced).toHaveLength(image.contents.length);
  });

  it('is absent when it goes before it could be marked as in use', async () => {
    const directory = await layoutWithImage();
    const fs = beforeLock(() => rmSync(blobOf(directory, large), { force: true }));
    const store = await openOciLayout(directory, { fs, clock: clockAfter(HOUR) });
    expect(await store.has(large.descriptor)).toBe(false);
    await assertLayoutValid(directory);
  });

  it('is absent when it is corrupt, and somebody else removes it first', async () => {
    const directory = await layoutWithImage();
    const path = blobOf(directory, large);
    await chmod(path, 0o644);
    await writeFile(path, (await readFile(path)).fill(0, 0, 1));
    const store = await openOciLayout(directory, { fs: beforeLock(() => rmSync(path, { force: true })) });
    expect(await store.has(large.descriptor)).toBe(false);
    await assertLayoutValid(directory);
  });

  it('counts as spared by a collection of garbage that somebody else was faster to remove it than', async () => {
    const directory = await layoutWithImage();
    const path = blobOf(directory, large);
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      lstat: async (looked) => {
        const stat = await nodeFileSystem.lstat(looked);
        if (looked === path) rmSync(path);
        return stat;
      },
    };
    const store = await openOciLayout(directory, { fs });
    const { removed, spared } = await store.collectGarbage({ graceMs: 0 });
    expect(removed.map(({ digest }) => digest)).not.toContain(large.descriptor.digest);
    expect({ removed: removed.length, spared }).toEqual({ removed: image.contents.length - 1, spared: 1 });
  });
});
