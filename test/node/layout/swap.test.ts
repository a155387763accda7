import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isImageError } from 'kubepull/errors';
import { type LayoutFileSystem, type LayoutOwner, openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { lazyDisk } from '../../support/lazy-disk.ts';
import { amountOf } from '../../support/property-runs.ts';
import { placesOf } from '../../support/sweeps.ts';
import { tempDir } from '../../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 1000, seed: 'swap' }] });
const old = buildImage({ layers: [{ randomBytes: 1000, seed: 'old' }] });
const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
const target = blobPath(image.contents[0]!.descriptor.digest);
const VICTIM = 'not to be changed';

/** Where an attacker, who may write into the layout, puts a link that leads out of it. */
const POSITIONS = [
  'blobs',
  'blobs/sha256',
  'ingest',
  'ingest/lock',
  'index.json',
  'oci-layout',
  target,
  blobPath(old.descriptor.digest),
];

/** Calls something before and after each call to the file system. */
function hooked(before: (n: number) => void, after: (n: number) => void): LayoutFileSystem {
  let calls = 0;
  const run = async <T>(act: () => Promise<T>): Promise<T> => {
    const n = (calls += 1);
    before(n);
    try {
      return await act();
    } finally {
      after(n);
    }
  };
  const fs = lazyDisk;
  return {
    realpath: (path) => run(() => fs.realpath(path)),
    open: (path) => run(() => fs.open(path)),
    create: (path) => run(() => fs.create(path)),
    lstat: (path) => run(() => fs.lstat(path)),
    mkdir: (path) => run(() => fs.mkdir(path)),
    readdir: (path) => run(() => fs.readdir(path)),
    rename: (from, to) => run(() => fs.rename(from, to)),
    unlink: (path) => run(() => fs.unlink(path)),
    rmdir: (path) => run(() => fs.rmdir(path)),
    syncDirectory: (path) => run(() => fs.syncDirectory(path)),
  };
}

let processes = 0;

/** A process of its own, which sees all others as ended: what an attacker made it leave behind is taken over. */
function newOwner(): LayoutOwner {
  const id = String((processes += 1));
  let tokens = 0;
  return {
    createToken: () => `${'0'.repeat(16)}-${id}-1-${String((tokens += 1)).padStart(36, '0')}`,
    stateOf: async (token) => (token.split('-')[1] === id ? 'alive' : 'dead'),
  };
}

async function work(directory: string, fs: LayoutFileSystem, lockTimeoutMs = 60_000): Promise<void> {
  const store = await openOciLayout(directory, { fs, lockTimeoutMs, owner: newOwner() });
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  await store.tag('new', image.descriptor);
  await store.untag('old');
  await store.collectGarbage({ graceMs: 0 });
}

interface Ground {
  readonly directory: string;
  readonly outside: string;
}

async function prepare(path: string): Promise<Ground> {
  const [directory, outside] = [join(path, 'layout'), join(path, 'outside')];
  const store = await openOciLayout(directory, { fs: lazyDisk, owner: newOwner() });
  for (const { descriptor, bytes } of old.contents) await writeContent(store, descriptor, bytes);
  await store.tag('old', old.descriptor);
  // What stands outside has the names that are written inside, as far as anybody can guess them.
  mkdirSync(join(outside, 'sha256'), { recursive: true });
  const names = [...image.contents, ...old.contents].map(({ descriptor }) => descriptor.digest.replace(':', '/'));
  for (const name of ['lock', 'index.json', 'oci-layout', ...names]) {
    mkdirSync(join(outside, 'file'), { recursive: true });
    if (!name.includes('/')) writeFileSync(join(outside, name), VICTIM);
    writeFileSync(join(outside, 'file', name.replace('/', ' ')), VICTIM);
  }
  return { directory, outside };
}

/** Swaps what stands at a position with a link, and back. */
function swapper({ directory, outside }: Ground, position: string) {
  const [place, aside] = [join(directory, position), join(directory, '..', 'aside')];
  const isFile = !['blobs', 'blobs/sha256', 'ingest', 'ingest/lock'].includes(position);
  const destination = isFile ? join(outside, 'index.json') : join(outside, 'sha256');
  let [isMoved, isSwapped] = [false, false];
  return {
    swap(): void {
      isMoved = attempt(() => renameSync(place, aside));
      isSwapped = attempt(() => symlinkSync(destination, place));
    },
    back(): void {
      if (isSwapped) attempt(() => rmSync(place));
      if (isMoved) attempt(() => renameSync(aside, place));
      [isMoved, isSwapped] = [false, false];
    },
  };
}

function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

function victimsOf(outside: string): readonly string[] {
  return readdirSync(outside, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^[0-9a-f]{16}-|^[0-9a-f]{64}$/.test(entry.name))
    .map(({ parentPath, name }) => `${name}: ${readFileSync(join(parentPath, name), 'utf8')}`);
}

/** How many calls to the file system the work takes. */
async function countCalls(path: string): Promise<number> {
  let calls = 0;
  const count = hooked(
    (n) => void (calls = n),
    () => undefined,
  );
  await work((await prepare(path)).directory, count);
  return calls;
}

/** Does the work while, for the time of one call, a link stands at a position. Returns whether it failed. */
async function workWhileSwapped(ground: Ground, position: string, at: number): Promise<boolean> {
  const { swap, back } = swapper(ground, position);
  const fs = hooked(
    (n) => void (n === at && swap()),
    (n) => void (n === at && back()),
  );
  const error: unknown = await work(ground.directory, fs, 50).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error !== undefined) expect(isImageError(error), `${position}, call ${at}: ${inspect(error)}`).toBe(true);
  return error !== undefined;
}

describe('openOciLayout', () => {
  it.each(POSITIONS)(
    'changes no file outside while %s is swapped with a link, at any moment [S09]',
    async (position) => {
      const { path } = tempDir();
      const calls = await countCalls(join(path, 'count'));
      expect(calls).toBeGreaterThan(125);
      let failures = 0;
      for (const moment of placesOf(125, 6)) {
        const at = 1 + Math.floor((moment * calls) / 125);
        const ground = await prepare(join(path, String(moment)));
        const before = victimsOf(ground.outside);
        if (await workWhileSwapped(ground, position, at)) failures += 1;
        expect(victimsOf(ground.outside), `${position}, call ${at}`).toEqual(before);
        // The attacker gone, everything can be done.
        await work(ground.directory, lazyDisk);
        await assertLayoutValid(ground.directory, { allowPartials: false });
        rmSync(join(path, String(moment)), { recursive: true });
      }
      // Some moments do no harm to some places; of all moments, some do.
      expect(failures).toBeGreaterThanOrEqual(amountOf({ here: 0, inCi: 1 }));
    },
  );
});
