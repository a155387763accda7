// Ten thousand of everything: they cost ten times what a thousand do, and not a hundred times.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDockerConfig } from 'kubepull/docker-config';
import { planImageGc } from 'kubepull/image-gc';
import { createKeyring } from 'kubepull/keyring';
import { listPodImages } from 'kubepull/kubernetes';
import { lintDockerConfig } from 'kubepull/lint';
import { nodeHasher, openOciLayout, validateLayout } from 'kubepull/node';
import { parseManifest } from 'kubepull/oci';
import { preflight } from 'kubepull/preflight';
import { pullImage } from 'kubepull/puller';
import { parseImageName } from 'kubepull/reference';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { countFor, measureFor } from '../support/figures.ts';
import { least } from '../support/least.ts';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { tempDir } from '../support/temp-dir.ts';

const [FEW, MANY] = [1000, 10_000];
/** Of ten times as many. What is not linear takes a hundred times as much. */
const MOST = 30;

const platform = { os: 'linux', architecture: 'amd64' } as const;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const sha256 = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const upTo = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at));

/** Each layer has three values. */
const limitsOf = (count: number) => ({ maxLayers: count, maxValues: 10 * MANY });

/** An image of so many layers, each of its own. */
function imageOf(count: number) {
  const contents = new Map<string, Uint8Array>();
  const put = (bytes: Uint8Array, mediaType: string) => {
    const digest = sha256(bytes);
    contents.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const config = put(
    Buffer.from(JSON.stringify({ ...platform, rootfs: { type: 'layers', diff_ids: [] } })),
    'application/vnd.oci.image.config.v1+json',
  );
  const layers = upTo(count, (at) => put(Buffer.from(`layer ${at}`), 'application/vnd.oci.image.layer.v1.tar'));
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));
  return { manifest, contents };
}

async function pullLayers({ manifest, contents }: ReturnType<typeof imageOf>, count: number): Promise<void> {
  const { transport } = createMemoryTransport(({ url }) => {
    if (url.includes('/manifests/')) return { headers: { 'content-type': MANIFEST }, body: manifest };
    const body = contents.get(/sha256:[a-f\d]{64}/.exec(url)?.[0] ?? '');
    return body === undefined ? { status: 404 } : { body };
  });
  const runtime = { transport, createHasher: nodeHasher, platform, clock: createFakeClock() };
  const store = createMemoryStore({ createHasher: nodeHasher });
  await pullImage('r.example/app:1', { runtime, store, limits: limitsOf(count) });
}

/** A layout with so many images, each with a config of its own and one layer for all. */
function writeLayout(count: number): string {
  const directory = tempDir().path;
  const blobs = join(directory, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (text: string, mediaType: string) => {
    const digest = sha256(text);
    writeFileSync(join(blobs, digest.slice(7)), text);
    return { mediaType, digest, size: text.length };
  };
  const layer = put('layer', 'application/vnd.oci.image.layer.v1.tar');
  const manifests = upTo(count, (at) => {
    const config = put(
      JSON.stringify({ ...platform, author: `${at}`, rootfs: { type: 'layers', diff_ids: [layer.digest] } }),
      'application/vnd.oci.image.config.v1+json',
    );
    const manifest = put(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] }), MANIFEST);
    return { ...manifest, annotations: { 'org.opencontainers.image.ref.name': `a:${at}` } };
  });
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  return directory;
}

const podOf = (at: number) => ({
  kind: 'Pod',
  metadata: { name: `web-${at}`, namespace: 'shop' },
  spec: { containers: [{ name: 'web', image: `r.example/app${at % 100}:1` }] },
});
const image = buildImage({ platform, layers: [] });

