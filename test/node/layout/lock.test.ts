import { describe, expect, it } from 'vitest';
import { type LayoutOwner, openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { createCrashDisk, type Fault } from '../../support/crash-fs.ts';
import { layoutFaults } from '../../support/layout-check.ts';

const ROOT = '/layout';
const image = buildImage({ layers: [{ files: { a: 'b' } }] });

/** An owner of which others know only what `state` says. */
function ownerOf(id: number, state: () => 'alive' | 'dead' | 'unknown'): LayoutOwner {
  let tokens = 0;
  return {
    createToken: () => `${'0'.repeat(16)}-${id}-1-${String((tokens += 1)).padStart(36, '0')}`,
    stateOf: async () => state(),
  };
}

/** A disk with a layout and an image, whose lock a process holds that has stopped just before it writes the index. */
async function heldDisk() {
  const disk = createCrashDisk();
  let go: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    go = resolve;
  });
  const real = disk.mount();
  let stops = false;
  const fs = {
    ...real,
    lstat: async (path: string) => {
      if (stops && path.includes('/lock/')) await stopped;
      return real.lstat(path);
    },
  };
  const holder = await openOciLayout(ROOT, { fs, owner: ownerOf(1, () => 'alive') });
  for (const { descriptor, bytes } of image.contents) await writeContent(holder, descriptor, bytes);
  stops = true;
  const held = holder.tag('app:held', image.descriptor);
  held.catch(() => undefined);
  while (
    !disk
      .files(ROOT)
      .list('ingest')
      .some(({ name }) => name === 'lock')
  )
    await Promise.resolve();
  return { disk, held, go };
}

const names = (disk: ReturnType<typeof createCrashDisk>): readonly string[] =>
  disk
    .files(`${ROOT}/ingest/lock`)
    .list('.')
    .map(({ name }) => name);

