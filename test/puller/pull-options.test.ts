import { describe, expect, it } from 'vitest';
import { createCredential, createSecret } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { createMirrorEndpoint, createUpstreamEndpoint } from 'kubepull/mirrors';
import { createMemoryStore } from 'kubepull/store';
import { computeDigest } from 'kubepull/digest';
import type { TransportRequest } from 'kubepull/distribution';
import { encodeManifest, MEDIA_TYPES } from 'kubepull/oci';
import { createFakeClock } from 'kubepull/testing';
import { nodeHasher } from 'kubepull/node';
import { pullImage, pullImageEvents, type PullOptions } from 'kubepull/puller';
import { canary } from '../support/canary.ts';
import { createMemoryTransport, type Reply } from '../support/memory-transport.ts';
import { amd64 } from './mirrors-support.ts';

const password = canary('password');
const one = createCredential({ username: 'u', password: createSecret(password) });

/** What plain JavaScript may pass, by the option that is wrong. */
const WRONG: readonly (readonly [option: string, wrong: Readonly<Record<string, unknown>>, hint: string])[] = [
  ['runtime', { runtime: undefined }, 'createNodeRuntime()'],
  ['runtime', { runtime: {} }, 'createNodeRuntime()'],
  ['store', { store: undefined }, 'openOciLayout()'],
  ['store', { store: './layout' }, 'openOciLayout()'],
  ['platform', { platform: 'linux/amd64' }, "parsePlatform('linux/amd64')"],
  ['platform', { platform: null }, "parsePlatform('linux/amd64')"],
  ['keyring', { keyring: { username: 'u' } }, 'createKeyring()'],
  ['endpoints', { endpoints: ['https://mirror.example'] }, 'createMirrorEndpoints()'],
  ['downloads', { downloads: null }, 'createDownloadPool'],
  ['credential', { credential: { username: 'u', password } }, 'createSecret()'],
  ['credential', { credential: one, keyring: createKeyring([]) }, 'either it or a keyring'],
  ['realmPolicy', { realmPolicy: 'trusted' }, '"guarded" or "same-origin" or a function'],
  ['foreignLayers', { foreignLayers: 'yes' }, 'true or false'],
  ['retry', { retry: 3 }, '{ attempts: 3 }'],
  ['signal', { signal: new AbortController() }, 'AbortSignal'],
  ['verify', { verify: 'yes' }, 'a function of a resolved image'],
  ['limits', { limits: 5 }, 'an object, such as { maxLayers: 2000 }'],
  ['strictPlatform', { strictPlatform: 'yes' }, 'true or false'],
  ['redirectPolicy', { redirectPolicy: 'trusted' }, '"guarded"'],
  ['maxRedirects', { maxRedirects: 11 }, 'a whole number from 0 to 10'],
  ['maxParallelDownloads', { maxParallelDownloads: 0 }, 'a whole number from 1'],
  ['layerRanges', { layerRanges: 4 }, 'an object'],
  ['store', { store: {} }, 'a store, such as openOciLayout()'],
  ['endpoints', { endpoints: {} }, 'a function, such as createMirrorEndpoints() gives'],
  ['downloads', { downloads: {} }, 'what createDownloadPool() gives'],
  ['downloads', { downloads: { maxParallelDownloads: 3, slots: {} } }, 'what createDownloadPool() gives'],
  ['downloads', { downloads: { maxParallelDownloads: 3, flights: {} } }, 'what createDownloadPool() gives'],
  ['plainHttp', { plainHttp: true }, 'without scheme and path'],
  ['plainHttp', { plainHttp: 'r.example' }, 'without scheme and path'],
  ...[
    'http://r.example',
    `http://u:${password}@r.example`,
    `u:${password}@r.example`,
    'r.example/team',
    'r.example/',
    'r.example:http',
    '',
    '::1',
    5,
  ].map((host) => ['plainHttp', { plainHttp: ['ok.example', host] }, 'without scheme and path'] as const),
];