async function preflightOf(pods: readonly object[]): Promise<void> {
  const { transport, requests } = createMemoryTransport(() => ({
    headers: { 'content-type': image.descriptor.mediaType },
    body: image.contents.find(({ descriptor }) => descriptor.digest === image.descriptor.digest)?.bytes ?? '',
  }));
  const runtime = { transport, createHasher: nodeHasher, platform, clock: createFakeClock() };
  const report = await preflight(pods, { runtime });
  expect(report.images).toHaveLength(100);
  expect(requests.length).toBeLessThan(500);
}

const configOf = (count: number): string =>
  JSON.stringify({
    auths: Object.fromEntries(upTo(count, (at) => [`r${at}.example/team`, { username: 'u', password: 'p' }])),
  });

/** What is made of so many, and then done with them. */
const THINGS: Readonly<Record<string, (count: number) => () => unknown>> = {
  'layers of a manifest, read': (count) => {
    const { manifest } = imageOf(count);
    return () => parseManifest(manifest, { mediaType: MANIFEST, limits: limitsOf(count) });
  },
  'layers of an image, pulled': (count) => {
    const made = imageOf(count);
    return () => pullLayers(made, count);
  },
  'images of a layout, listed': (count) => {
    const store = openOciLayout(writeLayout(count));
    return async () => expect(await (await store).names()).toHaveLength(count);
  },
  'images of a layout, validated': (count) => {
    const directory = writeLayout(count);
    return async () => expect((await validateLayout(directory)).findings).toEqual([]);
  },
  'images of a layout, where garbage is looked for': (count) => {
    const directory = writeLayout(count);
    return async () => {
      const store = await openOciLayout(directory);
      expect((await store.collectGarbage({ graceMs: 0 })).removed).toEqual([]);
    };
  },
  'images of a node, planned for removal': (count) => {
    const images = upTo(count, (at) => ({
      id: sha256(`${at}`),
      repoTags: [],
      repoDigests: [],
      size: 1000,
      pinned: false,
      runtimeHandler: '',
      inUse: false,
      firstSeenAt: at,
      lastUsedAt: (at * 7919) % count,
    }));
    const disk = { capacityBytes: count * 1000, availableBytes: 0 };
    return () => planImageGc({ images, disk, now: 1e9, startedAt: 0 });
  },
  'entries of a config, read and looked up': (count) => {
    const text = configOf(count);
    const name = parseImageName('r7.example/team/app');
    return () => expect(createKeyring(parseDockerConfig(text).entries).lookup(name).candidates).toHaveLength(1);
  },
  'entries of a config, checked by lint': (count) => {
    const text = configOf(count);
    return () => lintDockerConfig(text);
  },
  'pods, whose images are listed': (count) => {
    const pods = upTo(count, podOf);
    return () => expect(listPodImages(pods)).toHaveLength(count);
  },
  'pods, checked before a rollout': (count) => {
    const pods = upTo(count, podOf);
    return () => preflightOf(pods);
  },
};

/** Processor time, so that what else the machine does counts less. */
async function costOf(work: () => unknown, times: number): Promise<number> {
  const before = process.cpuUsage();
  for (let at = 0; at < times; at += 1) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

describe(`${MANY} of everything`, () => {
  it.each(Object.entries(THINGS))('%s', async (_, make) => {
    const [few, many] = [make(FEW), make(MANY)];
    // What is compiled at the first call is no part of either.
    await few();
    const growth = await least(MOST, async () => {
      const small = await costOf(few, 3);
      return (await costOf(many, 1)) / small;
    });
    expect(growth).toBeLessThan(MOST);
    countFor('kinds of which 10,000 cost what is linear');
    measureFor('cost of ten times as many', growth);
  });

  it('layers of an image are refused, with the limit, unless they are asked for', () => {
    const { manifest } = imageOf(MANY);
    expect(() => parseManifest(manifest, { mediaType: MANIFEST })).toThrow('(limit maxValues)');
    const limits = { maxValues: limitsOf(MANY).maxValues };
    expect(() => parseManifest(manifest, { mediaType: MANIFEST, limits })).toThrow('(limit maxLayers)');
  });
});
