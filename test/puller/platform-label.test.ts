import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, MEDIA_TYPES, type Platform } from 'kubepull/oci';
import { pullImageEvents, type PullEvent, type PullOptions } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, buildIndex, type BuiltImage, type LoopbackRegistry, type PushedContent } from 'kubepull/testing';
import { startRegistry } from '../support/registry.ts';
import { startRuntime } from './downloads-support.ts';

const linux = (architecture: string): Platform => ({ os: 'linux', architecture });
const [amd64, arm64, s390x] = ['amd64', 'arm64', 's390x'].map((architecture) =>
  buildImage({ platform: linux(architecture), layers: [{ files: { architecture } }] }),
) as [BuiltImage, BuiltImage, BuiltImage];

/** The image as an index names it that says nothing, or something else, of its platform. */
function called(image: BuiltImage, platform?: Platform): BuiltImage {
  return { ...image, descriptor: { ...image.descriptor, platform } };
}

async function pull(registry: LoopbackRegistry, name: string, more: Partial<PullOptions> = {}) {
  const store = createMemoryStore({ createHasher: nodeHasher });
  const options = { runtime: startRuntime(), store, platform: linux('amd64'), plainHttp: [registry.host], ...more };
  const events: PullEvent[] = [];
  for await (const event of pullImageEvents(`${registry.host}/${name}`, options)) events.push(event);
  const notices = events.flatMap((event) => (event.type === 'notice' ? [event.notice] : []));
  const image = events.flatMap((event) => (event.type === 'pulled' ? [event.image] : []))[0];
  return { notices, digest: image?.manifest.digest, platform: image?.platform };
}

describe('an image without index whose config names another platform', () => {
  it.each(['app:single', `app@${arm64.descriptor.digest}`])('is pulled as %s, with a notice', async (name) => {
    const registry = await startRegistry();
    registry.push('app', 'single', arm64);
    const wanted = linux('amd64');
    expect(await pull(registry, name)).toEqual({
      digest: arm64.descriptor.digest,
      platform: linux('arm64'),
      notices: [{ kind: 'platform', origin: registry.origin, wanted, platform: linux('arm64') }],
    });
  });

  it('is refused with strictPlatform, and the error names the option', async () => {
    const registry = await startRegistry();
    registry.push('app', 'single', arm64);
    await expect(pull(registry, 'app:single', { strictPlatform: true })).rejects.toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
      message: expect.stringContaining('without the option strictPlatform it is taken all the same') as string,
      available: [linux('arm64')],
    });
  });

  it('is pulled without a notice when the index calls it the wanted one', async () => {
    const registry = await startRegistry();
    registry.push('app', 'index', buildIndex([called(arm64, linux('amd64'))]));
    expect(await pull(registry, 'app:index', { strictPlatform: true })).toMatchObject({
      digest: arm64.descriptor.digest,
      notices: [],
    });
  });
});

describe('an index that does not say what its entries are for', () => {
  it('is gone through until a config names the wanted platform, as containerd does [M10]', async () => {
    const registry = await startRegistry();
    registry.push('app', '1', buildIndex([called(s390x), called(arm64), called(amd64)]));
    expect(await pull(registry, 'app:1')).toMatchObject({ digest: amd64.descriptor.digest, notices: [] });
  });

  it('is refused with what the configs name when none does', async () => {
    const registry = await startRegistry();
    registry.push('app', '1', buildIndex([called(s390x), called(arm64)]));
    await expect(pull(registry, 'app:1')).rejects.toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
      message: expect.stringContaining('only linux/s390x, linux/arm64') as string,
    });
  });
});

describe('an entry of an index that is of a kind that nobody knows', () => {
  const mediaType = 'application/vnd.example.sbom+json';
  const digest = computeDigest(new TextEncoder().encode('{}'), nodeHasher);

  function indexOf(...manifests: readonly Descriptor[]): PushedContent {
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
    const bytes = new TextEncoder().encode(JSON.stringify(index));
    const descriptor = {
      mediaType: MEDIA_TYPES.ociIndex,
      digest: computeDigest(bytes, nodeHasher),
      size: bytes.length,
    };
    return { descriptor, contents: [...amd64.contents, { descriptor, bytes }] };
  }

  it.each([linux('amd64'), undefined])('is passed over, for the platform %j', async (platform) => {
    const registry = await startRegistry();
    const [sbom, image] = [
      { mediaType, digest, size: 2 },
      { ...amd64.descriptor, platform: undefined },
    ].map((entry): Descriptor => (platform === undefined ? entry : { ...entry, platform })) as [Descriptor, Descriptor];
    registry.push('app', '1', indexOf(sbom, image));
    expect(await pull(registry, 'app:1')).toMatchObject({ digest: amd64.descriptor.digest });
  });

  it('is named when the index has nothing else', async () => {
    const registry = await startRegistry();
    registry.push('app', '1', indexOf({ mediaType, digest, size: 2 }));
    await expect(pull(registry, 'app:1')).rejects.toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
      message: expect.stringContaining(`the index has no image, but ${mediaType}`) as string,
    });
  });
});
