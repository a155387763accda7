import { systemClock } from 'kubepull/clock';
import type { CriImageServiceOptions } from 'kubepull/cri';
import { type MustPullQuestion, parseAllowlist, type VerificationOptions } from 'kubepull/image-access';
import type { ImageCollectorOptions, ImageGcQuestion } from 'kubepull/image-gc';
import type { ImageService } from 'kubepull/image-service';
import { nodeHasher } from 'kubepull/node';
import {
  type CopyImageOptions,
  type CopyImagesOptions,
  createMemoryStore,
  type MemoryStoreOptions,
  writeContent,
} from 'kubepull/store';
import {
  type BuildArtifactOptions,
  buildImage,
  type BuildImageOptions,
  type BuildIndexOptions,
  type LoopbackRegistryOptions,
} from 'kubepull/testing';
import { digest, entry, entryOptional } from './decisions.ts';
import { all, type GoodCall, type Table } from './wrong-inputs.ts';

const call = { signal: new AbortController().signal };
const CALL = (place: string): readonly string[] => [place, `${place}.signal`];

const image = buildImage({ layers: [{ files: { 'a.txt': 'a' } }] });
const { mediaType, size } = image.descriptor;
const root = { mediaType, digest: image.descriptor.digest, size };

async function filledStore() {
  const store = createMemoryStore({ createHasher: nodeHasher });
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  await store.tag('a.example/app:1', root);
  return store;
}

/** A filled store with these methods only, so that each of them is needed. */
export async function storeWith(...methods: readonly string[]): Promise<object> {
  const store = Object.entries(await filledStore());
  return Object.fromEntries(store.filter(([name]) => methods.includes(name)));
}

const WRONG_DIGEST = { '0.digest': ['', 'sha256:abc'] };
const storeMethods: Readonly<Record<string, GoodCall>> = {
  has: { args: [root, call], optional: CALL('1') },
  ingest: { args: [root, call], optional: CALL('1'), wrong: WRONG_DIGEST },
  resolve: { args: ['name', call], optional: CALL('1') },
  read: { args: [root, call], optional: CALL('1') },
  tag: { args: ['name', root, call], optional: CALL('2'), wrong: { '0': [''] } },
  names: { args: [call], optional: CALL('0') },
  untag: { args: ['name', call], optional: CALL('1') },
  collectGarbage: {
    args: [{ graceMs: 0, dryRun: true, ...call }],
    optional: ['0', '0.graceMs', '0.dryRun', '0.signal'],
  },
};
const { names: _names, untag: _untag, collectGarbage: _collect, ...imageStoreMethods } = storeMethods;

export { call, CALL, filledStore, image, root, storeMethods };

const copyOptions = all<CopyImageOptions>({
  as: 'b.example/app:1',
  select: (index) => index.manifests,
  createHasher: nodeHasher,
  referrers: false,
  onEvent: () => undefined,
  ...call,
});
const copyOptional = ['3', ...Object.keys(copyOptions).map((name) => `3.${name}`)];
const { as: _as, ...contentOptions } = copyOptions;

export const store: Table = {
  createMemoryStore: () => ({
    args: [all<MemoryStoreOptions>({ createHasher: nodeHasher, maxBytes: 1000, clock: { monotonic: () => 0 } })],
    optional: ['0.maxBytes', '0.clock'],
    methods: storeMethods,
  }),
  isolateStore: async () => ({
    args: [await storeWith('has', 'read', 'ingest', 'resolve', 'tag')],
    methods: imageStoreMethods,
  }),
  checkClosure: async () => ({ args: [await storeWith('has', 'read'), root, call], optional: CALL('2') }),
  checkStoreName: () => ({ args: ['name'], wrong: { '0': ['', '\n'] } }),
  copyContent: async () => ({
    args: [await storeWith('has', 'read'), root, await storeWith('has', 'read', 'ingest'), contentOptions],
    optional: copyOptional,
  }),
  copyImage: async () => ({
    args: [
      await storeWith('has', 'read', 'resolve'),
      'a.example/app:1',
      await storeWith('has', 'read', 'ingest', 'tag'),
      copyOptions,
    ],
    optional: copyOptional,
    wrong: { '3.as': [''] },
  }),
  copyImages: async () => ({
    args: [
      [
        {
          from: await storeWith('has', 'read', 'resolve'),
          name: 'a.example/app:1',
          to: await storeWith('has', 'read', 'ingest', 'tag'),
          as: 'b.example/app:1',
        },
      ],
      all<CopyImagesOptions>({ ...contentOptions, maxParallel: 2, onEvent: () => undefined }),
    ],
    optional: ['0.0.as', '1', '1.maxParallel', ...Object.keys(contentOptions).map((name) => `1.${name}`)],
    wrong: { '0.0.as': [''], '1.maxParallel': [0, 0.5] },
  }),
  createVerifier: () => ({
    args: [root, nodeHasher],
    free: { '0.mediaType': 'it is not verified' },
    wrong: WRONG_DIGEST,
    methods: { update: { args: [image.contents[0]?.bytes.subarray(0, 1)] }, end: { args: [] } },
  }),
  pickTarget: () => ({ args: [root] }),
  listReachableContent: () => ({
    args: [{ contents: new Map(), read: async () => undefined }, [{ digest, mediaType }]],
  }),
  readContent: async () => ({
    args: [await storeWith('read'), root, { maxBytes: 10_000, ...call }],
    optional: ['2.signal'],
  }),
  sweepGarbage: () => ({
    args: [
      { contents: new Map(), reached: new Set(), unread: [], isYoung: () => true, remove: () => true },
      { graceMs: 0, dryRun: true, ...call },
    ],
    optional: ['1.graceMs', '1.dryRun', '1.signal'],
  }),
  verifyContent: () => ({
    args: [contentOf(image.contents.at(-1)?.bytes), root, nodeHasher],
    free: { '1.mediaType': 'it is not verified' },
    wrong: { '1.digest': ['', 'sha256:abc'] },
  }),
  writeContent: async () => ({
    args: [await storeWith('ingest'), root, image.contents.at(-1)?.bytes, call],
    optional: CALL('3'),
    wrong: { '1.digest': ['', 'sha256:abc'] },
  }),
};

