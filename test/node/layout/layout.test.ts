import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { computeDigest, type CreateHasher, type Digest } from 'kubepull/digest';
import { type LayoutFileSystem, nodeFileSystem, nodeHasher, openOciLayout } from 'kubepull/node';
import { readContent, writeContent } from 'kubepull/store';
import { buildImage, testManagedStore, testStore } from 'kubepull/testing';
import { createKeptBytes } from '../../../src/node/layout/remembered.ts';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 1000 }, { randomBytes: 300_000 }] });
const [layer] = image.contents;
if (layer === undefined) throw new Error('No layer');

const blobOf = (directory: string): string => join(directory, 'blobs', layer.descriptor.digest.replace(':', '/'));

async function layoutWithImage(): Promise<string> {
  const directory = join(tempDir().path, 'layout');
  const store = await openOciLayout(directory);
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  await store.tag('app:1', image.descriptor);
  return directory;
}

/** Changes bytes of a blob in place. */
async function spoil(path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
  await chmod(path, 0o644);
  writeFileSync(path, change(readFileSync(path)));
}

const hashDigest = (text: string): Digest => computeDigest(new TextEncoder().encode(text), nodeHasher);

const flipLast = (bytes: Buffer): Buffer => {
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return bytes;
};

/** Counts the hashes that are started. */
function countingHasher(): CreateHasher & { started: number } {
  const create = Object.assign(
    (algorithm: Parameters<CreateHasher>[0]) => {
      create.started += 1;
      return nodeHasher(algorithm);
    },
    { started: 0 },
  );
  return create;
}

describe('openOciLayout, as every store', () => {
  const create = async () => {
    const directory = join(tempDir().path, 'layout');
    return { store: await openOciLayout(directory), cleanup: () => assertLayoutValid(directory) };
  };
  const checks = [...testStore(create), ...testManagedStore(create)];

  it.each(checks.map(({ name, run }) => [name, run] as const))('%s, and stays valid', async (_, run) => run());
});

