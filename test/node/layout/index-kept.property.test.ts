import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getDigestHex } from 'kubepull/digest';
import { type LayoutFileSystem, type LayoutStat, nodeFileSystem, openOciLayout, type OciLayout } from 'kubepull/node';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { runsOf } from '../../support/property-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const FULL_NAME = 'io.containerd.image.name';
const [first, second] = ['a', 'b'].map((text) => buildImage({ layers: [{ files: { text } }] })) as [Built, Built];
type Built = ReturnType<typeof buildImage>;

/** The real file system; it counts how often the index is opened, forces nothing to the disk, and shows what it is told to. */
function counting(show: (stat: LayoutStat) => LayoutStat = (stat) => stat) {
  const count = { opened: 0 };
  const shown = async (stat: Promise<LayoutStat>): Promise<LayoutStat> => show(await stat);
  const fs: LayoutFileSystem = {
    ...nodeFileSystem,
    async open(path) {
      if (path.endsWith('index.json')) count.opened += 1;
      const file = await nodeFileSystem.open(path);
      return { ...file, stat: () => shown(file.stat()) };
    },
    async create(path) {
      const file = await nodeFileSystem.create(path);
      return { ...file, stat: () => shown(file.stat()), sync: async () => undefined };
    },
    lstat: (path) => shown(nodeFileSystem.lstat(path)),
    syncDirectory: async () => undefined,
  };
  return { count, fs };
}

/** A clock by which whatever was written in this test is old. */
function lateClock() {
  const clock = createFakeClock();
  clock.setWallClock(Date.now() + 60_000);
  return clock;
}

/** A layout that another tool has written. */
function writeLayout(text: string): string {
  const directory = join(tempDir().path, 'layout');
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  for (const [digest, bytes] of [...first.blobs, ...second.blobs])
    writeFileSync(join(directory, 'blobs/sha256', getDigestHex(digest)), bytes);
  writeFileSync(join(directory, 'index.json'), text);
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return directory;
}

const entry = ({ descriptor: { mediaType, digest, size } }: Built, annotations?: Record<string, string>): string =>
  JSON.stringify({ mediaType, digest, size, annotations });
const indexOf = (...entries: readonly string[]): string => `{"schemaVersion":2,"manifests":[${entries.join(',')}]}`;
const named = (image: Built, name: string): string => entry(image, { [REF_NAME]: name });

/** Waits until the next change of a file gets another time than the last one got. */
function awaitTick(path: string): void {
  const { ctimeNs } = statSync(path, { bigint: true });
  const probe = `${path}.probe`;
  do writeFileSync(probe, '');
  while (statSync(probe, { bigint: true }).ctimeNs <= ctimeNs);
}

/** A disk on which somebody else meddles with a file as soon as it has been replaced. */
const meddlingWith = (path: string, meddle: () => void): LayoutFileSystem => ({
  ...nodeFileSystem,
  async rename(from, to) {
    await nodeFileSystem.rename(from, to);
    if (to === path) meddle();
  },
});