describe('the lock of openOciLayout', () => {
  it('is never taken from a process that lives, however long it takes [S07]', async () => {
    const { disk, held, go } = await heldDisk();
    const clock = createFakeClock();
    const store = await openOciLayout(ROOT, {
      fs: disk.mount(),
      clock,
      owner: ownerOf(2, () => 'alive'),
      lockTimeoutMs: 60_000,
    });
    const waiting = store.tag('app:1', image.descriptor);
    waiting.catch(() => undefined);
    await clock.advance(59_000);
    expect(names(disk)).toHaveLength(1);
    await clock.advance(2000);
    await expect(waiting).rejects.toThrow(/another process has held the lock for 60\d\d\d ms/);
    go();
    await held;
    await store.tag('app:1', image.descriptor);
    expect(layoutFaults(disk.files(ROOT))).toEqual([]);
  });

  it('is asked for every 25 to 50 ms, sooner at first, until the time is over [S07]', async () => {
    const { disk } = await heldDisk();
    const clock = createFakeClock();
    const real = disk.mount();
    const asked: number[] = [];
    const fs = {
      ...real,
      rename: async (from: string, to: string) => {
        if (to.endsWith('/lock')) asked.push(clock.monotonic());
        await real.rename(from, to);
      },
    };
    const owner = ownerOf(2, () => 'alive');
    const store = await openOciLayout(ROOT, { fs, clock, owner, lockTimeoutMs: 1000 });
    const waiting = store.tag('app:1', image.descriptor);
    waiting.catch(() => undefined);
    await clock.advance(1100);
    await expect(waiting).rejects.toMatchObject({ operation: 'lock', retryable: true });
    const pauses = asked.slice(1).map((at, place) => at - (asked[place] ?? 0));
    for (const [place, pause] of pauses.entries()) {
      const least = Math.min(2 ** place, 25);
      expect(pause).toBeGreaterThanOrEqual(least);
      expect(pause).toBeLessThanOrEqual(2 * least);
    }
    expect(asked.at(-1)).toBeGreaterThanOrEqual(1000);
  });

  it('is taken from a process that has died, at once [S07]', async () => {
    const { disk } = await heldDisk();
    const clock = createFakeClock();
    const store = await openOciLayout(ROOT, { fs: disk.mount(), clock, owner: ownerOf(2, () => 'dead') });
    await store.tag('app:1', image.descriptor);
    expect(clock.monotonic()).toBe(0);
  });

  it('is taken after 10 s from one that nobody can see, which then does not write any more [S07]', async () => {
    const { disk, held, go } = await heldDisk();
    const clock = createFakeClock();
    const store = await openOciLayout(ROOT, { fs: disk.mount(), clock, owner: ownerOf(2, () => 'unknown') });
    let done = false;
    const tagged = store.tag('app:1', image.descriptor).then(() => (done = true));
    await clock.advance(9900);
    expect(done).toBe(false);
    // The wall clock is not what counts.
    clock.setWallClock(0);
    await clock.advance(200);
    await tagged;
    go();
    const message = expect.stringContaining('another process took the lock over') as string;
    await expect(held).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'lock', retryable: true, message });
    expect(await store.resolve('app:held')).toBeUndefined();
    expect(await store.resolve('app:1')).toEqual(image.descriptor);
    expect(layoutFaults(disk.files(ROOT))).toEqual([]);
  });

  it('keeps one that was stopped at its last step from undoing what was named meanwhile', async () => {
    const disk = createCrashDisk();
    const real = disk.mount();
    let arrived: () => void = () => undefined;
    let go: () => void = () => undefined;
    const stopping = new Promise<void>((resolve) => void (arrived = resolve));
    const stopped = new Promise<void>((resolve) => void (go = resolve));
    let stops = false;
    const fs = {
      ...real,
      rename: async (from: string, to: string) => {
        if (stops && to.endsWith('index.json')) {
          arrived();
          await stopped;
        }
        await real.rename(from, to);
      },
    };
    const holder = await openOciLayout(ROOT, { fs, owner: ownerOf(1, () => 'alive') });
    for (const { descriptor, bytes } of image.contents) await writeContent(holder, descriptor, bytes);
    stops = true;
    const held = holder.tag('app:held', image.descriptor);
    held.catch(() => undefined);
    await stopping;
    const clock = createFakeClock();
    const other = await openOciLayout(ROOT, { fs: disk.mount(), clock, owner: ownerOf(2, () => 'unknown') });
    const tagged = other.tag('app:1', image.descriptor);
    await clock.advance(14_000);
    await tagged;
    go();
    await expect(held).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'lock', retryable: true });
    expect(await other.names()).toEqual(['app:1']);
    stops = false;
    await holder.tag('app:held', image.descriptor);
    expect((await other.names()).toSorted()).toEqual(['app:1', 'app:held']);
    expect(layoutFaults(disk.files(ROOT))).toEqual([]);
  });

  it('keeps one that was stopped while it collected garbage from removing what has a name meanwhile', async () => {
    const disk = createCrashDisk();
    const real = disk.mount();
    let arrived: () => void = () => undefined;
    let go: () => void = () => undefined;
    const stopping = new Promise<void>((resolve) => void (arrived = resolve));
    const stopped = new Promise<void>((resolve) => void (go = resolve));
    let stops = false;
    const fs = {
      ...real,
      rename: async (from: string, to: string) => {
        if (stops && from.includes('/blobs/')) {
          arrived();
          await stopped;
        }
        await real.rename(from, to);
      },
    };
    const holder = await openOciLayout(ROOT, { fs, owner: ownerOf(1, () => 'alive') });
    for (const { descriptor, bytes } of image.contents) await writeContent(holder, descriptor, bytes);
    stops = true;
    const collecting = holder.collectGarbage({ graceMs: 0 });
    collecting.catch(() => undefined);
    await stopping;
    const clock = createFakeClock();
    const other = await openOciLayout(ROOT, { fs: disk.mount(), clock, owner: ownerOf(2, () => 'unknown') });
    const tagged = other.tag('app:1', image.descriptor);
    await clock.advance(14_000);
    await tagged;
    go();
    await expect(collecting).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'lock' });
    expect(layoutFaults(disk.files(ROOT))).toEqual([]);
    for (const { descriptor } of image.contents) expect(await other.has(descriptor)).toBe(true);
  });

  it('is given back by the next call when its release failed', async () => {
    const disk = createCrashDisk();
    let fails = false;
    const fs = disk.mount(({ operation, path }): Fault =>
      fails && operation === 'unlink' && path.includes('/lock/') ? { errno: 'EIO' } : undefined,
    );
    const store = await openOciLayout(ROOT, { fs, owner: ownerOf(1, () => 'alive'), clock: createFakeClock() });
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    fails = true;
    await expect(store.tag('app:1', image.descriptor)).rejects.toMatchObject({ operation: 'unlink', errno: 'EIO' });
    fails = false;
    await store.tag('app:2', image.descriptor);
    expect(layoutFaults(disk.files(ROOT))).toEqual([]);
  });
});
