import { readdirSync, readFileSync, symlinkSync, writeFileSync, linkSync, mkdirSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pullImage } from 'kubepull/puller';
import { ContentMismatchError } from 'kubepull/errors';
import {
  createNodeRuntime,
  type LayoutFileSystem,
  type LayoutOwner,
  nodeFileSystem,
  type OciLayout,
  type OciLayoutOptions,
  openOciLayout,
} from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage, createFakeClock, createLoopbackRegistry } from 'kubepull/testing';
import { createCrashDisk } from '../../support/crash-fs.ts';
import { countFor } from '../../support/figures.ts';
import { assertLayoutValid, layoutFaults } from '../../support/layout-check.ts';
import { isMutated } from '../../support/property-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { sweepOf } from '../../support/sweeps.ts';

/** Calls after which the disk is as it was before. */
const LOOKS = ['realpath', 'open', 'lstat', 'fstat', 'read', 'readdir'];
const PIECE = 256 * 1024;
const image = buildImage({ layers: [{ randomBytes: 5 * PIECE, seed: 'resume' }, { randomBytes: 4 * PIECE }] });
const { contents } = image;
const [layer, other] = contents;
if (layer === undefined || other === undefined) throw new Error('No layers');
const { descriptor, bytes } = layer;
const KEPT = descriptor.digest.replace(':', '-');
const strict = { allowPartials: false };

const ingestOf = (directory: string): string => join(directory, 'ingest');
const filesIn = (directory: string): readonly string[] =>
  readdirSync(ingestOf(directory))
    .filter((name) => !name.endsWith('.sock'))
    .toSorted();

/** A layout in which a writer of the layer was given up after some pieces. */
async function cutLayout(
  pieces: number,
  options: OciLayoutOptions = {},
): Promise<{ directory: string; store: OciLayout }> {
  const directory = join(tempDir().path, 'layout');
  const store = await openOciLayout(directory, options);
  await cut(store, pieces);
  return { directory, store };
}

async function cut(store: OciLayout, pieces: number, content = layer): Promise<void> {
  const writer = await store.ingest(content!.descriptor);
  if (writer.offset > 0) await writer.restart();
  for (let at = 0; at < pieces; at += 1) await writer.write(content!.bytes.subarray(at * PIECE, (at + 1) * PIECE));
  await writer.abort();
}

function hasMarker(disk: ReturnType<typeof createCrashDisk>): boolean {
  try {
    return disk
      .files('/layout')
      .list('.')
      .some(({ name }) => name === 'oci-layout');
  } catch {
    return false;
  }
}

/** Writes what is left, from where the store says. */
async function finish(store: OciLayout): Promise<number> {
  const writer = await store.ingest(descriptor);
  const { offset } = writer;
  try {
    await writer.write(bytes.subarray(offset));
    await writer.commit();
  } finally {
    await writer.abort();
  }
  return offset;
}

