// Real servers: every way to run docker-registry, behind every trouble that a proxy makes, undisturbed and killed in
// mid-pull. Every pull has to end, verified, with what skopeo copies.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { createKeyring, createPullSecret, mergePullSecrets } from 'kubepull';
import { type ImageStore, writeContent } from 'kubepull/store';
import { pullImage } from 'kubepull/puller';
import { createNodeRuntime, openOciLayout } from 'kubepull/node';
import { buildImage } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { countFor } from '../support/figures.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type Front, type FrontKind, FRONTS, openFront, reserveFront } from './matrix-fronts.ts';
import { openRegistry, REGISTRIES, type Registry, type RegistryKind } from './matrix-registries.ts';
import { pauseInside } from './matrix-store.ts';
import { eventually } from '../support/servers.ts';
import { run } from './servers.ts';
import { startRegistryServer } from './servers-registry.ts';

/** More than what sockets hold on the way, so that a kill in the middle is one. */
const LARGE = 12 * 1024 * 1024;
const platform = { os: 'linux', architecture: 'amd64' };
const image = buildImage({
  platform,
  layers: [
    { files: { 'etc/motd': 'hello\n' } },
    { randomBytes: LARGE, seed: 'matrix' },
    { randomBytes: 300_000, seed: 'small' },
    { files: { 'etc/last': '' }, compression: 'none' },
  ],
});
const large = image.manifest.layers[1]!;
const blobNames = [...image.blobs.keys()].map((digest) => digest.slice('sha256:'.length)).toSorted();

/** The files of a registry with the image in it. All registries of this file serve them. */
const data = mkdtempSync(join(tmpdir(), 'kubepull-matrix-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));
let seeding: Promise<void> | undefined;

async function seed(): Promise<void> {
  const { path } = tempDir();
  const store = await openOciLayout(path);
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  await store.tag('latest', image.descriptor);
  const { host, kill } = await startRegistryServer({ data });
  await run(
    'skopeo',
    'copy',
    '--preserve-digests',
    '--dest-tls-verify=false',
    `oci:${path}:latest`,
    `docker://${host}/team/app:1`,
  );
  await kill();
}

interface Scene {
  readonly registry: Registry;
  readonly front: Front;
  readonly name: string;
  /** Where the image is to go. */
  readonly layout: string;
}

async function setUp(registryKind: RegistryKind, frontKind: FrontKind): Promise<Scene> {
  await (seeding ??= seed());
  const place = await reserveFront(frontKind);
  const registry = await openRegistry(registryKind, data, place);
  const { server, tokens, stored } = registry;
  const front = await openFront(place, { registry: server, tokens, stored, signature: canary('signed-query') });
  return { registry, front, name: `${front.host}/team/app:1`, layout: join(tempDir().path, 'layout') };
}

async function pull({ front, registry: { account }, name }: Scene, store: ImageStore): Promise<void> {
  const runtime = createNodeRuntime({ ca: front.ca });
  onTestFinished(() => runtime.close());
  const server = `${front.ca === undefined ? 'http' : 'https'}://${front.host}`;
  const secrets =
    account === undefined ? [] : [createPullSecret({ name: 's', namespace: 'default', server, ...account })];
  const pulled = await pullImage(name, {
    runtime,
    store,
    keyring: createKeyring(mergePullSecrets(secrets).entries),
    platform,
    plainHttp: front.ca === undefined ? [front.host] : [],
  });
  expect(pulled.manifest.digest).toBe(image.descriptor.digest);
}

const blobsOf = (layout: string): readonly string[] => readdirSync(join(layout, 'blobs/sha256')).toSorted();

/** The layout is right by its specification, by skopeo and by umoci, and has nothing but the image. */
async function verify({ layout, name }: Scene): Promise<void> {
  await assertLayoutValid(layout);
  expect(blobsOf(layout)).toEqual(blobNames);
  const { path } = tempDir();
  await Promise.all([
    run('skopeo', 'copy', `oci:${layout}:${name}`, `dir:${join(path, 'copy')}`),
    run('umoci', 'unpack', '--rootless', '--image', `${layout}:${name}`, join(path, 'bundle')),
  ]);
  expect(readdirSync(join(path, 'bundle/rootfs')).toSorted()).toEqual(['etc', 'random']);
}

/** What skopeo takes from the same server. */
async function skopeoBlobs({ registry: { account }, name }: Scene): Promise<readonly string[]> {
  const { path } = tempDir();
  const credentials = account === undefined ? [] : ['--src-creds', `${account.username}:${account.password}`];
  const options = ['--preserve-digests', '--src-tls-verify=false', ...credentials];
  await run('skopeo', 'copy', ...options, `docker://${name}`, `oci:${path}/copy:1`);
  return blobsOf(`${path}/copy`);
}

const TROUBLES: Readonly<Record<FrontKind, readonly string[]>> = {
  direct: [],
  TLS: [],
  '307 to a second origin': ['307', '200 from the second origin, authorization none'],
  '429': ['429'],
  limit_rate: ['slow'],
  '504': ['504'],
};

describe.each(REGISTRIES)('docker-registry (%s)', (registryKind) => {
  it.each(FRONTS)('%s: is pulled', async (frontKind) => {
    const scene = await setUp(registryKind, frontKind);
    const trouble = scene.front.during();
    await Promise.all([pull(scene, await openOciLayout(scene.layout)), trouble]);
    await verify(scene);
    expect(scene.front.troubles()).toEqual(expect.arrayContaining([...TROUBLES[frontKind]]));
    if (frontKind === 'direct') expect(await skopeoBlobs(scene)).toEqual(blobNames);
    countFor('ways to a real registry by which the right image came');
  });

  it.each(FRONTS)('%s: is pulled, though the registry is killed and restarted in the middle', async (frontKind) => {
    const scene = await setUp(registryKind, frontKind);
    const { server, stored } = scene.registry;
    const pausing = pauseInside(await openOciLayout(scene.layout), large, LARGE / 16);
    const pulled = pull(scene, pausing.store);
    await Promise.race([pausing.reached, pulled]);
    await server.kill();
    pausing.go();
    await server.restart();
    await pulled;
    await verify(scene);
    // A request is logged once it is over.
    if (frontKind !== '307 to a second origin') await eventually(() => scene.front.asked(large.digest) > 1);
    // A cache that has not got the blob yet ignores the range, and so the blob starts again.
    if (stored) expect(pausing.restarts).toBe(0);
    countFor('ways to a real registry by which the right image came');
  });
});
