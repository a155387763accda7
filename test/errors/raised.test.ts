import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCriImageService } from 'kubepull/cri';
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { parseDigest } from 'kubepull/digest';
import { readManifest } from 'kubepull/distribution';
import { parseDockerConfigJson } from 'kubepull/docker-config';
import { type ImageErrorCode, isImageError } from 'kubepull/errors';
import { createKeyring } from 'kubepull/keyring';
import { createUndiciTransport, nodeHasher, openOciLayout } from 'kubepull/node';
import { parseManifest } from 'kubepull/oci';
import { parsePlatform } from 'kubepull/platform';
import { pullImage, type PullOptions } from 'kubepull/puller';
import { parseImageName, parseReference } from 'kubepull/reference';
import { createMemoryStore, writeContent } from 'kubepull/store';
import { buildImage, buildIndex } from 'kubepull/testing';
import { connect, ref } from '../distribution/support.ts';
import { countFor } from '../support/figures.ts';
import { createMemoryTransport, type Reply } from '../support/memory-transport.ts';
import { tempDir } from '../support/temp-dir.ts';

const linux = (architecture: string) => ({ os: 'linux', architecture });
const index = buildIndex([buildImage({ platform: linux('arm64'), layers: [{ files: { a: 'b' } }] })]);
const store = createMemoryStore({ createHasher: nodeHasher });

/** Pulls from a registry that has an index of one image, for linux/arm64, or says something else to all. */
function pull(options: Partial<PullOptions> = {}, always?: Reply): Promise<unknown> {
  const { transport } = createMemoryTransport(({ url }) => {
    const digest = /sha256:[0-9a-f]{64}$/.exec(url)?.[0] ?? index.descriptor.digest;
    const content = index.contents.find(({ descriptor }) => descriptor.digest === digest);
    const type = { 'content-type': content?.descriptor.mediaType ?? 'text/plain' };
    return always ?? { body: content?.bytes ?? '', headers: type };
  });
  const runtime = { transport, createHasher: nodeHasher, platform: linux('amd64') };
  return pullImage('r.example/app:1', { runtime, store, platform: linux('arm64'), ...options });
}

/** The error that a keyring reports of a plugin that fails. */
async function askPlugin(): Promise<unknown> {
  const plugin = {
    name: 'plugin',
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    matchImages: ['r.example'],
    defaultCacheDuration: '0s',
  };
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [plugin],
  };
  const exec = async (): Promise<Uint8Array> => new TextEncoder().encode('no JSON');
  const keyring = createCredentialProviderKeyring(parseCredentialProviderConfig(config), { exec });
  throw (await keyring.lookup(parseImageName('r.example/app'))).sources[0]?.error;
}

async function request(url: string, options: object = {}): Promise<unknown> {
  const { transport, close } = createUndiciTransport({ connectTimeoutMs: 60_000 });
  onTestFinished(close);
  return transport({ method: 'GET', url, headers: {}, ...options });
}

/** What raises each code: the type lets none be left out. */
const RAISES: Readonly<Record<ImageErrorCode, () => unknown>> = {
  ERR_REFERENCE_INVALID: () => parseReference('r.example/App'),
  ERR_DIGEST_INVALID: () => parseDigest('sha256:00'),
  ERR_PLATFORM_INVALID: () => parsePlatform('linux/amd64/v1/more/than/there/is'),
  ERR_CONFIG_INVALID: () => parseDockerConfigJson('{'),
  ERR_OPTION_INVALID: () => createKeyring('entries' as never),
  ERR_CREDENTIAL_PROVIDER: askPlugin,
  // The port is kept by the system, and nothing listens on it.
  ERR_TRANSPORT: () => request('http://127.0.0.1:1/'),
  ERR_REQUEST_REFUSED: () => request('http://127.0.0.1:1/', { allowAddresses: ['public'] }),
  ERR_REGISTRY_RESPONSE: () => readManifest(connect(createMemoryTransport(() => ({ status: 404 }))).session, ref),
  ERR_REGISTRY_DOCUMENT: () => parseManifest(new TextEncoder().encode('{')),
  ERR_CONTENT_MISMATCH: () => writeContent(store, { ...index.descriptor, size: 3 }, Uint8Array.of(1, 2, 3)),
  ERR_PLATFORM_NOT_FOUND: () => pull({ platform: linux('s390x') }),
  ERR_STORE: () => openOciLayout('/dev/null/layout'),
  ERR_RUNTIME: async () => {
    const service = createCriImageService({ endpoint: join(tempDir().path, 'none.sock') });
    onTestFinished(() => service.close());
    await service.listImages();
  },
  ERR_IMAGE_REFUSED: () => pull({ verify: () => 'it is not signed' }),
  ERR_PULL_FAILED: () => pull({}, { status: 401, headers: { 'www-authenticate': 'Basic' } }),
};

describe('an ImageError', () => {
  it.each(Object.entries(RAISES))('with the code %s is raised by a call that a program makes', async (code, raise) => {
    const error: unknown = await Promise.resolve()
      .then(raise)
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    expect(isImageError(error), String(error)).toBe(true);
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^(Cannot |rpc error: )/) as string });
    countFor('error codes raised');
  });
});
