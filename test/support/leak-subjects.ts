// One of everything that this library makes and that has had a secret in its hands.
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import {
  createRegistrySession,
  createTokenCache,
  readManifestBytes,
  type RegistryNotice,
  resolveManifest,
} from 'kubepull/distribution';
import { createSecret, type Credential, type DockerConfigEntry, parseDockerConfig } from 'kubepull/docker-config';
import { ContentMismatchError, ImageError, RegistryError, RequestRefusedError, TransportError } from 'kubepull/errors';
import { createKeyring, joinKeyrings } from 'kubepull/keyring';
import { createNodeRuntime, createUndiciTransport, nodeHasher, openOciLayout } from 'kubepull/node';
import { pullImage, pullImageEvents } from 'kubepull/puller';
import { toDockerConfigJson } from 'kubepull/pull-secrets';
import { parseReference, parseImageName } from 'kubepull/reference';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, createLoopbackRegistry } from 'kubepull/testing';
import { createCertificate } from './certificate.ts';
import { makeSecret } from './leaks.ts';
import { imageNamed } from './image-name.ts';

export interface Subjects {
  readonly secrets: readonly string[];
  readonly values: readonly (readonly [name: string, value: unknown])[];
  close(): Promise<void>;
}

/** No secret to us: who prints a keyring's answer wants to know whom it names. */
const USERNAME = 'somebody';
const platform = { os: 'linux', architecture: 'amd64' } as const;