function contentOf(bytes: Uint8Array | undefined): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      if (bytes !== undefined) yield bytes;
    },
  };
}

const coordinates = { uid: 'u', namespace: 'default', name: 'creds' };
const recorded = { ...coordinates, credentialHash: 'abc' };
const credentials = {
  kubernetesSecrets: [recorded],
  kubernetesServiceAccounts: [coordinates],
  nodePodsAccessible: false,
};
const record = { imageRef: 'sha256:1', lastUpdatedAt: 5, credentialMapping: new Map([['a.example/app', credentials]]) };
const verification = all<VerificationOptions>({
  policy: 'AlwaysVerify',
  allowlist: parseAllowlist(['a.example/*']),
  release: '1.36',
});
const verificationOptional = (place: string): readonly string[] =>
  Object.keys(verification).map((name) => `${place}.${name}`);
const verificationWrong = (place: string): Readonly<Record<string, readonly unknown[]>> => ({
  [`${place}.policy`]: ['text'],
  [`${place}.release`]: ['2.0'],
  [`${place}.allowlist.0.kind`]: ['text'],
});
export { record, verification };

/** Any point of time is one. */
const ANY_TIME = ['negative'];

export const recordsMethods: Readonly<Record<string, GoodCall>> = {
  writeIntent: { args: ['a'] },
  hasIntent: { args: ['a'] },
  deleteIntent: { args: ['a'] },
  listIntents: { args: [] },
  readRecord: { args: ['a'] },
  writeRecord: { args: [record], allows: { '0.lastUpdatedAt': ANY_TIME } },
  deleteRecord: { args: ['a'] },
  listRecords: { args: [] },
};

export const imageAccess: Table = {
  hashCredential: () => ({
    args: [entry.credential, nodeHasher],
    optional: ['0.identityToken', '0.registryToken', '0.email'],
  }),
  createMemoryRecords: () => ({
    args: [{ intents: ['a'], records: [record] }],
    optional: ['0', '0.intents', '0.records'],
    allows: { '0.records.0.lastUpdatedAt': ANY_TIME },
    methods: recordsMethods,
  }),
  decideMustPull: () => ({
    args: [
      all<MustPullQuestion>({
        ...verification,
        image: 'a.example/app:1',
        imageRef: 'sha256:1',
        record,
        intent: true,
        credentials: { secrets: [recorded], serviceAccount: coordinates },
      }),
    ],
    optional: ['0.record', '0.intent', '0.credentials', '0.credentials.serviceAccount', ...verificationOptional('0')],
    allows: { '0.record.lastUpdatedAt': ANY_TIME },
    wrong: verificationWrong('0'),
  }),
  matchAllowlist: () => ({
    args: [verification.allowlist, 'a.example/app:1', { release: '1.36' }],
    optional: ['2', '2.release'],
    wrong: { '2.release': ['2.0'], '0.0.kind': ['text'] },
  }),
  mergePullCredentials: () => ({ args: [credentials, credentials], optional: ['0'] }),
  parseAllowlist: () => ({
    args: [['a.example/*'], { release: '1.36' }],
    optional: ['1', '1.release'],
    wrong: { '0.0': ['', ' a', '*'], '1.release': ['2.0'] },
  }),
  toRecordedName: () => ({
    args: ['a.example/app:1', { release: '1.36' }],
    optional: ['1', '1.release'],
    wrong: { '0': ['', 'Not A Name'], '1.release': ['2.0'] },
  }),
  recordPull: () => ({
    args: [record, { imageRef: 'sha256:1', name: 'a.example/app', credentials, at: 6 }],
    optional: ['0'],
    allows: { '0.lastUpdatedAt': ANY_TIME, '1.at': ANY_TIME },
  }),
  requiresCredentialVerification: () => ({
    args: ['a.example/app:1', true, verification],
    optional: ['2', ...verificationOptional('2')],
    wrong: verificationWrong('2'),
  }),
  toPullCredentials: () => ({ args: [{ kind: 'secret', secret: recorded }], wrong: { '0.kind': ['text'] } }),
};

