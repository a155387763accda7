import { systemClock } from 'kubepull/clock';
import {
  createRegistrySession,
  createTokenCache,
  type FetchTransportOptions,
  type ListReferrersOptions,
  type ListTagsOptions,
  type OpenBlobOptions,
  type PushBlobOptions,
  type PushManifestOptions,
  type ReadManifestOptions,
  type RegistrySessionOptions,
  type RegistryStoreOptions,
  type RetryOptions,
  type Transport,
} from 'kubepull/distribution';
import type { PullerImageServiceOptions } from 'kubepull/image-service';
import { nodeHasher } from 'kubepull/node';
import { createDownloadPool, type PullOptions } from 'kubepull/puller';
import { ref } from './names.ts';
import { entry, entryOptional } from './decisions.ts';
import { call, filledStore, image, imageServiceMethods, root, storeWith } from './stores.ts';
import { all, type GoodCall, type Table } from './wrong-inputs.ts';

/** A registry that has nothing. */
export const transport: Transport = async () => ({
  status: 404,
  headers: new Map(),
  body: (async function* none(): AsyncGenerator<Uint8Array> {})(),
  discard: async () => undefined,
  remoteAddress: undefined,
});
export const retry = { attempts: 1, budgetMs: 5 };
export const retryOptional = (place: string): readonly string[] => [place, `${place}.attempts`, `${place}.budgetMs`];
export const host = { os: 'linux', architecture: 'amd64', variant: 'v2', 'os.version': '1', 'os.features': ['a'] };
export const hostOptional = (place: string): readonly string[] =>
  ['variant', 'os.version', 'os.features'].map((name) => `${place}.${name}`);
export const runtime = {
  transport,
  createHasher: nodeHasher,
  platform: host,
  clock: systemClock,
  tokenCache: createTokenCache(),
  tracing: { trace: <T>(_operation: unknown, _context: unknown, action: () => Promise<T>) => action() },
};
const ranges = { parallel: 2, minBytes: 5, rangeBytes: 5 };

const pull: Omit<Required<PullOptions>, 'store' | 'keyring' | 'credential' | 'signal'> = {
  runtime,
  realmPolicy: 'guarded',
  redirectPolicy: 'guarded',
  maxRedirects: 5,
  foreignLayers: true,
  strictPlatform: true,
  limits: { maxLayers: 5, maxManifests: 5, maxValues: 5 },
  retry,
  platform: host,
  verify: () => undefined,
  maxParallelDownloads: 2,
  downloads: createDownloadPool(),
  layerRanges: ranges,
  plainHttp: ['a.example'],
  endpoints: () => [],
};
const pullOptional = (place: string): readonly string[] => [
  ...Object.keys(pull)
    .filter((name) => name !== 'runtime')
    .map((name) => `${place}.${name}`),
  ...retryOptional(`${place}.retry`),
  ...['maxLayers', 'maxManifests', 'maxValues'].map((name) => `${place}.limits.${name}`),
  ...hostOptional(`${place}.platform`),
  ...hostOptional(`${place}.runtime.platform`),
  ...['clock', 'tokenCache', 'tracing', 'carrier'].map((name) => `${place}.runtime.${name}`),
  `${place}.layerRanges.minBytes`,
  `${place}.layerRanges.rangeBytes`,
];
/** What is told of a place in the options of a pull. */
const pullRules = (place: string) => ({
  free: {
    [`${place}.downloads.maxParallelDownloads`]: 'createDownloadPool makes it',
    [`${place}.downloads.active`]: 'createDownloadPool makes it',
    [`${place}.downloads.waiting`]: 'createDownloadPool makes it',
    [`${place}.downloads.slots`]: 'createDownloadPool makes it',
    [`${place}.downloads.flights`]: 'createDownloadPool makes it',
  },
  wrong: {
    [`${place}.realmPolicy`]: ['trusted'],
    [`${place}.redirectPolicy`]: ['trusted'],
    [`${place}.maxRedirects`]: [0.5, 11],
    [`${place}.limits.maxLayers`]: [0, 0.5, 16_385],
    [`${place}.plainHttp.0`]: ['', 'https://a'],
    [`${place}.maxParallelDownloads`]: [0, 0.5],
    [`${place}.retry.attempts`]: [0, 0.5],
    [`${place}.layerRanges.parallel`]: [0],
  },
  allows: { [`${place}.realmPolicy`]: ['function'], [`${place}.redirectPolicy`]: ['function'] },
});