describe('openOciLayout', () => {
  it('makes an empty layout, with all missing parents, and opens it again', async () => {
    const directory = join(tempDir().path, 'a', 'b');
    for (let round = 0; round < 2; round += 1) {
      expect((await openOciLayout(directory)).directory).toBe(directory);
      await assertLayoutValid(directory);
    }
    expect(readFileSync(join(directory, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
    expect(readdirSync(directory).toSorted()).toEqual(['blobs', 'index.json', 'ingest', 'oci-layout']);
  });

  it.each([
    ['a buffer of Node', Buffer.alloc(1000)],
    ['an array', new Uint8Array(1000)],
  ])('keeps what came, though its source uses %s again [I1]', async (_, buffer) => {
    const store = await openOciLayout(join(tempDir().path, 'layout'));
    const { descriptor, bytes } = layer;
    async function* reusing(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += buffer.length) {
        const piece = bytes.subarray(at, at + buffer.length);
        buffer.set(piece);
        yield buffer.subarray(0, piece.length);
        buffer.fill(0);
      }
    }
    await writeContent(store, descriptor, reusing());
    expect(await readContent(store, descriptor, { maxBytes: 1e6 })).toEqual(new Uint8Array(bytes));
    await assertLayoutValid(store.directory);
  });

  it('forces the way to a new layout to the disk, but for directories that it may not read', async () => {
    const { path } = tempDir();
    const directory = join(path, 'a', 'b');
    const synced = new Set<string>();
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      syncDirectory: async (name) => {
        synced.add(name);
        const code = name === '/' ? 'EACCES' : name === dirname(path) ? 'EPERM' : undefined;
        if (code !== undefined) throw Object.assign(new Error('not yours'), { code });
        await nodeFileSystem.syncDirectory(name);
      },
    };
    await openOciLayout(directory, { fs });
    expect([...synced]).toEqual(expect.arrayContaining([join(path, 'a'), path, dirname(path), '/', directory]));
    await assertLayoutValid(directory);
  });

  it('writes nothing when it opens a layout that is there', async () => {
    const directory = await layoutWithImage();
    const refuse = (): never => {
      throw Object.assign(new Error('read-only'), { code: 'EROFS' });
    };
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      mkdir: async (path) => (existsSync(path) ? nodeFileSystem.mkdir(path) : refuse()),
      create: refuse,
      rename: refuse,
      unlink: refuse,
      rmdir: refuse,
      syncDirectory: refuse,
    };
    const store = await openOciLayout(directory, { fs });
    expect(await store.resolve('app:1')).toEqual(image.descriptor);
    expect(await readContent(store, layer.descriptor, { maxBytes: 1e6 })).toEqual(new Uint8Array(layer.bytes));
  });

  it('leaves blobs that nobody may write to, and no descriptor open', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    const directory = await layoutWithImage();
    expect(lstatSync(blobOf(directory)).mode & 0o777).toBe(0o444);
    expect(lstatSync(join(directory, 'index.json')).mode & 0o777).toBe(0o644);
    const store = await openOciLayout(directory);
    for await (const chunk of store.read(layer.descriptor)) if (chunk.length > 0) break;
    await expect(writeContent(store, layer.descriptor, new Uint8Array(1))).rejects.toThrow('Cannot accept');
    expect(open()).toBe(before);
  });

  it.each([Number.NaN, -1])('refuses to wait %d ms for the lock', async (lockTimeoutMs) => {
    await expect(openOciLayout(tempDir().path, { lockTimeoutMs })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
    expect(readdirSync(tempDir().path)).toEqual([]);
  });

  it.each<[unknown, object]>([
    [undefined, {}],
    ['', {}],
    [new URL('file:///tmp'), {}],
    ['layout', { fs: {} }],
    ['layout', { createHasher: 'sha256' }],
    ['layout', { clock: Date }],
  ])('refuses what is of the wrong kind: %s, %j', async (directory, wrong) => {
    const path = directory === 'layout' ? join(tempDir().path, directory) : (directory as string);
    const message = expect.stringMatching(/^Cannot open a layout: \w+ /) as string;
    await expect(openOciLayout(path, wrong)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
    expect(readdirSync(tempDir().path)).toEqual([]);
  });

  it('ends with the reason of an aborted signal, before anything is made', async () => {
    const directory = join(tempDir().path, 'layout');
    const reason = { is: 'the reason' };
    await expect(openOciLayout(directory, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(existsSync(directory)).toBe(false);
  });

  it('takes the same image from many stores at once [S05]', async () => {
    const directory = join(tempDir().path, 'layout');
    const stores = await Promise.all(Array.from({ length: 8 }, () => openOciLayout(directory)));
    await Promise.all(
      stores.map(async (store, place) => {
        for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
        await store.tag(`app:${place}`, image.descriptor);
      }),
    );
    for (const place of stores.keys()) expect(await stores[0]?.resolve(`app:${place}`)).toEqual(image.descriptor);
    expect(readdirSync(join(directory, 'blobs/sha256'))).toHaveLength(image.contents.length);
    await assertLayoutValid(directory);
  });

  it('takes a name that is taken for success when the content there is right, and only then [S05]', async () => {
    const directory = await layoutWithImage();
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      rename: async (from, to) => {
        if (to === blobOf(directory) && existsSync(to)) throw Object.assign(new Error('taken'), { code: 'EEXIST' });
        await nodeFileSystem.rename(from, to);
      },
    };
    const store = await openOciLayout(directory, { fs });
    await writeContent(store, layer.descriptor, layer.bytes);
    await assertLayoutValid(directory);
    await spoil(blobOf(directory), flipLast);
    await expect(writeContent(store, layer.descriptor, layer.bytes)).rejects.toMatchObject({ errno: 'EEXIST' });
  });

  it('removes a corrupt blob of the right size, counts it as absent, and takes it anew [S08]', async () => {
    const directory = await layoutWithImage();
    await spoil(blobOf(directory), flipLast);
    const store = await openOciLayout(directory);
    expect(await store.has(layer.descriptor)).toBe(false);
    expect(existsSync(blobOf(directory))).toBe(false);
    await expect(store.tag('app:2', image.descriptor)).rejects.toThrow('lacks');
    await writeContent(store, layer.descriptor, layer.bytes);
    expect(await store.has(layer.descriptor)).toBe(true);
    await assertLayoutValid(directory);
  });

  it('opens a small blob once, however often it is read, and again when its file has changed', async () => {
    const directory = await layoutWithImage();
    let opened = 0;
    const open = async (path: string) => ((opened += Number(path === blobOf(directory))), nodeFileSystem.open(path));
    const store = await openOciLayout(directory, { fs: { ...nodeFileSystem, open } });
    const read = () => readContent(store, layer.descriptor, { maxBytes: 4096 });
    const bytes = await read();
    bytes.fill(0);
    expect(await read()).toEqual(new Uint8Array(layer.bytes));
    expect(opened).toBe(1);
    utimesSync(blobOf(directory), 1, 1);
    expect(await read()).toEqual(new Uint8Array(layer.bytes));
    expect(opened).toBe(2);
    await spoil(blobOf(directory), flipLast);
    await expect(read()).rejects.toThrow(/there is no blob of/);
    expect(existsSync(blobOf(directory))).toBe(false);
  });

  it('keeps no more than 16 MiB of small blobs in memory', () => {
    const kept = createKeptBytes();
    const descriptorOf = (at: number) => ({ ...layer.descriptor, digest: hashDigest(`${at}`) });
    const [few, many] = [200, 2000];
    for (let at = 0; at < many; at += 1) {
      kept.keep(descriptorOf(at), { version: `${at}`, bytes: new Uint8Array(64 * 1024) });
    }
    const left = Array.from({ length: many }, (_, at) => kept.of(descriptorOf(at))).filter(
      (blob) => blob !== undefined,
    );
    expect(left.length * 64 * 1024).toBeLessThanOrEqual(17 * 1024 * 1024);
    expect(left.length).toBeGreaterThan(few / 2);
    expect(left.at(-1)?.version).toBe(`${many - 1}`);
  });

  it('gives no byte of a corrupt blob to a reader [S08]', async () => {
    const directory = await layoutWithImage();
    await spoil(blobOf(directory), flipLast);
    const store = await openOciLayout(directory);
    const read = async (): Promise<void> => {
      for await (const chunk of store.read(layer.descriptor)) throw new Error(`${chunk.length} bytes`);
    };
    await expect(read()).rejects.toMatchObject({ code: 'ERR_STORE' });
  });

  it('counts a blob of another size as absent, and replaces it [S08]', async () => {
    const directory = await layoutWithImage();
    for (const change of [(bytes: Buffer) => bytes.subarray(1), (bytes: Buffer) => Buffer.concat([bytes, bytes])]) {
      await spoil(blobOf(directory), change);
      const store = await openOciLayout(directory);
      expect(await store.has(layer.descriptor)).toBe(false);
      await writeContent(store, layer.descriptor, layer.bytes);
      await assertLayoutValid(directory);
    }
  });

  it('hashes a blob once, and again when its file has changed [S08]', async () => {
    const directory = await layoutWithImage();
    const createHasher = countingHasher();
    const store = await openOciLayout(directory, { createHasher });
    for (let round = 0; round < 3; round += 1) expect(await store.has(layer.descriptor)).toBe(true);
    expect(createHasher.started).toBe(1);
    utimesSync(blobOf(directory), 1, 1);
    expect(await store.has(layer.descriptor)).toBe(true);
    expect(createHasher.started).toBe(2);
    await spoil(blobOf(directory), flipLast);
    expect(await store.has(layer.descriptor)).toBe(false);
  });

  it('does not hash again what it has written itself [S08]', async () => {
    const createHasher = countingHasher();
    const store = await openOciLayout(join(tempDir().path, 'layout'), { createHasher });
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    await store.tag('app:1', image.descriptor);
    expect(createHasher.started).toBe(image.contents.length);
  });

  it('puts back what another process wrote while a corrupt blob was moved aside [S08]', async () => {
    const directory = await layoutWithImage();
    await spoil(blobOf(directory), flipLast);
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      rename: async (from, to) => {
        if (from === blobOf(directory)) {
          await writeContent(await openOciLayout(directory), layer.descriptor, layer.bytes);
        }
        await nodeFileSystem.rename(from, to);
      },
    };
    await (await openOciLayout(directory, { fs })).has(layer.descriptor);
    await assertLayoutValid(directory);
  });

  it('does not touch what another process wrote, and may have named, before the lock was free [S08]', async () => {
    const directory = await layoutWithImage();
    await spoil(blobOf(directory), flipLast);
    const moved: string[] = [];
    let once = false;
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      mkdir: async (path) => {
        if (once) await writeContent(await openOciLayout(directory), layer.descriptor, layer.bytes);
        once = false;
        await nodeFileSystem.mkdir(path);
      },
      rename: async (from, to) => {
        moved.push(from);
        await nodeFileSystem.rename(from, to);
      },
    };
    const store = await openOciLayout(directory, { fs });
    once = true;
    await store.has(layer.descriptor);
    expect(moved).not.toContain(blobOf(directory));
    await assertLayoutValid(directory);
  });

  it('removes the temporary files of processes that have ended, and no others [S13]', async () => {
    const directory = await layoutWithImage();
    const store = await openOciLayout(directory);
    const writer = await store.ingest(layer.descriptor);
    await writer.write(layer.bytes.subarray(0, 10));
    const ingest = (): readonly string[] =>
      readdirSync(join(directory, 'ingest'))
        .filter((name) => !name.endsWith('.sock') && name !== 'verified')
        .toSorted();
    const [own = ''] = ingest();
    expect(own).toContain(`-${process.pid}-`);
    const [space = '', , started = '', ...rest] = own.slice(0, own.indexOf('.')).split('-');
    const token = (where: string, pid: number, at: string): string => [where, pid, at, ...rest].join('-');
    const dead = [token(space, 4_194_305, started), token(space, process.pid, '1')];
    const kept = [own, token('f'.repeat(16), 1, '1'), 'somebody-elses.tmp'];
    const old = token('e'.repeat(16), 1, '1');
    for (const name of [...dead, ...kept.slice(1), old]) writeFileSync(join(directory, 'ingest', name), '');
    utimesSync(join(directory, 'ingest', old), 1, 1);
    const locked = token(space, 4_194_306, started);
    mkdirSync(join(directory, 'ingest', locked));
    writeFileSync(join(directory, 'ingest', locked, locked), '');

    await openOciLayout(directory);
    expect(ingest()).toEqual(kept.toSorted());
    await writer.write(layer.bytes.subarray(10));
    await writer.commit();
    expect(await store.has(layer.descriptor)).toBe(true);
  });

  it('keeps what is in the making out of blobs [S13]', async () => {
    const directory = await layoutWithImage();
    const store = await openOciLayout(directory);
    const before = readdirSync(join(directory, 'blobs/sha256'));
    const writer = await store.ingest({ ...layer.descriptor, size: 2_000_000 });
    await writer.write(new Uint8Array(1_000_000));
    expect(readdirSync(join(directory, 'blobs/sha256'))).toEqual(before);
    await assertLayoutValid(directory, { allowTemps: true });
    await writer.abort();
    await assertLayoutValid(directory);
  });

  it('holds a sender back when the disk is slow, at no more than 1 MiB', async () => {
    const release: (() => void)[] = [];
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      create: async (path) => {
        const file = await nodeFileSystem.create(path);
        const write: typeof file.write = async (parts, at) => {
          if (parts.some((part) => part.length > 1000)) await new Promise<void>((resolve) => release.push(resolve));
          return file.write(parts, at);
        };
        return { ...file, write };
      },
    };
    const store = await openOciLayout(join(tempDir().path, 'layout'), { fs });
    const writer = await store.ingest({ ...layer.descriptor, size: 100_000_000 });
    let taken = 0;
    let wait: void | Promise<void> = undefined;
    for (; wait === undefined && taken < 10_000_000; taken += 65_536) wait = writer.write(new Uint8Array(65_536));
    expect(taken).toBeGreaterThan(65_536);
    expect(taken).toBeLessThanOrEqual(1024 * 1024);
    // A sender that does not wait is told so, and cannot mix up the bytes.
    expect(() => writer.write(new Uint8Array(1))).toThrow('the writer is busy');
    release.shift()?.();
    await wait;
    release.shift()?.();
    await writer.abort();
  });
});