const images: ImageService = {
  imageStatus: async () => undefined,
  pullImage: async () => 'id',
  listImages: async () => [],
  removeImage: async () => undefined,
  imageFsInfo: async () => [],
};
export { images };

const gcConfiguration = {
  imageGCHighThresholdPercent: 85,
  imageGCLowThresholdPercent: 80,
  imageMinimumGCAge: '2m',
  imageMaximumGCAge: '1h',
  agesFromFirstSeen: true,
};
const gcOptional = Object.keys(gcConfiguration).map((name) => `0.${name}`);
const gcWrong = {
  '0.imageGCHighThresholdPercent': [101, 0.5],
  '0.imageGCLowThresholdPercent': [101, 90],
  '0.imageMinimumGCAge': ['', 'text', '2h'],
  '0.imageMaximumGCAge': ['', 'text', '-1s'],
};
/** Milliseconds are as good as Go's text, and 0 is no limit. */
const gcAllows = { '0.imageMinimumGCAge': ['number'] };
const inUse = {
  id: 'sha256:1',
  runtimeHandler: '',
  size: 5,
  pinned: false,
  inUse: false,
  firstSeenAt: 1,
  lastUsedAt: 1,
};

export const imageGc: Table = {
  createImageCollector: () => ({
    args: [
      all<ImageCollectorOptions>({
        ...gcConfiguration,
        images,
        diskRoom: () => ({ capacityBytes: 100, availableBytes: 50 }),
        imagesInUse: () => [],
        manager: { pruneRecords: async () => [] },
        tracing: { trace: (_operation, _context, action) => action() },
        clock: systemClock,
      }),
    ],
    optional: [...gcOptional, '0.manager', '0.tracing', '0.clock'],
    free: { '0.clock.sleep': 'it never waits' },
    wrong: gcWrong,
    allows: gcAllows,
    methods: {
      observe: { args: [call], optional: CALL('0') },
      collect: { args: [call], optional: CALL('0') },
    },
  }),
  planImageGc: () => ({
    args: [
      all<ImageGcQuestion>({
        ...gcConfiguration,
        images: [inUse],
        disk: { capacityBytes: 100, availableBytes: 50 },
        now: 10,
        startedAt: 0,
      }),
    ],
    optional: [...gcOptional, '0.images.0.lastUsedAt'],
    wrong: gcWrong,
    allows: {
      ...gcAllows,
      '0.now': ANY_TIME,
      '0.startedAt': ANY_TIME,
      '0.images.0.firstSeenAt': ANY_TIME,
      '0.images.0.lastUsedAt': ANY_TIME,
      // What a runtime says wrongly is kubelet's "invalid capacity", not a fault of the call.
      '0.disk.capacityBytes': ['negative'],
      '0.disk.availableBytes': ['negative'],
      '0.images.0.size': ['negative'],
    },
  }),
};

const checks = async (): Promise<{ readonly store: Awaited<ReturnType<typeof filledStore>> }> => ({
  store: await filledStore(),
});

