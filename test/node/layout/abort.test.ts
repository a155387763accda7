import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LayoutFile, type LayoutFileSystem, nodeFileSystem, type OciLayout, openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 600_000 }] });
const layer = image.contents.find(({ bytes }) => bytes.length > 500_000)!;
const reason = { is: 'the reason' };

type Step = 'write' | 'sync' | 'syncDirectory';

/** A file system in which one step, once it is told so, takes until it is released. */
function slowFileSystem(step: Step) {
  let hold = false;
  let arrive: () => void = () => undefined;
  let release: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => void (arrive = resolve));
  const released = new Promise<void>((resolve) => void (release = resolve));
  let ended = false;
  const wait = async (): Promise<void> => {
    if (!hold) return;
    arrive();
    await released;
    ended = true;
  };
  const slow = (file: LayoutFile): LayoutFile => ({
    ...file,
    async write(parts, position) {
      if (step === 'write') await wait();
      return file.write(parts, position);
    },
    async sync() {
      if (step === 'sync') await wait();
      await file.sync();
    },
  });
  const fs: LayoutFileSystem = {
    ...nodeFileSystem,
    open: async (path) => slow(await nodeFileSystem.open(path)),
    create: async (path) => slow(await nodeFileSystem.create(path)),
    async syncDirectory(path) {
      if (step === 'syncDirectory') await wait();
      await nodeFileSystem.syncDirectory(path);
    },
  };
  return { fs, arrived, release, start: () => void (hold = true), hasEnded: () => ended };
}

const left = (store: OciLayout): readonly string[] =>
  readdirSync(join(store.directory, 'ingest')).filter((name) => !/^sha256-[0-9a-f]{64}$/.test(name));

describe('an abort while the disk is slow', () => {
  it.each<Step>(['write', 'sync', 'syncDirectory'])(
    'ends the writing of content before %s does, and the file is put away behind it',
    async (step) => {
      const disk = slowFileSystem(step);
      const store = await openOciLayout(join(tempDir().path, 'layout'), { fs: disk.fs });
      await writeContent(store, image.contents[0]!.descriptor, image.contents[0]!.bytes);
      const controller = new AbortController();
      disk.start();
      const writing = writeContent(store, layer.descriptor, layer.bytes, { signal: controller.signal });
      writing.catch(() => undefined);
      await disk.arrived;
      controller.abort(reason);
      await expect(writing).rejects.toBe(reason);
      expect(disk.hasEnded()).toBe(false);
      let closed = false;
      const closing = store.close().then(() => void (closed = true));
      expect(closed).toBe(false);
      disk.release();
      await closing;
      expect(disk.hasEnded()).toBe(true);
      expect(left(store)).toEqual([]);
      await assertLayoutValid(store.directory, { allowPartials: true });
      await writeContent(store, layer.descriptor, layer.bytes);
      expect(await store.has(layer.descriptor)).toBe(true);
    },
  );

  it.each<Step>(['write', 'sync'])('ends the naming of an image before %s does, and names nothing', async (step) => {
    const disk = slowFileSystem(step);
    const store = await openOciLayout(join(tempDir().path, 'layout'), { fs: disk.fs });
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    const controller = new AbortController();
    disk.start();
    const naming = store.tag('app:1', image.descriptor, { signal: controller.signal });
    naming.catch(() => undefined);
    await disk.arrived;
    controller.abort(reason);
    await expect(naming).rejects.toBe(reason);
    expect(disk.hasEnded()).toBe(false);
    disk.release();
    await store.close();
    expect(await store.names()).toEqual([]);
    expect(left(store)).toEqual([]);
    await store.tag('app:1', image.descriptor);
    await assertLayoutValid(store.directory);
  });

  it('lets any number of calls listen to one signal without a warning of a leak', async () => {
    const store = await openOciLayout(join(tempDir().path, 'layout'));
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', note);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 50 }, () => store.has(layer.descriptor, { signal })));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('has the next writer of the same content wait until the last one is put away, and go on from there', async () => {
    const disk = slowFileSystem('write');
    const store = await openOciLayout(join(tempDir().path, 'layout'), { fs: disk.fs });
    const controller = new AbortController();
    const writer = await store.ingest(layer.descriptor, { signal: controller.signal });
    disk.start();
    const step = writer.write(layer.bytes.subarray(0, 300_000));
    await disk.arrived;
    controller.abort(reason);
    await writer.abort();
    await Promise.resolve(step).catch(() => undefined);
    const next = store.ingest(layer.descriptor);
    disk.release();
    const resumed = await next;
    expect(resumed.offset).toBe(300_000);
    await resumed.write(layer.bytes.subarray(300_000));
    await resumed.commit();
    expect(await store.has(layer.descriptor)).toBe(true);
  });
});
