import { existsSync, mkdirSync, readdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LayoutOwner, type OciLayout, type OciLayoutOptions, openOciLayout } from 'kubepull/node';
import { buildImage, createFakeClock, type FakeClock } from 'kubepull/testing';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';

const HOUR = 60 * 60 * 1000;
const PIECE = 256 * 1024;
const image = buildImage({ layers: [{ randomBytes: 4 * PIECE }] });
const { descriptor, bytes } = image.contents[0]!;
const KEPT = descriptor.digest.replace(':', '-');

const pathIn = ({ directory }: OciLayout, name: string): string => join(directory, 'ingest', name);
const filesIn = ({ directory }: OciLayout): readonly string[] =>
  readdirSync(join(directory, 'ingest')).filter((name) => !name.endsWith('.sock'));

const newLayout = (options: OciLayoutOptions = {}): Promise<OciLayout> =>
  openOciLayout(join(tempDir().path, 'layout'), options);

/** A clock by which a file that changed at a time is as old as that. */
function clockAfter(changed: number, age: number): FakeClock {
  const clock = createFakeClock();
  clock.setWallClock(changed + age);
  return clock;
}

async function cut(store: OciLayout, pieces: number): Promise<void> {
  const writer = await store.ingest(descriptor);
  await writer.write(bytes.subarray(0, pieces * PIECE));
  await writer.abort();
}

describe('the temporary files of openOciLayout', () => {
  it('of an owner that nobody can ask about stay for a day', async () => {
    const store = await newLayout();
    const token = `${'e'.repeat(16)}-1-1-${'0'.repeat(36)}`;
    const changed = 1_700_000_000;
    writeFileSync(pathIn(store, token), '');
    utimesSync(pathIn(store, token), changed, changed);
    await openOciLayout(store.directory, { clock: clockAfter(changed * 1000, 24 * HOUR) });
    expect(filesIn(store)).toEqual([token]);
    await openOciLayout(store.directory, { clock: clockAfter(changed * 1000, 24 * HOUR + 1) });
    expect(filesIn(store)).toEqual([]);
  });

  it('include the lock of an owner that has died, and of no other', async () => {
    const store = await newLayout();
    const lock = pathIn(store, 'lock');
    mkdirSync(lock);
    writeFileSync(join(lock, 'token'), '');
    for (const state of ['alive', 'unknown', 'dead'] as const) {
      const owner: LayoutOwner = { createToken: () => 'other', stateOf: async () => state };
      await openOciLayout(store.directory, { owner });
      expect(existsSync(join(lock, 'token'))).toBe(state !== 'dead');
    }
    expect(filesIn(store)).toEqual([]);
  });

  it('include the socket of an owner that has ended, where owners have one', async () => {
    const store = await newLayout();
    const path = pathIn(store, `${'0'.repeat(18)}.sock`);
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(`${path}.new`, resolve));
    renameSync(`${path}.new`, path);
    await new Promise((resolve) => void server.close(resolve));
    const owner: LayoutOwner = { createToken: () => 'token', stateOf: async () => 'alive' };
    await openOciLayout(store.directory, { owner });
    expect(existsSync(path)).toBe(true);
    await openOciLayout(store.directory);
    expect(existsSync(path)).toBe(false);
  });

  it('have a socket beside them while somebody writes', async () => {
    const store = await newLayout();
    const sockets = (): readonly string[] =>
      readdirSync(join(store.directory, 'ingest')).filter((name) => name.endsWith('.sock'));
    const writer = await store.ingest(descriptor);
    expect(sockets()).toHaveLength(1);
    await writer.abort();
    expect(sockets()).toEqual([]);
  });
});

describe('the part of a cut download', () => {
  it('is kept until it is as old as is asked for', async () => {
    const store = await newLayout();
    await cut(store, 2);
    const changed = Math.floor(statSync(pathIn(store, KEPT)).mtimeMs);
    await openOciLayout(store.directory, { clock: clockAfter(changed, HOUR - 1), maxPartialAgeMs: HOUR });
    expect(filesIn(store)).toEqual([KEPT]);
    await openOciLayout(store.directory, { clock: clockAfter(changed, HOUR), maxPartialAgeMs: HOUR });
    expect(filesIn(store)).toEqual([]);
  });

  it('is not kept where none shall be, though the clock is behind that of the disk', async () => {
    const store = await newLayout({ clock: createFakeClock(), maxPartialAgeMs: 0 });
    await cut(store, 2);
    expect(filesIn(store)).toEqual([]);
  });

  it('does not give way to a shorter one, and does to a longer one', async () => {
    const store = await newLayout();
    const writers = [await store.ingest(descriptor), await store.ingest(descriptor), await store.ingest(descriptor)];
    for (const [at, pieces] of [2, 1, 3].entries()) {
      await writers[at]?.write(bytes.subarray(0, pieces * PIECE));
      await writers[at]?.abort();
      expect(statSync(pathIn(store, KEPT)).size).toBe(Math.max(2, pieces) * PIECE);
    }
  });

  it('goes when the content comes that it is a part of', async () => {
    const store = await newLayout();
    const [first, second] = [await store.ingest(descriptor), await store.ingest(descriptor)];
    await first.write(bytes.subarray(0, 2 * PIECE));
    await first.abort();
    expect(filesIn(store)).toContain(KEPT);
    await second.write(bytes);
    await second.commit();
    expect(filesIn(store)).toEqual([]);
    await assertLayoutValid(store.directory, { allowPartials: false });
  });
});