export const testing: Table = {
  buildArtifact: () => ({
    args: [
      all<BuildArtifactOptions>({
        artifactType: 'a/b',
        subject: root,
        layers: [['a/b', 'content']],
        annotations: { key: 'value' },
      }),
    ],
    optional: ['0.subject', '0.layers', '0.annotations'],
    allows: { '0.annotations': ['empty object'] },
  }),
  buildImage: () => ({
    args: [
      all<BuildImageOptions>({
        platform: { os: 'linux', architecture: 'amd64', variant: 'v2' },
        layers: [
          { files: { 'a.txt': 'a' }, compression: 'gzip' },
          { randomBytes: 5, seed: 'a', compression: 'none' },
        ],
        config: {},
        mediaTypes: 'oci',
        annotations: { key: 'value' },
      }),
    ],
    optional: [
      '0.platform',
      '0.platform.variant',
      '0.config',
      '0.mediaTypes',
      '0.annotations',
      '0.layers.0.compression',
      '0.layers.1.compression',
      '0.layers.1.seed',
    ],
    allows: { '0.annotations': ['empty object'], '0.layers.0.files': ['empty object'] },
    wrong: { '0.mediaTypes': ['text'], '0.layers.0.compression': ['text'], '0.layers.1.randomBytes': [0.5] },
  }),
  buildIndex: () => ({
    args: [[image], all<BuildIndexOptions>({ mediaTypes: 'oci', attestations: true, annotations: { key: 'value' } })],
    optional: ['1', '1.mediaTypes', '1.attestations', '1.annotations'],
    free: { '0.0': 'what buildImage gives' },
    allows: { '1.annotations': ['empty object'] },
    wrong: { '1.mediaTypes': ['text'], '0': [[7], [null], ['text'], [{}]] },
  }),
  createFakeClock: () => ({
    args: [{ now: 5 }],
    optional: ['0', '0.now'],
    allows: { '0.now': ANY_TIME },
    methods: {
      now: { args: [] },
      monotonic: { args: [] },
      sleep: { args: [0, call], optional: CALL('1'), allows: { '0': ANY_TIME } },
      advance: { args: [0] },
      setWallClock: { args: [5], allows: { '0': ANY_TIME } },
    },
  }),
  createLoopbackRegistry: () => ({
    args: [
      all<LoopbackRegistryOptions>({
        auth: {
          team: {
            type: 'bearer',
            accounts: [
              {
                username: 'user',
                password: 'word',
                identityToken: 'token',
                registryToken: 'token',
                repositories: ['team'],
                push: true,
              },
            ],
            anonymousPull: true,
            denied: 403,
          },
          open: { type: 'anonymous' },
        },
        tokenLifetimeSeconds: 5,
        referrers: true,
        clock: systemClock,
      }),
    ],
    optional: [
      '0',
      '0.auth',
      '0.tokenLifetimeSeconds',
      '0.referrers',
      '0.clock',
      '0.auth.team.anonymousPull',
      '0.auth.team.denied',
      ...['identityToken', 'registryToken', 'repositories', 'push'].map((name) => `0.auth.team.accounts.0.${name}`),
    ],
    allows: { '0.auth': ['empty object'] },
    wrong: { '0.auth.team.type': ['text'], '0.auth.open.type': ['text'], '0.tokenLifetimeSeconds': [0] },
    methods: {
      push: {
        args: ['team/app', ['1'], { descriptor: root, contents: [{ descriptor: root, bytes: new Uint8Array(1) }] }],
        wrong: { '0': ['', 'A'], '1.0': ['', '/'] },
        allows: { '1': ['text'] },
      },
      fault: {
        args: [
          {
            method: 'GET',
            path: '/v2/',
            nth: 1,
            times: 1,
            action: { kind: 'status', status: 500, headers: { a: 'b' } },
          },
        ],
        optional: ['0.method', '0.path', '0.nth', '0.times', '0.action.headers'],
        allows: { '0.action.headers': ['empty object'], '0.action.headers.a': ['list'] },
        wrong: { '0.nth': [0], '0.times': [0], '0.action.kind': ['text'], '0.action.status': [7] },
      },
      revokeTokens: { args: [] },
      close: { args: [] },
    },
  }),
  testManagedStore: () => ({ args: [checks] }),
  testStore: () => ({ args: [checks] }),
};

const NO_ANNOTATIONS = { '0.annotations': ['empty object'] };
const spec = { image: 'a.example/app:1', annotations: { key: 'value' }, runtimeHandler: '' };

/** An image service has these, whatever runtime is behind it. */
export const imageServiceMethods: Readonly<Record<string, GoodCall>> = {
  imageStatus: { args: [spec, call], optional: CALL('1'), allows: NO_ANNOTATIONS },
  pullImage: {
    args: [
      { image: spec, auth: entry, sandbox: { namespace: 'default', name: 'web', uid: 'u', annotations: {} } },
      call,
    ],
    optional: ['0.auth', '0.sandbox', ...entryOptional('0.auth'), ...CALL('1')],
    allows: { '0.image.annotations': ['empty object'] },
  },
  listImages: { args: [call], optional: CALL('0') },
  removeImage: { args: [spec, call], optional: CALL('1'), allows: NO_ANNOTATIONS },
  imageFsInfo: { args: [call], optional: CALL('0') },
};

export const cri: Table = {
  createCriImageService: () => ({
    args: [
      all<CriImageServiceOptions>({
        endpoint: 'unix:///run/no-such-runtime.sock',
        runtimeRequestTimeoutMs: 1000,
        maxMessageBytes: 1000,
        listStreaming: true,
      }),
    ],
    optional: ['0.runtimeRequestTimeoutMs', '0.maxMessageBytes', '0.listStreaming'],
    wrong: { '0.endpoint': ['', 'tcp://a:1', 'relative'], '0.runtimeRequestTimeoutMs': [-1, 2 ** 31] },
    methods: { ...imageServiceMethods, close: { args: [] } },
  }),
};