const wholePull: GoodCall = {
  args: ['a.example/app:1', undefined],
  ...pullRules('1'),
  optional: [...pullOptional('1'), '1.credential', ...entryOptional('1'), '1.signal'],
};
const pullOptions = async (): Promise<object> => ({
  ...pull,
  store: await storeWith('has', 'read', 'ingest', 'resolve', 'tag'),
  keyring: undefined,
  credential: entry.credential,
  ...call,
});

export const puller: Table = {
  aggregateErrorTexts: () => ({ args: [['denied']] }),
  createDownloadPool: () => ({
    args: [{ maxParallelDownloads: 2 }],
    optional: ['0', '0.maxParallelDownloads'],
    wrong: { '0.maxParallelDownloads': [0, 0.5] },
  }),
  pullImage: async () => ({
    ...wholePull,
    args: ['a.example/app:1', await pullOptions()],
    wrong: { '0': ['', 'A'], ...wholePull.wrong },
  }),
  pullImageEvents: async () => ({
    ...wholePull,
    args: ['a.example/app:1', await pullOptions()],
    wrong: { '0': ['', 'A'], ...wholePull.wrong },
  }),
  formatStoreName: () => ({ args: ['a.example/app:1'], wrong: { '0': ['', 'A'] } }),
};

export const imageService: Table = {
  createPullerImageService: async () => ({
    args: [
      all<PullerImageServiceOptions>({
        ...pull,
        store: await filledStore(),
        isPinned: () => false,
        mountpoint: '/var',
        garbageGraceMs: 5,
      }),
    ],
    ...pullRules('0'),
    optional: [...pullOptional('0'), '0.isPinned', '0.mountpoint', '0.garbageGraceMs'],
    methods: imageServiceMethods,
  }),
};

const sessionOptions = all<RegistrySessionOptions>({
  transport,
  carrier: { minBytes: 1, transport, send: transport },
  origin: 'https://a.example',
  apiPath: '/v2',
  namespace: 'b.example',
  credential: entry.credential,
  pathScoped: true,
  realmPolicy: 'guarded',
  redirectPolicy: 'guarded',
  maxRedirects: 5,
  redirectCredential: () => undefined,
  createHasher: nodeHasher,
  clock: systemClock,
  random: () => 0.5,
  tokenCache: createTokenCache(),
  foreignLayers: true,
  retry: { ...retry, onRetry: () => undefined },
  tracing: runtime.tracing,
  onNotice: () => undefined,
});
const session = createRegistrySession({ transport, origin: 'https://a.example', createHasher: nodeHasher });
const target = { ...ref };
const refOptional = ['1.tag', '1.digest'];
/** What a verb checks before it asks: its session is what `createRegistrySession` made. */
const verb = (options: object, ...more: readonly object[]): GoodCall => {
  const at = 2 + more.length;
  return {
    args: [session, target, ...more, options],
    free: Object.fromEntries(Object.keys(session).map((key) => [`0.${key}`, 'createRegistrySession makes it'])),
    optional: [...refOptional, String(at), ...Object.keys(options).map((key) => `${at}.${key}`)],
  };
};
const blob = { mediaType: root.mediaType, digest: root.digest, size: root.size };
const manifestOptions = all<ReadManifestOptions>({ descriptor: blob, choose: () => blob, ...call });

