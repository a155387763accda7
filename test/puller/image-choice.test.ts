import { describe, expect, it } from 'vitest';
import { createCredential, createSecret } from 'kubepull/docker-config';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { encodeManifest, MEDIA_TYPES, type Descriptor } from 'kubepull/oci';
import type { PullEvent, PullOptions } from 'kubepull/puller';
import { buildImage, buildIndex, type PushedContent } from 'kubepull/testing';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { amd64, openStore, tryPull } from './downloads-support.ts';

const image = buildImage({ platform: amd64, layers: [{ files: { a: '1' } }] });
const arm64 = { os: 'linux', architecture: 'arm64' };
const other = buildImage({ platform: arm64, layers: [] });

function contentOf(document: object, mediaType: string): PushedContent['contents'][number] {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return { descriptor: { mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length }, bytes };
}

/** An image whose config is `config`, of any kind. */
function imageWith(config: object, mediaType: string, more: Partial<Descriptor> = {}): PushedContent {
  const content = contentOf(config, mediaType);
  const document = { ...content.descriptor, ...more };
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: document,
    layers: image.manifest.layers,
  });
  const descriptor = {
    mediaType: MEDIA_TYPES.ociManifest,
    digest: computeDigest(manifest, nodeHasher),
    size: manifest.length,
  };
  return { descriptor, contents: [...image.contents, content, { descriptor, bytes: manifest }] };
}

/** An image within as many indexes. */
function within(depth: number): PushedContent {
  let found: PushedContent = image;
  for (let at = 0; at < depth; at += 1) {
    const manifests = [{ ...found.descriptor, platform: amd64 }];
    const index = contentOf({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }, MEDIA_TYPES.ociIndex);
    found = { descriptor: index.descriptor, contents: [...found.contents, index] };
  }
  return found;
}

/** Pulls content from a registry that has only that; with a credential, it wants to see one. */
async function pull(content: PushedContent, options: Partial<PullOptions> = {}) {
  const contents = new Map<string, PushedContent['contents'][number]>(
    content.contents.map((one) => [one.descriptor.digest, one]),
  );
  const server = createMemoryTransport(({ url, headers }) => {
    if (options.credential !== undefined && headers['authorization'] === undefined)
      return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
    const asked = url.slice(url.lastIndexOf('/') + 1);
    const found = contents.get(asked === '1' ? content.descriptor.digest : asked);
    if (found === undefined) return { status: 404 };
    return { headers: { 'content-type': found.descriptor.mediaType }, body: found.bytes };
  });
  const runtime = { transport: server.transport, createHasher: nodeHasher, platform: amd64 };
  const store = await openStore('memory');
  return { ...(await tryPull('r.example/app:1', { runtime, store, ...options })), store, server };
}

const told = (events: readonly PullEvent[], type: PullEvent['type']) => events.filter((event) => event.type === type);

describe('an index', () => {
  it('is told with what was wanted, what was chosen and what there is', async () => {
    const index = buildIndex([other, image]);
    const { events, pulled } = await pull(index);
    const { platform: _, ...root } = index.descriptor;
    expect(told(events, 'manifest')).toMatchObject([
      { type: 'manifest', descriptor: root },
      { type: 'manifest', descriptor: { digest: image.descriptor.digest, platform: amd64 } },
    ]);
    expect(told(events, 'platform')).toEqual([
      {
        type: 'platform',
        wanted: amd64,
        chosen: expect.objectContaining({ digest: image.descriptor.digest }) as unknown,
        available: [arm64, amd64],
      },
    ]);
    expect(pulled).toMatchObject({
      repoDigest: `r.example/app@${index.descriptor.digest}`,
      manifest: { digest: image.descriptor.digest, platform: amd64 },
      imageRef: image.manifest.config.digest,
      platform: amd64,
    });
  });

  it('that says nothing of an entry has no platform for it', async () => {
    const silent = { ...image, descriptor: { ...image.descriptor, platform: undefined } };
    const { events } = await pull(buildIndex([silent, other]), { platform: arm64 });
    expect(told(events, 'platform')).toMatchObject([{ available: [arm64] }]);
  });

  it.each([1, 4])('is gone through to the image, %d deep', async (depth) => {
    const { error, pulled } = await pull(within(depth));
    expect([error, pulled?.manifest.digest]).toEqual([undefined, image.descriptor.digest]);
  });

  it('is not gone through for ever', async () => {
    const { error, server } = await pull(within(5));
    expect(error).toMatchObject({
      code: 'ERR_REGISTRY_DOCUMENT',
      message: 'Cannot pull r.example/app: its indexes are nested deeper than 4 levels',
    });
    expect(server.requests.filter(({ url }) => url.includes('/blobs/'))).toEqual([]);
  });
});

describe('the config of an image', () => {
  it('that is none, as an artifact has it, names no platform', async () => {
    const { error, pulled, events } = await pull(imageWith({ os: 'plan9' }, 'application/vnd.example.config+json'));
    expect([error, pulled?.platform, told(events, 'notice')]).toEqual([undefined, undefined, []]);
  });

  it('that names no platform is of one that nobody can refuse', async () => {
    const { error, pulled } = await pull(imageWith({ rootfs: {} }, MEDIA_TYPES.ociConfig), { strictPlatform: true });
    expect([error, pulled?.platform]).toEqual([undefined, undefined]);
  });

  it('that names another is refused with strictPlatform by the name of the image', async () => {
    const { error } = await pull(other, { strictPlatform: true });
    expect(error).toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
      message: expect.stringMatching(/^Cannot pull r\.example\/app\b/) as string,
    });
  });

  it('that repeats the password is refused', async () => {
    const architecture = 'r.example.of-the-config';
    const credential = createCredential({ username: 'u', password: createSecret(architecture) });
    const { error } = await pull(imageWith({ os: 'linux', architecture }, MEDIA_TYPES.ociConfig), { credential });
    expect(error).toMatchObject({
      code: 'ERR_REGISTRY_DOCUMENT',
      message: 'Cannot pull r.example/app: its config has a secret in it that was sent to get it',
    });
  });
});