function optionsFor(changes: object): { readonly options: PullOptions; asked(): number } {
  const server = createMemoryTransport(() => ({ status: 404 }));
  const options = {
    runtime: { transport: server.transport, createHasher: nodeHasher, platform: amd64 },
    store: createMemoryStore({ createHasher: nodeHasher }),
    ...changes,
  };
  return { options, asked: () => server.requests.length };
}

describe('options of a pull', () => {
  it.each(WRONG)('refuses a %s of the wrong kind, and asks nobody: %j', async (option, wrong, hint) => {
    const { options, asked } = optionsFor(wrong);
    const message = expect.stringMatching(new RegExp(`^Cannot pull: ${option}(?:[.[][^ ]*)? `)) as string;
    const events = async (): Promise<void> => {
      for await (const event of pullImageEvents('r.example/app:1', options)) expect(event).toBeUndefined();
    };
    for (const pull of [() => pullImage('r.example/app:1', options), events]) {
      await expect(pull()).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
      await expect(pull()).rejects.toThrow(hint);
    }
    expect(asked()).toBe(0);
  });

  it.each([
    ['transport', 'https://r.example', 'a function, such as createNodeRuntime() of kubepull/node gives'],
    ['carrier', {}, 'carrier'],
    ['createHasher', {}, 'createHasher'],
    ['platform', 'linux', "parsePlatform('linux/amd64')"],
    ['clock', {}, 'a clock, such as systemClock'],
    ['tokenCache', {}, 'tokenCache'],
    ['tracing', {}, 'a tracing'],
  ])('refuses a runtime whose %s is of the wrong kind', async (member, wrong, hint) => {
    const { options, asked } = optionsFor({});
    const runtime = { ...options.runtime, [member]: wrong } as PullOptions['runtime'];
    const pull = pullImage('r.example/app:1', { ...options, runtime });
    const message = expect.stringMatching(new RegExp(`^Cannot pull: runtime\\.${member}`)) as string;
    await expect(pull).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
    await expect(pull).rejects.toThrow(hint);
    expect(asked()).toBe(0);
  });

  it.each(['has', 'read', 'ingest', 'resolve', 'tag'])('refuses a store without %s', async (member) => {
    const { options, asked } = optionsFor({});
    const store = { ...options.store, [member]: undefined };
    await expect(pullImage('r.example/app:1', { ...options, store })).rejects.toThrow(
      'Cannot pull: store must be a store',
    );
    expect(asked()).toBe(0);
  });

  it('refuses no options at all, and what is no text', async () => {
    const { options } = optionsFor({});
    const none = undefined as unknown as PullOptions;
    await expect(pullImage('app', none)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    await expect(pullImage(5 as unknown as string, options)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: "Cannot pull: image must be a text, such as 'nginx:1.29', not 5",
    });
  });

  it.each([
    'r.example',
    'r.example:5000',
    'localhost',
    '10.0.0.1:80',
    '[::1]',
    '[::1]:5000',
    'ex_ample.com',
    'R.example',
  ])('takes %s for a host to speak plain HTTP with', async (host) => {
    const { options } = optionsFor({ plainHttp: [host] });
    await expect(pullImage('r.example/app:1', options)).rejects.toMatchObject({ code: 'ERR_PULL_FAILED' });
  });
});