export const distribution: Table = {
  classifyAddress: () => ({ args: ['10.0.0.1'] }),
  createFetchTransport: () => ({
    args: [
      fetch,
      all<FetchTransportOptions>({
        headersTimeoutMs: 1000,
        bodyTimeoutMs: 1000,
        minBytesPerSecond: 5,
        minRateWindowMs: 1000,
      }),
    ],
    optional: ['0', ...verbOptional('1', 'headersTimeoutMs', 'bodyTimeoutMs', 'minBytesPerSecond', 'minRateWindowMs')],
    wrong: { '1.headersTimeoutMs': [0, 0.5, 2 ** 31], '1.bodyTimeoutMs': [0], '1.minBytesPerSecond': [0.5, 2 ** 31] },
  }),
  withRetry: () => ({
    args: [transport, all<RetryOptions>({ clock: systemClock, random: () => 0.5, ...retry, onRetry: () => undefined })],
    optional: ['1.attempts', '1.budgetMs', '1.onRetry'],
    wrong: { '1.attempts': [0, 0.5] },
  }),
  createRegistryStore: () => verb(all<RegistryStoreOptions>({ mountFrom: { path: 'team/other' } })),
  parseChallenges: () => ({ args: [['Basic realm="a"']], allows: { '0': ['text', 'empty text'] } }),
  createTokenCache: () => ({
    args: [{ clock: systemClock }],
    optional: ['0', '0.clock'],
    free: { '0.clock.now': 'only the monotonic clock is asked', '0.clock.sleep': 'only the monotonic clock is asked' },
    methods: {
      get: {
        args: [{ key: 'key', refused: 'old', renew: async () => ({ token: 'new', lifetimeMs: 1 }), ...call }],
        optional: ['0.refused', '0.signal'],
      },
      clear: { args: [] },
    },
  }),
  createRegistrySession: () => ({
    args: [sessionOptions],
    optional: [
      ...Object.keys(sessionOptions)
        .filter((name) => !['transport', 'origin', 'createHasher'].includes(name))
        .map((name) => `0.${name}`),
      ...retryOptional('0.retry'),
      '0.retry.onRetry',
      ...['identityToken', 'registryToken', 'email'].map((name) => `0.credential.${name}`),
    ],
    allows: { '0.realmPolicy': ['function'], '0.redirectPolicy': ['function'] },
    wrong: {
      '0.origin': ['', 'a', 'https://a/b'],
      '0.realmPolicy': ['trusted'],
      '0.maxRedirects': [11],
      '0.retry.attempts': [0],
    },
  }),
  readConfig: () => verb(manifestOptions),
  readManifest: () => verb(manifestOptions),
  readManifestBytes: () => verb({ descriptor: blob, ...call }),
  resolveManifest: () => verb(call),
  hasBlob: () => verb(call, blob),
  openBlob: () => {
    const good = verb(all<OpenBlobOptions>({ offset: 1, end: 5, ...call }), blob);
    return { ...good, wrong: { '3.offset': [0.5, -1], '3.end': [0, 0.5, 10_000] } };
  },
  readBlob: () => verb(call, blob),
  listTags: () => {
    const good = verb(all<ListTagsOptions>({ pageSize: 5, after: 'a', ...call }));
    return { ...good, wrong: { '2.pageSize': [0, 0.5], '2.after': ['', '/'] } };
  },
  listReferrers: () => verb(all<ListReferrersOptions>({ artifactType: 'a/b', ...call })),
  inspectIndex: () => verb({ verbose: true, ...call }),
  pushBlob: () => {
    const content = image.contents.at(-1)?.bytes ?? new Uint8Array();
    const good = verb(all<PushBlobOptions>({ content, mountFrom: { path: 'team/other' }, ...call }), blob);
    return { ...good, allows: { '3.content': ['function'] } };
  },
  pushManifest: () =>
    verb(all<PushManifestOptions>({ content: () => undefined, mountFrom: { path: 'team/other' }, ...call }), {
      bytes: image.contents.at(-1)?.bytes,
      mediaType: root.mediaType,
    }),
};

function verbOptional(place: string, ...names: readonly string[]): readonly string[] {
  return [place, ...names.map((name) => `${place}.${name}`)];
}