describe('the index.json that openOciLayout keeps', () => {
  it('is read once for any number of names, and so is what was written by tag and untag', async () => {
    const names = Array.from({ length: 300 }, (_, at) => `app:${at}`);
    const { fs, count } = counting();
    const directory = writeLayout(indexOf(...names.map((name) => named(first, name))));
    const store = await openOciLayout(directory, { fs, clock: lateClock() });
    for (const name of names) expect((await store.resolve(name))?.digest).toBe(first.descriptor.digest);
    expect(await store.names()).toEqual(names);
    expect(count.opened).toBe(1);
    for (const name of names.slice(0, 20)) await store.tag(`new-${name}`, second.descriptor);
    expect(await store.untag('app:7')).toBe(true);
    expect(await store.resolve('app:7')).toBeUndefined();
    expect((await store.resolve('new-app:7'))?.digest).toBe(second.descriptor.digest);
    expect(count.opened).toBe(1);
    const fresh = await openOciLayout(directory);
    expect(await fresh.names()).toEqual(await store.names());
  });

  it('is read each time while it is so young that another change could have the same time', async () => {
    const { fs, count } = counting();
    const clock = createFakeClock();
    const directory = writeLayout(indexOf(named(first, 'app:1')));
    clock.setWallClock(statSync(directory).mtimeMs);
    const store = await openOciLayout(directory, { fs, clock });
    for (let at = 0; at < 3; at += 1) await store.resolve('app:1');
    expect(count.opened).toBe(3);
    clock.setWallClock(Date.now() + 60_000);
    for (let at = 0; at < 3; at += 1) await store.resolve('app:1');
    expect(count.opened).toBe(4);
  });

  it.each<[string, (stat: LayoutStat) => object]>([
    ['time of the last change', (stat) => ({ ...stat, touched: undefined })],
    ['time of its content', (stat) => ({ ...stat, changed: undefined })],
    ['time that is one', (stat) => ({ ...stat, touched: 0n })],
    ['inode', (stat) => ({ ...stat, inode: '' })],
  ])('is read each time where the file system tells of no %s', async (_, show) => {
    const { fs, count } = counting((stat) => (stat.kind === 'file' ? (show(stat) as LayoutStat) : stat));
    const store = await openOciLayout(writeLayout(indexOf(named(first, 'app:1'))), { fs, clock: lateClock() });
    for (let at = 0; at < 3; at += 1) expect(await store.names()).toEqual(['app:1']);
    expect(count.opened).toBe(3);
  });

  it('is read again when another store has written, each time', async () => {
    const directory = writeLayout(indexOf());
    const [a, b] = await Promise.all([1, 2].map(() => openOciLayout(directory, { clock: lateClock() })));
    for (let round = 0; round < 10; round += 1) {
      const [writer, reader] = (round % 2 === 0 ? [a, b] : [b, a]) as [OciLayout, OciLayout];
      const { descriptor } = round % 3 === 0 ? first : second;
      await writer.tag('app:1', descriptor);
      await writer.tag(`app:x${round}`, descriptor);
      expect((await reader.resolve('app:1'))?.digest).toBe(descriptor.digest);
      expect(await reader.names()).toEqual(await writer.names());
      expect(await reader.untag(`app:x${round}`)).toBe(true);
      expect(await writer.resolve(`app:x${round}`)).toBeUndefined();
    }
    expect(await a?.names()).toEqual(['app:1']);
  });

  it('is read again when a file of the same size takes its place, or its bytes change and its time is put back', async () => {
    const directory = writeLayout(indexOf(named(first, 'app:1')));
    const path = join(directory, 'index.json');
    utimesSync(path, 1000, 1000);
    const store = await openOciLayout(directory, { clock: lateClock() });
    expect(await store.names()).toEqual(['app:1']);
    const next = `${path}.next`;
    writeFileSync(next, indexOf(named(first, 'app:2')));
    utimesSync(next, 1000, 1000);
    renameSync(next, path);
    expect(await store.names()).toEqual(['app:2']);
    awaitTick(path);
    const { size } = statSync(path);
    writeFileSync(path, indexOf(named(second, 'app:3')), { flag: 'r+' });
    utimesSync(path, 1000, 1000);
    expect(statSync(path)).toMatchObject({ size, mtimeMs: 1_000_000 });
    expect(await store.names()).toEqual(['app:3']);
    expect((await store.resolve('app:3'))?.digest).toBe(second.descriptor.digest);
  });

  it('is what a change in place left, also where that came between the write of a tag and the next look', async () => {
    const directory = writeLayout(indexOf());
    const path = join(directory, 'index.json');
    const fs = meddlingWith(path, () => writeFileSync(path, indexOf(named(second, 'other:1'))));
    const store = await openOciLayout(directory, { fs, clock: lateClock() });
    await store.tag('app:1', first.descriptor);
    expect(await store.names()).toEqual(['other:1']);
  });

  it('is not needed any more for the success of the tag that wrote it', async () => {
    const directory = writeLayout(indexOf());
    const path = join(directory, 'index.json');
    const fs = meddlingWith(path, () => rmSync(path));
    const store = await openOciLayout(directory, { fs, clock: lateClock() });
    await store.tag('app:1', first.descriptor);
    await expect(store.names()).rejects.toMatchObject({ code: 'ERR_STORE', errno: 'ENOENT' });
  });

  it('is written byte for byte as one that is read before each write, whatever is done', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'latest', 'docker.io/x:1', first.descriptor.digest);
    const image = fc.constantFrom(first, second);
    const element = fc.tuple(image, fc.option(name), fc.option(name)).map(([of, ref, full]) =>
      entry(of, {
        ...(ref === null ? {} : { [REF_NAME]: ref }),
        ...(full === null ? {} : { [FULL_NAME]: full }),
        x: 'é',
      }),
    );
    const space = fc.constantFrom('', ' ', '\n  ', '\t');
    const elements = fc.array(
      fc.tuple(space, element, space).map((parts) => parts.join('')),
      { maxLength: 5 },
    );
    const step = fc.record({ untag: fc.boolean(), name, image });
    await fc.assert(
      fc.asyncProperty(elements, space, fc.array(step, { maxLength: 8 }), async (list, gap, steps) => {
        const text = `{"x":[1.50],"manifests"${gap}:[${gap}${list.join(',')}${gap}],"schemaVersion":2}\n`;
        const [kept, anew] = [counting(), counting((stat) => ({ ...stat, touched: 0n }))];
        const stores = [];
        for (const { fs } of [kept, anew])
          stores.push(await openOciLayout(writeLayout(text), { fs, clock: lateClock() }));
        const [a, b] = stores as [OciLayout, OciLayout];
        for (const { untag, name: what, image: of } of steps) {
          for (const store of [a, b]) await (untag ? store.untag(what) : store.tag(what, of.descriptor));
          const [written, expected] = [a, b].map(({ directory }) =>
            readFileSync(join(directory, 'index.json'), 'utf8'),
          );
          expect(written).toBe(expected);
          expect(await a.names()).toEqual(await b.names());
          for (const one of await b.names()) expect(await a.resolve(one)).toEqual(await b.resolve(one));
          expect(await a.resolve(what)).toEqual(await b.resolve(what));
        }
        expect(kept.count.opened).toBeLessThanOrEqual(1);
      }),
      runsOf('files'),
    );
  });
});