describe('openOciLayout resumes', () => {
  it('where a writer gave up, in this process and in the next [B05]', async () => {
    const { directory, store } = await cutLayout(3);
    expect(filesIn(directory)).toEqual([KEPT]);
    await assertLayoutValid(directory);
    expect(await finish(store)).toBe(3 * PIECE);
    expect(await store.has(descriptor)).toBe(true);
    await assertLayoutValid(directory, strict);

    const again = await cutLayout(2);
    expect(await finish(await openOciLayout(again.directory))).toBe(2 * PIECE);
    await assertLayoutValid(again.directory, strict);
  });

  it('where a process died, though nobody has opened the layout since [B05]', async () => {
    const { directory, store } = await cutLayout(0);
    const writer = await store.ingest(descriptor);
    const [own = ''] = filesIn(directory);
    await writer.abort();
    const dead = own.replace(`-${process.pid}-`, '-4194305-');
    writeFileSync(join(ingestOf(directory), dead), bytes.subarray(0, 700_000));
    expect(await finish(store)).toBe(700_000);
    await assertLayoutValid(directory, strict);
  });

  it('after the layout was opened, which brings what processes left under one name, the longest of it [B05]', async () => {
    const { directory, store } = await cutLayout(1);
    const writer = await store.ingest(other.descriptor);
    const [own = ''] = filesIn(directory).filter((name) => name.includes('.'));
    await writer.abort();
    for (const [pid, length] of [
      [4_194_305, 300_000],
      [4_194_306, 900_000],
      [4_194_307, 100],
    ] as const) {
      const name = `${own.slice(0, own.indexOf('.'))}.${KEPT}`.replace(`-${process.pid}-`, `-${pid}-`);
      writeFileSync(join(ingestOf(directory), name), bytes.subarray(0, length));
    }
    const next = await openOciLayout(directory);
    expect(filesIn(directory)).toEqual([KEPT]);
    expect(await finish(next)).toBe(900_000);
    await assertLayoutValid(directory, strict);
  });

  it('not from a writer that lives, nor from one that nobody can see [B05]', async () => {
    const { directory, store } = await cutLayout(0);
    const first = await store.ingest(descriptor);
    await first.write(bytes.subarray(0, 3 * PIECE));
    const [own = ''] = filesIn(directory);
    writeFileSync(join(ingestOf(directory), `${'f'.repeat(16)}${own.slice(16)}`), bytes.subarray(0, 500_000));
    const second = await (await openOciLayout(directory)).ingest(descriptor);
    expect(second.offset).toBe(0);
    await second.abort();
    await first.write(bytes.subarray(3 * PIECE));
    await first.commit();
    expect(await store.has(descriptor)).toBe(true);
  });

  it.each([
    ['its first byte', (part: Buffer) => part.fill(part[0]! ^ 1, 0, 1)],
    ['its last byte', (part: Buffer) => part.fill(part.at(-1)! ^ 1, part.length - 1)],
    ['all of it', (part: Buffer) => part.fill(0)],
  ])('once only from a part that was corrupted on the disk between two pulls: %s [B05]', async (_, spoil) => {
    const { directory } = await cutLayout(3);
    const path = join(ingestOf(directory), KEPT);
    const part = readFileSync(path);
    spoil(part);
    writeFileSync(path, part);

    const store = await openOciLayout(directory);
    const writer = await store.ingest(descriptor);
    expect(writer.offset).toBe(3 * PIECE);
    await writer.write(bytes.subarray(writer.offset));
    await expect(writer.commit()).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    expect(await store.has(descriptor)).toBe(false);
    expect(filesIn(directory)).toEqual([]);
    // The same writer can start anew, and so can the next.
    await writer.restart();
    expect(writer.offset).toBe(0);
    await writer.write(bytes);
    await writer.commit();
    await assertLayoutValid(directory, strict);
    const next = await (await openOciLayout(directory)).ingest(descriptor);
    expect(next.offset).toBe(0);
    await next.abort();
  });

  it('not from bytes that were refused, or restarted [B05]', async () => {
    const { directory, store } = await cutLayout(0);
    const wrong = await store.ingest(descriptor);
    await wrong.write(bytes.subarray(0, 3 * PIECE));
    expect(() => wrong.write(bytes)).toThrow('more than the expected');
    await wrong.abort();
    expect(filesIn(directory)).toEqual([]);
    const short = await store.ingest(descriptor);
    await short.write(bytes.subarray(0, 3 * PIECE));
    await expect(short.commit()).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    await short.abort();
    expect(filesIn(directory)).toEqual([]);
    await cut(store, 3);
    const anew = await store.ingest(descriptor);
    await anew.restart();
    await anew.abort();
    expect(filesIn(directory)).toEqual([]);
  });

  it('with a part of another inode than any that others could still write to', async () => {
    const { directory, store } = await cutLayout(3);
    const outside = join(dirname(directory), 'outside');
    linkSync(join(ingestOf(directory), KEPT), outside);
    const before = readFileSync(outside);
    expect(await finish(store)).toBe(3 * PIECE);
    expect(readFileSync(outside).equals(before)).toBe(true);
    writeFileSync(outside, 'x');
    await assertLayoutValid(directory, strict);
  });

  it.each([
    ['a link', (path: string) => symlinkSync('/etc/hostname', path)],
    ['a directory', (path: string) => mkdirSync(path)],
    ['too long', (path: string) => writeFileSync(path, new Uint8Array(descriptor.size + 1))],
    ['empty', (path: string) => writeFileSync(path, '')],
  ])('from the first byte when what stands for a part is %s', async (_, make) => {
    const { directory, store } = await cutLayout(0);
    make(join(ingestOf(directory), KEPT));
    expect(await finish(store)).toBe(0);
    expect(await store.has(descriptor)).toBe(true);
  });

  it.each(['ENOSPC', 'EIO'])(
    'from the first byte when a part cannot be copied for %s, and removes it',
    async (code) => {
      const { directory } = await cutLayout(3);
      let fails = true;
      const fs: LayoutFileSystem = {
        ...nodeFileSystem,
        create: async (path) => {
          const file = await nodeFileSystem.create(path);
          const write: typeof file.write = async (part, at) => {
            if (fails && at >= PIECE) throw Object.assign(new Error('injected'), { code });
            return file.write(part, at);
          };
          return { ...file, write };
        },
      };
      const store = await openOciLayout(directory, { fs });
      const writer = await store.ingest(descriptor);
      fails = false;
      expect(writer.offset).toBe(0);
      expect(filesIn(directory)).toHaveLength(1);
      await writer.write(bytes);
      await writer.commit();
      await assertLayoutValid(directory, strict);
    },
  );

  it('from all of it when only the commit was missing', async () => {
    const { directory, store } = await cutLayout(5);
    const writer = await store.ingest(descriptor);
    expect(writer.offset).toBe(descriptor.size - (descriptor.size % PIECE));
    await writer.write(bytes.subarray(writer.offset));
    await writer.commit();
    await assertLayoutValid(directory, strict);
  });

  it('and keeps the part for the next when the taking over is aborted', async () => {
    const { directory, store } = await cutLayout(3);
    const controller = new AbortController();
    const reason = { is: 'the reason' };
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      open: async (path) => {
        if (path.endsWith(KEPT)) controller.abort(reason);
        return nodeFileSystem.open(path);
      },
    };
    const slow = await openOciLayout(directory, { fs });
    await expect(slow.ingest(descriptor, { signal: controller.signal })).rejects.toBe(reason);
    await slow.close();
    expect(filesIn(directory)).toEqual([KEPT]);
    expect(await finish(store)).toBe(3 * PIECE);
  });
});

