import { describe, expect, it } from 'vitest';
import { createCredential } from 'kubepull/docker-config';
import { createImageManager } from 'kubepull/image-manager';
import { createPullerImageService } from 'kubepull/image-service';
import { createKeyring } from 'kubepull/keyring';
import { readManifestBytes } from 'kubepull/distribution';
import { nodeHasher } from 'kubepull/node';
import { pullImage, type ResolvedImage, type VerifyImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, buildIndex, type LoopbackRegistry } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';
import { amd64, startRuntime } from './downloads-support.ts';

const image = buildImage({ platform: amd64, layers: [{ files: { a: '1' } }, { files: { b: '2' } }] });
const index = buildIndex([image, buildImage({ platform: { os: 'linux', architecture: 'arm64' }, layers: [] })]);

async function start() {
  const registry = await startRegistry();
  registry.push('team/app', '1', index);
  const store = createMemoryStore({ createHasher: nodeHasher });
  const options = { runtime: startRuntime(), store, plainHttp: [registry.host] };
  const name = `${registry.host}/team/app:1`;
  return { registry, store, options, name, pull: (verify: VerifyImage) => pullImage(name, { ...options, verify }) };
}

/** What was asked for, by kind. */
function asked({ requests }: LoopbackRegistry) {
  const count = (part: string) => requests.filter(({ url }) => url.includes(part)).length;
  return { manifests: count('/manifests/'), blobs: count('/blobs/') };
}

describe('verify', () => {
  it('is shown the index, the manifest of the platform and who gave it out, before config and layers', async () => {
    const { registry, name, pull } = await start();
    const seen: ResolvedImage[] = [];
    const verify: VerifyImage = (resolved) => {
      seen.push(resolved);
      expect(asked(registry)).toEqual({ manifests: 2, blobs: 0 });
      return undefined;
    };
    await pull(verify);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      image: name,
      root: { digest: index.descriptor.digest },
      descriptor: { digest: image.descriptor.digest, platform: amd64 },
      manifest: { layers: image.manifest.layers },
      source: { kind: 'anonymous' },
      endpoint: { origin: registry.origin },
      ref: { digest: index.descriptor.digest, tag: undefined },
    });
    expect(seen[0]?.bytes).toHaveLength(image.descriptor.size);
    expect(asked(registry).blobs).toBe(3);
  });

  it.each<[string, VerifyImage]>([
    ['gives a reason', async () => 'no signature'],
    [
      'throws',
      () => {
        throw new Error('no signature');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no signature'))],
  ])('refuses the image when it %s, and no config and no layer is asked for', async (_, verify) => {
    const { registry, name, store, pull } = await start();
    await expect(pull(verify)).rejects.toMatchObject({
      code: 'ERR_IMAGE_REFUSED',
      image: name,
      digest: index.descriptor.digest,
      reason: 'no signature',
      message: `Cannot pull "${name}": ${index.descriptor.digest} was refused: no signature`,
    });
    expect(asked(registry)).toEqual({ manifests: 2, blobs: 0 });
    expect(await store.resolve(name)).toBeUndefined();
  });

  it.each([false, true, null, {}])('takes %j for a fault of the program, not for a yes', async (answer) => {
    const { registry, pull } = await start();
    const verify = (() => answer) as unknown as VerifyImage;
    await expect(pull(verify)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    expect(asked(registry).blobs).toBe(0);
  });

  it('refuses without a reason for an empty one', async () => {
    const { pull } = await start();
    await expect(pull(() => '')).rejects.toMatchObject({ code: 'ERR_IMAGE_REFUSED', reason: '' });
  });

  it('may ask the same registry, as the same user', async () => {
    const password = canary('password');
    const registry = await startRegistry({ auth: { '': { type: 'basic', accounts: [{ username: 'ci', password }] } } });
    registry.push('team/app', '1', image);
    registry.push('team/app', 'sig', buildImage({ layers: [] }));
    const entry = { pattern: registry.host, source: { kind: 'inline' as const } };
    const keyring = createKeyring([{ ...entry, credential: createCredential({ username: 'ci', password }) }]);
    const store = createMemoryStore({ createHasher: nodeHasher });
    const verify: VerifyImage = async ({ session, ref }, { signal }) => {
      await readManifestBytes(session, { ...ref, tag: 'sig', digest: undefined }, { signal });
      return undefined;
    };
    const pulled = await pullImage(`${registry.host}/team/app:1`, {
      runtime: startRuntime(),
      store,
      plainHttp: [registry.host],
      keyring,
      verify,
    });
    expect(pulled.manifest.digest).toBe(image.descriptor.digest);
  });

  it('is not waited for once the pull is aborted', async () => {
    const { options, name, registry } = await start();
    const controller = new AbortController();
    const verify: VerifyImage = () => {
      controller.abort(new Error('enough'));
      return new Promise(() => undefined);
    };
    await expect(pullImage(name, { ...options, verify, signal: controller.signal })).rejects.toThrow('enough');
    expect(asked(registry).blobs).toBe(0);
  });

  it('makes a container wait with SignatureValidationFailed', async () => {
    const { options, name } = await start();
    const images = createPullerImageService({ ...options, verify: async () => 'no signature' });
    const manager = createImageManager({ images, createHasher: nodeHasher });
    const pod = { metadata: { name: 'web', uid: 'u1' }, spec: { containers: [{ name: 'app', image: name }] } };
    expect(await manager.ensureContainerImage({ pod, container: 'app' })).toMatchObject({
      status: 'waiting',
      reason: 'SignatureValidationFailed',
      message: `image pull failed for ${name} because the signature validation failed: ${index.descriptor.digest} was refused: no signature`,
    });
  });
});
