import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LayoutFileSystem, nodeFileSystem, type OciLayout, openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';

const image = buildImage({ layers: [{ files: { a: 'b' } }] });
const other = buildImage({ layers: [{ files: { a: 'c' } }] });
const namesOf = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `app:${at}`);

/** A layout with two images, and what happens before each rename in it. */
async function layoutWith(beforeRename: (to: string) => void | Promise<void> = () => undefined): Promise<OciLayout> {
  const fs: LayoutFileSystem = {
    ...nodeFileSystem,
    async rename(from, to) {
      await beforeRename(to);
      await nodeFileSystem.rename(from, to);
    },
  };
  const store = await openOciLayout(join(tempDir().path, 'layout'), { fs });
  for (const { descriptor, bytes } of [...image.contents, ...other.contents])
    await writeContent(store, descriptor, bytes);
  return store;
}

/** In order: what is given at the same time comes in any. */
async function namesIn(store: OciLayout): Promise<readonly string[]> {
  return (await store.names()).toSorted();
}

describe('names that are given at the same time', () => {
  it('are written with a file or two, and all are there', async () => {
    let written = 0;
    const store = await layoutWith((to) => void (written += Number(to.endsWith('index.json'))));
    written = 0;
    await Promise.all(namesOf(100).map((name) => store.tag(name, image.descriptor)));
    expect(written).toBeLessThanOrEqual(5);
    expect((await store.names()).toSorted()).toEqual(namesOf(100).toSorted());
    expect(await (await openOciLayout(store.directory)).names()).toEqual(await store.names());
    await assertLayoutValid(store.directory);
  });

  it('come to what they come to one after the other', async () => {
    const store = await layoutWith();
    await store.tag('old', image.descriptor);
    const results = await Promise.all([
      store.tag('a', image.descriptor),
      store.untag('old'),
      store.untag('never'),
      store.tag('b', other.descriptor),
      store.untag('old'),
    ]);
    expect(results).toEqual([undefined, true, false, undefined, false]);
    expect(await namesIn(store)).toEqual(['a', 'b']);
    await Promise.all([store.tag('a', other.descriptor), store.tag('c', image.descriptor), store.untag('b')]);
    expect((await store.resolve('a'))?.digest).toBe(other.descriptor.digest);
    expect(await namesIn(store)).toEqual(['a', 'c']);
    await assertLayoutValid(store.directory);
  });

  it('are given without one whose content has gone meanwhile', async () => {
    const layer = other.contents[0]?.descriptor.digest ?? '';
    let isArmed = false;
    const store = await layoutWith((to) => {
      if (isArmed && to.endsWith('ingest/lock')) unlinkSync(join(store.directory, 'blobs', layer.replace(':', '/')));
      isArmed &&= !to.endsWith('ingest/lock');
    });
    isArmed = true;
    const given = await Promise.allSettled([
      store.tag('a', image.descriptor),
      store.tag('b', other.descriptor),
      store.tag('c', image.descriptor),
    ]);
    expect(given.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const message = expect.stringContaining('the blob went away meanwhile') as string;
    expect(given[1]).toMatchObject({ reason: { code: 'ERR_STORE', operation: 'tag', message } });
    expect(await namesIn(store)).toEqual(['a', 'c']);
    await assertLayoutValid(store.directory);
  });

  it('are written without one that is aborted when the file for all of them is there already', async () => {
    const [aborted, live] = [new AbortController(), new AbortController()];
    const reason = new Error('not wanted any more');
    let looks = 0;
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      async lstat(path) {
        // The last look at the lock before the file takes its place.
        if (path.includes('/ingest/lock/')) looks += 1;
        if (path.includes('/ingest/lock/') && looks === 1) aborted.abort(reason);
        return nodeFileSystem.lstat(path);
      },
    };
    const { directory } = await layoutWith();
    const store = await openOciLayout(directory, { fs });
    const given = await Promise.allSettled([
      store.tag('a', image.descriptor, { signal: live.signal }),
      store.tag('b', image.descriptor, { signal: aborted.signal }),
      store.untag('never'),
      store.tag('c', other.descriptor),
    ]);
    expect(given.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(given[1]).toMatchObject({ reason });
    await store.close();
    // One more for each name that came too late for the first file.
    expect(looks).toBeGreaterThan(1);
    expect(await namesIn(store)).toEqual(['a', 'c']);
    await assertLayoutValid(directory);
  });

  it.each(['ingest/lock', 'index.json'])('are given without one that is aborted before %s is taken', async (place) => {
    const controller = new AbortController();
    const reason = new Error('not wanted any more');
    let isArmed = false;
    const store = await layoutWith(async (to) => {
      if (!isArmed || !to.endsWith(place)) return;
      isArmed = false;
      controller.abort(reason);
      await new Promise((resolve) => setImmediate(resolve));
    });
    isArmed = true;
    const given = await Promise.allSettled([
      store.tag('a', image.descriptor),
      store.tag('b', image.descriptor, { signal: controller.signal }),
      store.tag('c', other.descriptor),
    ]);
    expect(given.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(given[1]).toMatchObject({ reason });
    await store.close();
    // The file that was about to take its place may have had the name.
    expect((await namesIn(store)).filter((name) => name !== 'b')).toEqual(['a', 'c']);
    if (place === 'ingest/lock') expect(await namesIn(store)).toEqual(['a', 'c']);
    await assertLayoutValid(store.directory);
  });

  it('do not take the lock for names that nobody wants any more, and come through afterwards', async () => {
    const controller = new AbortController();
    let isHeld = false;
    const store = await layoutWith((to) => {
      if (isHeld && to.endsWith('ingest/lock')) throw Object.assign(new Error('held'), { code: 'ENOTEMPTY' });
    });
    isHeld = true;
    const naming = Promise.allSettled(
      namesOf(3).map((name) => store.tag(name, image.descriptor, { signal: controller.signal })),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort(new Error('enough'));
    expect((await naming).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    const later = store.tag('later', image.descriptor);
    isHeld = false;
    await later;
    expect(await store.names()).toEqual(['later']);
  });
});