describe('openOciLayout resumes', () => {
  it('after a kill or a power cut at any call of a cut and its resume [S01 S02]', async () => {
    const run = async (fs: LayoutFileSystem, id: string): Promise<void> => {
      let tokens = 0;
      const owner: LayoutOwner = {
        createToken: () => `${'0'.repeat(16)}-${id}-1-${String((tokens += 1)).padStart(36, '0')}`,
        stateOf: async (token) => (token.split('-')[1] === id ? 'alive' : 'dead'),
      };
      const store = await openOciLayout('/layout', { fs, owner });
      await cut(store, 3);
      await finish(store).catch(async (error: unknown) => {
        // What a power cut has left of a part may be wrong; it is gone then.
        if (!(error instanceof ContentMismatchError)) throw error;
        await finish(store);
      });
    };
    const clean = createCrashDisk().mount();
    await run(clean, '1');
    const changes = clean.calls.filter(({ operation }) => !LOOKS.includes(operation));
    expect(changes.length).toBeGreaterThan(30);
    for (const { n } of sweepOf(changes, isMutated ? 2 : 10)) {
      for (const how of [undefined, 'nothing', 'everything', 'subsets'] as const) {
        const where = `call ${n}, ${how}`;
        const disk = createCrashDisk();
        await run(
          disk.mount((call) => (call.n === n ? 'kill' : undefined)),
          '1',
        ).catch(() => undefined);
        if (how !== undefined) disk.losePower(how, () => ((n * 7919) % 97) / 97);
        if (hasMarker(disk)) expect(layoutFaults(disk.files('/layout'), { allowTemps: true }), where).toEqual([]);
        await run(disk.mount(), '2');
        expect(layoutFaults(disk.files('/layout'), { allowPartials: false }), where).toEqual([]);
        countFor('kills and power cuts at a call of a layout');
      }
    }
  });
});

