import { join } from 'node:path';
import { createCriImageService, type CriImageService } from 'kubepull/cri';
import { createImageManager, type EnsureImageResult, type ImageManager } from 'kubepull/image-manager';
import { nodeHasher, openPulledRecords } from 'kubepull/node';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { expect, it, onTestFinished } from 'vitest';
import { type CriContainerd, startCriContainerd } from '../support/cri-containerd.ts';
import { startPullProcess } from '../support/cri-process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { fromBytes, pushContents } from './push-image.ts';
import { type RealRegistry, startRegistryServer } from './servers-registry.ts';

const app = buildImage({ layers: [{ randomBytes: 100_000, seed: 'crash' }] });

interface Node {
  readonly registry: RealRegistry;
  readonly containerd: CriContainerd;
  readonly images: CriImageService;
  readonly image: string;
  readonly root: string;
}

/** A registry with an image, and a node that has nothing yet. */
async function startNode(): Promise<Node> {
  const registry = await startRegistryServer({});
  const contents = app.contents.map(({ descriptor, bytes }) => fromBytes(descriptor, bytes));
  await pushContents(registry.origin, 'team/app', '1', contents);
  const containerd = await startCriContainerd([registry.host]);
  const images = createCriImageService({ endpoint: containerd.endpoint });
  onTestFinished(() => images.close());
  await untilReady(images);
  return { registry, containerd, images, image: `${registry.host}/team/app:1`, root: join(tempDir().path, 'kubelet') };
}

/** The port of the metrics opens before CRI is ready. */
async function untilReady(images: CriImageService): Promise<void> {
  await expect.poll(() => images.imageFsInfo().then(() => 'ready', String), { timeout: 60_000 }).toBe('ready');
}

function ensure(manager: ImageManager, image: string, signal?: AbortSignal): Promise<EnsureImageResult> {
  const pod = { metadata: { name: 'web', uid: 'u' }, spec: { containers: [{ name: 'app', image }] } };
  return manager.ensureContainerImage({ pod, container: 'app', signal });
}

it('kill -9 in the middle of a pull leaves an intent, and the next run pulls', async () => {
  const { registry, containerd, images, image, root } = await startNode();
  registry.pause();
  const child = await startPullProcess(containerd.endpoint, root, image);
  await expect.poll(() => child.lines, { timeout: 60_000 }).toEqual(['Pulling']);
  await child.kill();
  registry.resume();

  const records = await openPulledRecords(root);
  expect(await records.listIntents()).toEqual([image]);
  expect(await images.listImages()).toEqual([]);
  const manager = createImageManager({ images, records, createHasher: nodeHasher });
  // Nothing to recover: the image is not there.
  expect(await manager.recoverIntents()).toEqual([]);
  expect(await records.listIntents()).toEqual([image]);
  expect((await ensure(manager, image)).status).toBe('pulled');
  expect(await records.listIntents()).toEqual([]);
  expect(await records.listRecords()).toMatchObject([
    {
      credentialMapping: new Map([
        [`${registry.host}/team/app`, expect.objectContaining({ nodePodsAccessible: true })],
      ]),
    },
  ]);
});

it('an intent of an image that did arrive becomes a record without credentials', async () => {
  const { images, image, root } = await startNode();
  const imageRef = await images.pullImage({
    image: { image, annotations: {}, runtimeHandler: '' },
    auth: undefined,
    sandbox: undefined,
  });
  // What a run leaves that dies between the end of the pull and its record.
  await (await openPulledRecords(root)).writeIntent(image);
  const records = await openPulledRecords(root);
  const manager = createImageManager({ images, records, createHasher: nodeHasher });
  expect(await manager.recoverIntents()).toEqual([image]);
  expect(await records.readRecord(imageRef)).toMatchObject({ credentialMapping: new Map() });
  // Nobody has shown that he may have it: it is pulled once more.
  expect((await ensure(manager, image)).status).toBe('pulled');
  expect((await ensure(manager, image)).status).toBe('present');
});

it('a containerd that dies in the middle of a pull is an error in kubelet’s words, and the next attempt finds it again', async () => {
  const { registry, containerd, images, image, root } = await startNode();
  const clock = createFakeClock();
  const manager = createImageManager({
    images,
    records: await openPulledRecords(root),
    createHasher: nodeHasher,
    clock,
  });
  registry.pause();
  const ensuring = ensure(manager, image);
  await expect.poll(() => manager.stats.pulling, { timeout: 30_000 }).toBe(1);
  // The request is on its way to the registry by then.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await containerd.kill();
  expect(await ensuring).toMatchObject({
    reason: 'ErrImagePull',
    message: 'rpc error: code = Unavailable desc = error reading from server: EOF',
  });
  registry.resume();
  await containerd.restart();
  await untilReady(images);
  expect(await ensure(manager, image)).toMatchObject({ reason: 'ImagePullBackOff' });
  await clock.advance(10_001);
  expect((await ensure(manager, image)).status).toBe('pulled');
});

it('a pull that is given up ends in containerd too', async () => {
  const { registry, images, image, root } = await startNode();
  const manager = createImageManager({ images, records: await openPulledRecords(root), createHasher: nodeHasher });
  registry.pause();
  const controller = new AbortController();
  const ensuring = ensure(manager, image, controller.signal);
  await expect.poll(() => manager.stats.pulling, { timeout: 30_000 }).toBe(1);
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(ensuring).rejects.toBe(reason);
  registry.resume();
  expect(await images.listImages()).toEqual([]);
  expect((await ensure(manager, image)).status).toBe('pulled');
});
