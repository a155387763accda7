// Whatever a store has accepted can be listed, collected and pruned; and nothing is lost that has a name.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { isImageError } from 'kubepull/errors';
import { createImageCollector } from 'kubepull/image-gc';
import { createPullerImageService } from 'kubepull/image-service';
import { nodeHasher, openOciLayout } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import { checkClosure, copyImage, createMemoryStore, type ManagedStore, writeContent } from 'kubepull/store';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { createCrashDisk } from '../support/crash-fs.ts';
import { countFor } from '../support/figures.ts';
import { provenRuns } from '../support/property-runs.ts';
import { type HostileContent, hostileImage, type HostileImage } from '../support/hostile-images.ts';
import { createMemoryTransport } from '../support/memory-transport.ts';

const RUNS = provenRuns({ fast: 25, full: 1000 });
const honest = buildImage({ layers: [{ files: { a: 'b' } }] });
const garbage = new TextEncoder().encode('nothing names this');
const lost: Descriptor = {
  mediaType: 'text/plain',
  digest: computeDigest(garbage, nodeHasher),
  size: garbage.length,
};

const stores: Readonly<Record<string, () => Promise<ManagedStore>>> = {
  createMemoryStore: async () => createMemoryStore({ createHasher: nodeHasher }),
  openOciLayout: () => openOciLayout('/layout', { fs: createCrashDisk().mount() }),
};

/** Puts all of it into the store, and gives a name to what the store takes; the names with what they lead to. */
async function fill(
  store: ManagedStore,
  images: readonly HostileImage[],
): Promise<ReadonlyMap<string, { readonly root: Descriptor; readonly closure: readonly string[] }>> {
  const all: readonly HostileContent[] = [...images.flatMap(({ contents }) => contents), ...honest.contents];
  for (const { descriptor, bytes } of all)
    if (!(await store.has(descriptor))) await writeContent(store, descriptor, bytes);
  await writeContent(store, lost, garbage);
  const accepted = new Map<string, { readonly root: Descriptor; readonly closure: readonly string[] }>();
  for (const [place, root] of [honest.descriptor, ...images.map((one) => one.root.descriptor)].entries()) {
    const name = `r.example/app:${place}`;
    try {
      await store.tag(name, root);
      accepted.set(name, { root, closure: await closureOf(store, root) });
    } catch (error) {
      expect(isImageError(error), String(error)).toBe(true);
    }
  }
  return accepted;
}

async function closureOf(store: ManagedStore, root: Descriptor): Promise<readonly string[]> {
  return (await checkClosure(store, root)).map(({ digest }) => digest).toSorted();
}

/** Lists, collects and prunes, and looks after each step whether something is lost that has a name. */
async function lookAfter(store: ManagedStore, images: readonly HostileImage[]): Promise<number> {
  const accepted = await fill(store, images);
  const expectAllThere = async (): Promise<void> => {
    for (const [name, { root, closure }] of accepted) {
      expect((await store.resolve(name))?.digest).toBe(root.digest);
      expect(await closureOf(store, root)).toEqual(closure);
    }
  };
  expect((await store.names()).toSorted()).toEqual([...accepted.keys()].toSorted());
  const planned = await store.collectGarbage({ graceMs: 0, dryRun: true });
  await expectAllThere();
  const report = await store.collectGarbage({ graceMs: 0 });
  expect(report).toEqual(planned);
  expect(report.removed.map(({ digest }) => digest)).toContain(lost.digest);
  await expectAllThere();
  // Twice is once.
  expect((await store.collectGarbage({ graceMs: 0 })).removed).toEqual([]);
  for (const [name, { closure }] of accepted) {
    const copied = await copyImage(store, name, createMemoryStore({ createHasher: nodeHasher }));
    expect(copied.contents.map(({ digest }) => digest).toSorted()).toEqual(closure);
  }

  // What the image service can list, the collector of a node can remove, whatever it is.
  const { transport } = createMemoryTransport(() => ({ status: 404 }));
  const runtime = { transport, createHasher: nodeHasher, platform: { os: 'linux', architecture: 'amd64' } };
  const service = createPullerImageService({ runtime, store, garbageGraceMs: 0 });
  const listed = await service.listImages();
  const clock = createFakeClock();
  const collector = createImageCollector({
    images: service,
    clock,
    diskRoom: () => ({ capacityBytes: 100, availableBytes: 0 }),
    imagesInUse: () => [],
    imageMinimumGCAge: 1,
    imageGCHighThresholdPercent: 1,
    imageGCLowThresholdPercent: 0,
  });
  await clock.advance(1000);
  await collector.observe();
  await clock.advance(1000);
  await collector.collect();
  expect(listed.map(({ id }) => id)).toContain(honest.manifest.config.digest);
  for (const { id } of listed) {
    await service.removeImage({ image: id, annotations: {}, runtimeHandler: '' });
  }
  expect(await service.listImages()).toEqual([]);

  for (const name of await store.names()) expect(await store.untag(name)).toBe(true);
  expect(await store.collectGarbage({ graceMs: 0 })).toMatchObject({ kept: 0, spared: 0 });
  const rest = [...images.flatMap(({ contents }) => contents), ...honest.contents];
  for (const { descriptor } of rest) expect(await store.has(descriptor)).toBe(false);
  return accepted.size - 1;
}

describe.each(Object.keys(stores))('%s with images that nobody would build', (kind) => {
  it('lists, collects and prunes whatever it has accepted, and loses nothing that has a name', async () => {
    let [rounds, accepted] = [0, 0];
    const property = fc.asyncProperty(fc.array(hostileImage, { minLength: 1, maxLength: 3 }), async (images) => {
      const store = await stores[kind]!();
      rounds += 1;
      accepted += await lookAfter(store, images);
    });
    await fc.assert(property, RUNS);
    // Most of what is made up has to be good enough to be kept.
    expect(accepted).toBeGreaterThan(rounds / 4);
    countFor('hostile images that were listed, collected and pruned', accepted);
  });
});