describe('options of a pull that its sessions have', () => {
  const clock = { ...createFakeClock(), sleep: async () => undefined };
  const pullFrom = async (answer: (request: TransportRequest) => Reply, changes: Partial<PullOptions>) => {
    const server = createMemoryTransport(answer);
    const runtime = { transport: server.transport, createHasher: nodeHasher, platform: amd64, clock };
    const store = createMemoryStore({ createHasher: nodeHasher });
    const error = await pullImage('r.example/app:1', { runtime, store, ...changes }).catch((caught: unknown) => caught);
    return { error, requests: server.requests };
  };
  const basic = { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
  const sent = (requests: readonly TransportRequest[], host: string) =>
    requests.filter(({ url }) => new URL(url).host === host).map(({ headers }) => headers['authorization']);

  it('shows the credential to the registry of the image, and to no mirror', async () => {
    const { requests, error } = await pullFrom(() => basic, {
      credential: one,
      endpoints: (ref) => [createMirrorEndpoint('https://mirror.example', ref), createUpstreamEndpoint(ref)],
    });
    const expected = `Basic ${Buffer.from(`u:${password}`).toString('base64')}`;
    expect(sent(requests, 'r.example')).toEqual([undefined, expected]);
    expect(new Set(sent(requests, 'mirror.example'))).toEqual(new Set([undefined]));
    expect(error).toMatchObject({ attempts: [{ source: { kind: 'anonymous' } }, { source: { kind: 'inline' } }] });
  });

  it('asks a token server by realmPolicy, and names that option when it does not', async () => {
    const answer = ({ url }: TransportRequest): Reply =>
      url.startsWith('https://auth.example')
        ? { body: '{"token":"t"}' }
        : { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.example/token"' } };
    const [strict, open] = [await pullFrom(answer, { realmPolicy: 'same-origin' }), await pullFrom(answer, {})];
    expect(sent(strict.requests, 'auth.example')).toEqual([]);
    expect(strict.error).toMatchObject({ message: expect.stringContaining('the option realmPolicy') as string });
    expect(sent(open.requests, 'auth.example')).toEqual([undefined]);
  });

  it.each([
    [{ attempts: 1 }, 1],
    [{ attempts: 3 }, 3],
    [{ budgetMs: 0 }, 1],
    [undefined, 5],
  ])('repeats a request by retry %j', async (retry, times) => {
    const { requests } = await pullFrom(() => ({ status: 503 }), { retry });
    expect(requests).toHaveLength(times);
  });

  it('allows an endpoint before the last no more than retry does', async () => {
    const endpoints: PullOptions['endpoints'] = (ref) => [
      createMirrorEndpoint('https://mirror.example', ref),
      createUpstreamEndpoint(ref),
    ];
    for (const [attempts, asked] of [
      [1, 1],
      [9, 2],
    ] as const) {
      const { requests } = await pullFrom(() => ({ status: 503 }), { retry: { attempts }, endpoints });
      expect(sent(requests, 'mirror.example')).toHaveLength(asked);
    }
  });

  it('refuses a number of attempts that is none before anything is asked', async () => {
    const { error, requests } = await pullFrom(() => ({}), { retry: { attempts: 0 } });
    expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' });
    expect(requests).toEqual([]);
  });

  it.each([true, false])('fetches a layer from its URLs when foreignLayers is %s', async (foreignLayers) => {
    const layer = new TextEncoder().encode('layer');
    const config = new TextEncoder().encode('{"os":"linux","architecture":"amd64"}');
    const describe = (mediaType: string, bytes: Uint8Array) => ({
      mediaType,
      digest: computeDigest(bytes, nodeHasher),
      size: bytes.length,
    });
    const foreign = { ...describe(MEDIA_TYPES.ociLayer, layer), urls: ['https://elsewhere.example/layer'] };
    const body = encodeManifest({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: describe(MEDIA_TYPES.ociConfig, config),
      layers: [foreign],
    });
    const { error, requests } = await pullFrom(
      ({ url }) =>
        url.endsWith('/manifests/1')
          ? { headers: { 'content-type': MEDIA_TYPES.ociManifest }, body }
          : url.endsWith(foreign.digest)
            ? { status: 404 }
            : { body: url.startsWith('https://elsewhere') ? layer : config },
      { foreignLayers },
    );
    expect(sent(requests, 'elsewhere.example')).toHaveLength(foreignLayers ? 1 : 0);
    if (foreignLayers) expect(error).toMatchObject({ imageRef: computeDigest(config, nodeHasher) });
    else expect(error).toMatchObject({ code: 'ERR_PULL_FAILED' });
  });
});
