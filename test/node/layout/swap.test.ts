import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isImageError } from 'kubepull/errors';
import { type LayoutFileSystem, type LayoutOwner, openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { countFor } from '../../support/figures.ts';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { lazyDisk } from '../../support/lazy-disk.ts';
import { amountOf } from '../../support/property-runs.ts';
import { placesOf, sweepOf } from '../../support/sweeps.ts';
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

/** Calls something before and after each call to the file system, counted from 1. */
function hooked(before: (n: number, path: string) => void, after: (n: number) => void): LayoutFileSystem {
  let calls = 0;
  const run = async <T>(path: string, act: () => Promise<T>): Promise<T> => {
    const n = (calls += 1);
    before(n, path);
    try {
      return await act();
    } finally {
      after(n);
    }
  };
  const fs = lazyDisk;
  return {
    realpath: (path) => run(path, () => fs.realpath(path)),
    open: (path) => run(path, () => fs.open(path)),
    create: (path) => run(path, () => fs.create(path)),
    lstat: (path) => run(path, () => fs.lstat(path)),
    mkdir: (path) => run(path, () => fs.mkdir(path)),
    readdir: (path) => run(path, () => fs.readdir(path)),
    rename: (from, to) => run(to, () => fs.rename(from, to)),
    unlink: (path) => run(path, () => fs.unlink(path)),
    rmdir: (path) => run(path, () => fs.rmdir(path)),
    syncDirectory: (path) => run(path, () => fs.syncDirectory(path)),
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

/** The calls to the file system that the work takes, by their path in the layout. */
async function traceCalls(path: string): Promise<readonly string[]> {
  const { directory } = await prepare(path);
  const calls: string[] = [];
  const trace = hooked(
    (_, called) => void calls.push(relative(directory, called)),
    () => undefined,
  );
  await work(directory, trace);
  return calls;
}

/** The calls, from 1, at which a link stands at a position: 125 over the whole, and those that are for the position itself. */
function momentsOf(calls: readonly string[], position: string): ReadonlySet<number> {
  const spread = placesOf(125, 4).map((moment) => 1 + Math.floor((moment * calls.length) / 125));
  const own = calls.flatMap((path, index) => (path === position ? [index + 1] : []));
  return new Set([...spread, ...sweepOf(own, 2)]);
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
      const calls = await traceCalls(join(path, 'count'));
      expect(calls.length).toBeGreaterThan(125);
      let failures = 0;
      for (const at of momentsOf(calls, position)) {
        const ground = await prepare(join(path, String(at)));
        const before = victimsOf(ground.outside);
        if (await workWhileSwapped(ground, position, at)) failures += 1;
        expect(victimsOf(ground.outside), `${position}, call ${at}`).toEqual(before);
        // The attacker gone, everything can be done.
        await work(ground.directory, lazyDisk);
        await assertLayoutValid(ground.directory, { allowPartials: false });
        rmSync(join(path, String(at)), { recursive: true });
        countFor('moments at which a link took the place of a file');
      }
      // Some moments do no harm to some places; of all moments, some do.
      expect(failures).toBeGreaterThanOrEqual(amountOf({ here: 0, inCi: 1 }));
    },
  );
});
