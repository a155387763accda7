import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  type ArchiveSource,
  type LayoutFile,
  type LayoutFileSystem,
  nodeFileSystem,
  streamOciArchive,
  writeDockerArchive,
  writeOciArchive,
} from 'kubepull/node';
import { type CopyEvent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { assertInvariants, countingSignal, startWatch } from '../../support/invariants.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { readTar } from '../../testing/build/read-tar.ts';
import { collect, flipFirstBit, readingOtherwise, slowStream, storeWith } from './support.ts';

const APP = 'registry.example.com/app:1';
const image = buildImage({ layers: [{ randomBytes: 1_500_000 }, { randomBytes: 700_000 }] });
const store = await storeWith({ [APP]: image });
const whole = await collect(streamOciArchive(store, [APP]));
const layer = image.manifest.layers[1]?.digest;

const kinds = [
  ['writeOciArchive', writeOciArchive],
  ['writeDockerArchive', writeDockerArchive],
] as const;

/** The file system, with one call of open files changed. */
function withFile(change: (file: LayoutFile) => Partial<LayoutFile>): LayoutFileSystem {
  return {
    ...nodeFileSystem,
    async create(path) {
      const file = await nodeFileSystem.create(path);
      return { ...file, ...change(file) };
    },
  };
}

async function* never(): AsyncGenerator<Uint8Array> {
  yield await new Promise<Uint8Array>(() => undefined);
}

const failing = (code: string) => async (): Promise<never> => {
  throw Object.assign(new Error(code), { code });
};

describe('writeOciArchive, to a path', () => {
  it('writes a file for all to read, and nothing beside it', async () => {
    const { path } = tempDir();
    const size = await writeOciArchive(store, [APP], join(path, 'app.tar'));
    expect(readFileSync(join(path, 'app.tar')).equals(whole)).toBe(true);
    expect(size).toBe(whole.length);
    expect(statSync(join(path, 'app.tar')).mode & 0o777).toBe(0o644);
    expect(readdirSync(path)).toEqual(['app.tar']);
  });

  it('shows the old file until the new one is whole', async () => {
    const { path } = tempDir();
    const target = join(path, 'app.tar');
    writeFileSync(target, 'old');
    const seen = new Set<string>();
    const onEvent = (): void => void seen.add(readFileSync(target, 'utf8'));
    await writeOciArchive(store, [APP], target, { onEvent });
    expect([...seen]).toEqual(['old']);
    expect(readFileSync(target).equals(whole)).toBe(true);
  });

  it('forces file, then name to the disk', async () => {
    const { path } = tempDir();
    const calls: string[] = [];
    const fs: LayoutFileSystem = {
      ...withFile((file) => ({
        sync: async () => {
          calls.push('sync');
          await file.sync();
        },
        chmod: async (mode) => {
          calls.push(`chmod ${mode.toString(8)}`);
          await file.chmod(mode);
        },
      })),
      rename: async (from, to) => {
        calls.push('rename');
        await nodeFileSystem.rename(from, to);
      },
      syncDirectory: async (directory) => {
        calls.push(`sync ${directory === path ? 'directory' : directory}`);
        await nodeFileSystem.syncDirectory(directory);
      },
    };
    await writeOciArchive(store, [APP], join(path, 'app.tar'), { fs });
    expect(calls).toEqual(['sync', 'chmod 644', 'rename', 'sync directory']);
  });

  it('writes the rest when the system takes less at a time', async () => {
    const { path } = tempDir();
    const fs = withFile((file) => ({
      write: ([part], at) => file.write(part === undefined ? [] : [part.subarray(0, 10_001)], at),
    }));
    await writeOciArchive(store, [APP], join(path, 'app.tar'), { fs });
    expect(readFileSync(join(path, 'app.tar')).equals(whole)).toBe(true);
  });

  it.each(kinds)(
    '%s leaves the old file and nothing else when content is not what the store says',
    async (_, write) => {
      const { path } = tempDir();
      writeFileSync(join(path, 'app.tar'), 'old');
      const source = readingOtherwise(store, layer, flipFirstBit);
      await expect(write(source, [APP], join(path, 'app.tar'))).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
      expect(readdirSync(path)).toEqual(['app.tar']);
      expect(readFileSync(join(path, 'app.tar'), 'utf8')).toBe('old');
    },
  );

  it.each([
    ['write', 'ENOSPC', withFile(() => ({ write: failing('ENOSPC') }))],
    ['fsync', 'EIO', withFile(() => ({ sync: failing('EIO') }))],
    ['chmod', 'EROFS', withFile(() => ({ chmod: failing('EROFS') }))],
    ['create', 'EACCES', { ...nodeFileSystem, create: failing('EACCES') }],
    ['rename', 'EDQUOT', { ...nodeFileSystem, rename: failing('EDQUOT') }],
  ])('leaves nothing when %s fails with %s', async (operation, errno, fs) => {
    const { path } = tempDir();
    const watch = startWatch();
    const writing = writeOciArchive(store, [APP], join(path, 'app.tar'), { fs });
    await expect(writing).rejects.toMatchObject({ code: 'ERR_STORE', operation, errno });
    expect(readdirSync(path)).toEqual([]);
    await assertInvariants({ watch });
  });

  it('leaves nothing when the disk holds less than was written', async () => {
    const { path } = tempDir();
    const fs = withFile((file) => ({ stat: async () => ({ ...(await file.stat()), size: 1 }) }));
    await expect(writeOciArchive(store, [APP], join(path, 'app.tar'), { fs })).rejects.toMatchObject({
      code: 'ERR_STORE',
    });
    expect(readdirSync(path)).toEqual([]);
  });

  it('closes the file when the last write is over, and not before', async () => {
    const { path } = tempDir();
    let writing = 0;
    const closedWhileWriting: number[] = [];
    let onWrite = (): void => undefined;
    const fs = withFile((file) => ({
      write: async (bytes, at) => {
        writing += 1;
        onWrite();
        await new Promise((resolve) => setTimeout(resolve, 5));
        const written = await file.write(bytes, at);
        writing -= 1;
        return written;
      },
      close: async () => {
        closedWhileWriting.push(writing);
        await file.close();
      },
    }));
    const source = readingOtherwise(store, layer, flipFirstBit);
    const failed = writeOciArchive(source, [APP], join(path, 'app.tar'), { fs });
    await expect(failed).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    const controller = new AbortController();
    onWrite = () => controller.abort('stop');
    const aborted = writeOciArchive(store, [APP], join(path, 'app.tar'), { fs, signal: controller.signal });
    await expect(aborted).rejects.toBe('stop');
    expect(closedWhileWriting).toEqual([0, 0]);
  });

  it('does not take the place of a link, a directory or a device', async () => {
    const { path } = tempDir();
    mkdirSync(join(path, 'directory'));
    writeFileSync(join(path, 'file'), 'old');
    symlinkSync(join(path, 'file'), join(path, 'link'));
    const before = lstatSync('/dev/null').rdev;
    for (const target of [join(path, 'directory'), join(path, 'link'), '/dev/null']) {
      await expect(writeOciArchive(store, [APP], target)).rejects.toMatchObject({
        code: 'ERR_STORE',
        operation: 'write',
      });
    }
    expect(readdirSync(path).toSorted()).toEqual(['directory', 'file', 'link']);
    expect(lstatSync('/dev/null').rdev).toBe(before);
  });

  it('says that the directory is not there', async () => {
    const target = join(tempDir().path, 'missing', 'app.tar');
    await expect(writeOciArchive(store, [APP], target)).rejects.toMatchObject({ code: 'ERR_STORE', errno: 'ENOENT' });
  });
});

describe('writeOciArchive, to a stream', () => {
  it('gives no more than the stream takes, and leaves it open', async () => {
    const { stream, taken, mostWaiting } = slowStream();
    expect(await writeOciArchive(store, [APP], stream)).toBe(whole.length);
    expect(taken().equals(whole)).toBe(true);
    expect(mostWaiting()).toBeLessThanOrEqual(1024 * 1024);
    expect(stream.writableEnded).toBe(false);
    expect(stream.listenerCount('error') + stream.listenerCount('close')).toBe(0);
    stream.end('more');
  });

  it('does not read ahead of a stream that stands still', async () => {
    let read = 0;
    const source = readingOtherwise(store, layer, async function* (content) {
      for await (const chunk of content) {
        read += chunk.length;
        yield chunk;
      }
    });
    const controller = new AbortController();
    const stream = new Writable({ highWaterMark: 1, write: () => undefined });
    const writing = writeOciArchive(source, [APP], stream, { signal: controller.signal });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(read).toBeLessThan(512 * 1024);
    controller.abort('enough');
    await expect(writing).rejects.toBe('enough');
  });

  it.each([
    ['fails', (stream: Writable) => void stream.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }))],
    ['is closed', (stream: Writable) => void stream.destroy()],
  ])('fails when the stream %s in the middle', async (_, end) => {
    const watch = startWatch();
    let taken = 0;
    const stream = new Writable({
      write(chunk: Uint8Array, _, done) {
        taken += chunk.length;
        if (taken > 100_000) end(stream);
        else done();
      },
    });
    await expect(writeOciArchive(store, [APP], stream)).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'write',
    });
    await assertInvariants({ watch });
  });

  it.each([
    ['was closed before', (stream: Writable) => stream.destroy()],
    ['was ended before', (stream: Writable) => stream.end()],
  ])('fails when the stream %s', async (_, end) => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
    end(stream);
    await expect(writeOciArchive(store, [APP], stream)).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'write',
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

describe.each(kinds)('%s, when it is aborted', (_, write) => {
  /** A source that never gives the second layer. */
  const hanging: ArchiveSource = readingOtherwise(store, layer, async function* (content) {
    for await (const chunk of content) {
      yield chunk;
      await new Promise(() => undefined);
    }
  });

  it.each(['path', 'stream'])('rejects with the reason at each event, and leaves nothing: %s', async (kind) => {
    const count = { events: 0 };
    const sink = (path: string): string | Writable =>
      kind === 'path'
        ? join(path, 'app.tar')
        : new Writable({ write: (_chunk, _encoding, done) => setImmediate(done) });
    const events: CopyEvent[] = [];
    await write(store, [APP], sink(tempDir().path), { onEvent: (event) => events.push(event) });
    for (let at = 0; at < events.length; at += Math.ceil(events.length / 12)) {
      const watch = startWatch();
      const { path } = tempDir();
      const signal = countingSignal();
      count.events = 0;
      const onEvent = (): void => {
        if (count.events === at) signal.abort({ stop: at });
        count.events += 1;
      };
      await expect(write(store, [APP], sink(path), { onEvent, signal: signal.signal })).rejects.toEqual({ stop: at });
      expect(readdirSync(path)).toEqual([]);
      await assertInvariants({ watch, signals: [signal] });
    }
  });

  it.each(['stored', 'unpacked'] as const)(
    'rejects at once, also while the store keeps it waiting: %s',
    async (layers) => {
      const { path } = tempDir();
      const signal = countingSignal();
      setTimeout(() => signal.abort('stop'), 50);
      const options = { layers, signal: signal.signal };
      await expect(write(hanging, [APP], join(path, 'app.tar'), options)).rejects.toBe('stop');
      expect(readdirSync(path)).toEqual([]);
      expect(signal.listeners).toBe(0);
    },
  );

  it.each(['resolve', 'has', 'read'] as const)(
    'rejects at once, though the store never answers: %s',
    async (method) => {
      const { path } = tempDir();
      const signal = countingSignal();
      const silent: ArchiveSource = {
        ...store,
        resolve: method === 'resolve' ? () => new Promise(() => undefined) : store.resolve,
        has: method === 'has' ? () => new Promise(() => undefined) : store.has,
        read: method === 'read' ? never : store.read,
      };
      setTimeout(() => signal.abort('stop'), 20);
      await expect(write(silent, [APP], join(path, 'app.tar'), { signal: signal.signal })).rejects.toBe('stop');
      expect(readdirSync(path)).toEqual([]);
      expect(signal.listeners).toBe(0);
    },
  );

  it('does nothing when it was aborted before', async () => {
    const { path } = tempDir();
    const signal = AbortSignal.abort('before');
    await expect(write(store, [APP], join(path, 'app.tar'), { signal })).rejects.toBe('before');
    expect(readdirSync(path)).toEqual([]);
  });
});

describe('streamOciArchive', () => {
  it('stops reading the store when its reader stops', async () => {
    const watch = startWatch();
    let ended = false;
    const source = readingOtherwise(store, layer, async function* (content) {
      try {
        yield* content;
      } finally {
        ended = true;
      }
    });
    let taken = 0;
    for await (const chunk of streamOciArchive(source, [APP])) {
      taken += chunk.length;
      if (taken > 200_000) break;
    }
    expect(ended).toBe(true);
    await assertInvariants({ watch });
  });

  it('ends with the error of whoever listens', async () => {
    const onEvent = (event: CopyEvent): void => {
      if (event.type === 'blob') throw new RangeError('enough');
    };
    await expect(collect(streamOciArchive(store, [APP], { onEvent }))).rejects.toThrow(RangeError);
  });

  it('gives what the store gave, though the store uses its buffer again [I1]', async () => {
    const reusing: typeof store = {
      ...store,
      async *read(descriptor, options) {
        const buffer = Buffer.alloc(1000);
        for await (const chunk of store.read(descriptor, options)) {
          for (let at = 0; at < chunk.length; at += buffer.length) {
            const piece = chunk.subarray(at, at + buffer.length);
            buffer.set(piece);
            yield buffer.subarray(0, piece.length);
            buffer.fill(0);
          }
        }
      },
    };
    expect((await collect(streamOciArchive(reusing, [APP]))).equals(whole)).toBe(true);
  });

  it('gives chunks that stay as they are', async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of streamOciArchive(store, [APP])) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(whole)).toBe(true);
    expect(readTar(whole).length).toBeGreaterThan(4);
  });
});
