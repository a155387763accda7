import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher, openOciLayout } from 'kubepull/node';
import { MEDIA_TYPES } from 'kubepull/oci';
import { pullImage, type PullOptions } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, type PushedContent } from 'kubepull/testing';
import { startRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { startRuntime } from './downloads-support.ts';

const platform = { os: 'linux', architecture: 'amd64' };

/** An image that has one layer many times over. */
function layered(count: number): PushedContent {
  const { manifest, contents } = buildImage({ platform, layers: [{ files: { a: 'a' } }] });
  const document = { ...manifest, layers: Array.from({ length: count }, () => manifest.layers[0]) };
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const mediaType = MEDIA_TYPES.ociManifest;
  const descriptor = { mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length };
  return { descriptor, contents: [...contents, { descriptor, bytes }] };
}

describe('the option limits', () => {
  it('lets a manifest have more layers and values, in every store, and names itself in the error without', async () => {
    const registry = await startRegistry();
    const content = layered(5000);
    registry.push('app', '1', content);
    const options = { runtime: startRuntime(), platform, plainHttp: [registry.host] };
    const stores = [createMemoryStore({ createHasher: nodeHasher }), await openOciLayout(tempDir().path)];
    for (const store of stores) {
      const pull = (limits?: PullOptions['limits']) =>
        pullImage(`${registry.host}/app:1`, { ...options, store, limits });
      await expect(pull()).rejects.toThrow('more than 16384 values (limit maxValues)');
      await expect(pull({ maxValues: 50_000 })).rejects.toThrow('5000 entries, more than 1024 (limit maxLayers)');
      const { manifest } = await pull({ maxValues: 50_000, maxLayers: 5000 });
      expect(manifest.digest).toBe(content.descriptor.digest);
    }
  });

  it.each([{ maxLayers: 0 }, { maxLayers: 16_385 }, { maxManifests: 1.5 }, { maxValues: 131_073 }, 5, null])(
    'cannot be %j',
    async (limits) => {
      const store = createMemoryStore({ createHasher: nodeHasher });
      const options = { runtime: startRuntime(), store, limits: limits as PullOptions['limits'] };
      await expect(pullImage('r.example/app', options)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    },
  );
});

describe('a range that is refused after a cut [B04]', () => {
  it.each([400, 403, 416, 501])('starts the layer again: %d', async (status) => {
    const registry = await startRegistry();
    const image = buildImage({ platform, layers: [{ randomBytes: 200_000 }] });
    registry.push('app', '1', image);
    const digest = image.manifest.layers[0]?.digest ?? '';
    const path = new RegExp(digest);
    registry.fault({ path, times: 1, action: { kind: 'cut', afterBytes: 50_000 } });
    registry.fault({ path, nth: 2, times: 1, action: { kind: 'status', status } });
    const store = createMemoryStore({ createHasher: nodeHasher });
    const runtime = startRuntime();
    const { manifest } = await pullImage(`${registry.host}/app:1`, {
      runtime,
      store,
      platform,
      plainHttp: [registry.host],
    });
    expect(manifest.digest).toBe(image.descriptor.digest);
    const asked = registry.requests.filter(({ url }) => url.includes(digest)).map(({ headers }) => headers['range']);
    expect(asked).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/), undefined]);
  });
});