describe('pullImage into openOciLayout', () => {
  /** Pulls the image into a layout that has three pieces of its first layer, and says what it asked of the registry. */
  async function pullAfterCut(spoil: (part: Buffer) => unknown) {
    const { directory } = await cutLayout(3);
    const path = join(ingestOf(directory), KEPT);
    const part = readFileSync(path);
    spoil(part);
    writeFileSync(path, part);
    await using registry = await createLoopbackRegistry();
    await using runtime = createNodeRuntime();
    registry.push('team/app', '1', image);
    const store = await openOciLayout(directory);
    const name = `${registry.host}/team/app:1`;
    const platform = { os: 'linux', architecture: 'amd64' };
    await pullImage(name, { runtime, store, platform, plainHttp: [registry.host] });
    expect((await store.resolve(name))?.digest).toBe(image.descriptor.digest);
    await assertLayoutValid(directory, strict);
    const asked = registry.requests.filter(({ url }) => url.endsWith(`/blobs/${descriptor.digest}`));
    return asked.map(({ headers }) => headers['range']);
  }

  it('asks only for what a cut pull has not brought [B05]', async () => {
    expect(await pullAfterCut(() => undefined)).toEqual([`bytes=${3 * PIECE}-`]);
  });

  it('succeeds though the part was corrupted between two pulls [B05]', async () => {
    expect(await pullAfterCut((part) => part.fill(0, 100, 200))).toEqual([`bytes=${3 * PIECE}-`, undefined]);
  });
});

describe('openOciLayout keeps parts', () => {
  it('for a day, or as long as it is told [S13]', async () => {
    const clock = createFakeClock();
    clock.setWallClock(Date.now());
    const day = 24 * 60 * 60 * 1000;
    const { directory } = await cutLayout(2);
    await clock.advance(day - 60_000);
    await openOciLayout(directory, { clock });
    expect(filesIn(directory)).toEqual([KEPT]);
    await openOciLayout(directory, { clock, maxPartialAgeMs: day / 2 });
    expect(filesIn(directory)).toEqual([]);
    expect(filesIn((await cutLayout(2, { maxPartialAgeMs: 0 })).directory)).toEqual([]);
  });

  it('up to a limit, the youngest first [S13]', async () => {
    const { directory, store } = await cutLayout(3);
    utimesSync(join(ingestOf(directory), KEPT), 1_700_000_000, 1_700_000_000);
    await cut(store, 2, other);
    await openOciLayout(directory, { maxPartialAgeMs: Number.MAX_SAFE_INTEGER });
    expect(filesIn(directory)).toHaveLength(1);
    const limited = await cutLayout(3, { maxPartialBytes: 3 * PIECE });
    expect(filesIn(limited.directory)).toEqual([KEPT]);
    await cut(limited.store, 2, other);
    expect(filesIn(limited.directory)).toEqual([other.descriptor.digest.replace(':', '-')]);
  });

  it('not of content that has come meanwhile [S13]', async () => {
    const { directory, store } = await cutLayout(0);
    const late = await store.ingest(descriptor);
    await late.write(bytes.subarray(0, 3 * PIECE));
    await writeContent(await openOciLayout(directory), descriptor, bytes);
    await late.abort();
    expect(filesIn(directory)).toEqual([]);
  });

  it.each(['maxPartialAgeMs', 'maxPartialBytes'] as const)('refuses a %s that is no number from 0', async (name) => {
    for (const value of [-1, Number.NaN]) {
      await expect(openOciLayout(tempDir().path, { [name]: value })).rejects.toMatchObject({
        code: 'ERR_OPTION_INVALID',
      });
    }
  });
});