/** Pulls, fails and reads with fresh secrets, and gives all that came of it. */
export async function makeSubjects(directory: string): Promise<Subjects> {
  const names = ['password', 'identityToken', 'registryToken', 'wrong', 'proxy', 'query', 'key', 'plugin'];
  const secret = Object.fromEntries(names.map((name) => [name, makeSecret()])) as Record<string, string>;
  const of = (name: string): string => secret[name] ?? '';
  const credential: Credential = {
    username: USERNAME,
    password: createSecret(of('password')),
    identityToken: undefined,
    registryToken: undefined,
    email: undefined,
  };
  const tokens = {
    ...credential,
    identityToken: createSecret(of('identityToken')),
    registryToken: createSecret(of('registryToken')),
  };
  const account = { username: USERNAME, password: of('password') };
  const registry = await createLoopbackRegistry({ auth: { '': { type: 'bearer', accounts: [account] } } });
  registry.push('team/app', '1', buildImage({ platform, layers: [{ randomBytes: 5000 }] }));

  const { host, origin } = registry;
  const entry = (pattern: string, entryCredential: Credential): DockerConfigEntry => ({
    pattern,
    credential: entryCredential,
    source: { kind: 'inline' },
  });
  const keyring = createKeyring([entry(host, credential)]);
  const wrong = createKeyring([entry(host, { ...credential, password: createSecret(of('wrong')) })]);
  const certificate = createCertificate(['r.example']);
  const runtime = createNodeRuntime({
    platform,
    proxy: { https: `http://proxy:${of('proxy')}@proxy.example:3128` },
    tls: { 'r.example': { cert: certificate.cert, key: createSecret(certificate.key) } },
  });
  const { transport, close } = createUndiciTransport();
  const memory = createMemoryStore({ createHasher: nodeHasher });
  const layout = await openOciLayout(directory);
  const tokenCache = createTokenCache();
  const notices: RegistryNotice[] = [];
  const session = createRegistrySession({
    transport,
    origin,
    credential,
    createHasher: nodeHasher,
    tokenCache,
    onNotice: (notice) => void notices.push(notice),
  });
  const image = `${host}/team/app:1`;
  const options = { runtime, plainHttp: [host], keyring };
  const ref = parseReference(image);
  const events: unknown[] = [];
  for await (const event of pullImageEvents(image, { ...options, store: memory })) events.push(event);
  const config = JSON.stringify({
    auths: {
      'a.example': { auth: Buffer.from(`${USERNAME}:${of('password')}`).toString('base64') },
      'b.example': { identitytoken: of('identityToken'), registrytoken: of('registryToken') },
    },
    HttpHeaders: { 'X-Token': of('wrong') },
  });
  const dockerConfig = parseDockerConfig(config, { mode: 'docker' });
  const plugins = createCredentialProviderKeyring(parseCredentialProviderConfig(providerConfig(of('key'))), {
    exec: async () =>
      new TextEncoder().encode(
        JSON.stringify({
          kind: 'CredentialProviderResponse',
          apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
          cacheKeyType: 'Image',
          auth: { '*.example.com': { username: USERNAME, password: of('plugin') } },
        }),
      ),
  });

  const caught = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
  const values: readonly (readonly [string, unknown])[] = [
    ['secret', credential.password],
    ['credential', tokens],
    ['docker config', dockerConfig],
    ['docker config entries', dockerConfig.entries],
    ['keyring', keyring],
    ['union of keyrings', joinKeyrings(keyring, wrong)],
    ['lookup result', keyring.lookup(imageNamed(image))],
    ['docker config document', toDockerConfigJson([entry('r.example', tokens)])],
    ['provider keyring', plugins],
    ['provider config', parseCredentialProviderConfig(providerConfig(of('key')))],
    ['provided credentials', await plugins.lookup(parseImageName('a.example.com/app'))],
    ['runtime', runtime],
    ['transport', transport],
    ['registry client', session],
    ['manifest', await readManifestBytes(session, ref)],
    ['token cache', tokenCache],
    ['notices', notices],
    ['memory store', memory],
    ['layout', layout],
    ['pulled image', await pullImage(image, { ...options, store: layout })],
    ['pull events', events],
    ['pull error', await caught(pullImage(image, { ...options, keyring: wrong, store: memory }))],
    ['registry error', await caught(readManifestBytes(session, parseReference(`${host}/team/none:1`)))],
    ['config error', await caught((async () => parseDockerConfig(config.slice(0, -3)))())],
    [
      'option error',
      await caught(
        (async () =>
          createRegistrySession({ transport, origin: `https://u:${of('query')}@x/`, createHasher: nodeHasher }))(),
      ),
    ],
    ['image error', new ImageError('ERR_STORE', 'Cannot write', { cause: new Error(of('query')) })],
    [
      'transport error',
      new TransportError('Cannot GET x: cut', {
        method: 'GET',
        url: 'x',
        phase: 'body',
        retryable: true,
        cause: Object.assign(new Error(of('password')), { headers: [of('wrong')], body: of('query') }),
      }),
    ],
    ['refused request', new RequestRefusedError('Cannot GET x: no', { url: 'x', rule: 'y' })],
    [
      'refused response',
      new RegistryError('Cannot GET x: 404', {
        method: 'GET',
        url: 'x',
        status: 404,
        retryable: false,
        retryAfterMs: undefined,
        diagnostics: [],
      }),
    ],
    [
      'mismatch',
      new ContentMismatchError('Cannot read x', {
        expected: await resolveManifest(session, ref),
        actual: { digest: (await resolveManifest(session, ref)).digest, size: 1 },
      }),
    ],
    [
      'transport failure',
      await caught(
        transport({
          method: 'GET',
          url: `https://127.0.0.1:1/x?sig=${of('query')}`,
          headers: { authorization: `Bearer ${of('password')}` },
        }),
      ),
    ],
    ['invalid URL', await caught(transport({ method: 'GET', url: `https://u:${of('query')}@[`, headers: {} }))],
  ];
  return {
    // A line of the key: its first would be that of every key.
    secrets: [...Object.values(secret), certificate.key.split('\n')[2] ?? ''],
    values,
    async close() {
      await Promise.all([registry.close(), runtime.close(), close()]);
    },
  };
}

function providerConfig(value: string): unknown {
  return {
    kind: 'CredentialProviderConfig',
    apiVersion: 'kubelet.config.k8s.io/v1',
    providers: [
      {
        name: 'plugin',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        matchImages: ['*.example.com'],
        defaultCacheDuration: '10m',
        env: [{ name: 'TOKEN', value }],
      },
    ],
  };
}
