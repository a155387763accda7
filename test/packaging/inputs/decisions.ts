import type { AdmissionRules, PinnedAdmissionRules } from 'kubepull/admission';
import type { BackoffOptions, BackoffTrackerOptions } from 'kubepull/backoff';
import { systemClock } from 'kubepull/clock';
import { parseDigest } from 'kubepull/digest';
import { createCredential } from 'kubepull/docker-config';
import type { ImageMetricsOptions } from 'kubepull/metrics';
import { nodeHasher } from 'kubepull/node';
import type { KnownImage, PinOptions } from 'kubepull/pin';
import { createPlatformMatcher, type PlatformOptions } from 'kubepull/platform';
import type { Platform } from 'kubepull/oci';
import type { AlwaysPullImagesOptions, PullQuestion, ValidatePullPoliciesOptions } from 'kubepull/pull-policy';
import type {
  CreatePullSecretOptions,
  MergePullSecretsOptions,
  PlanSecretCopiesOptions,
  PullSecretUpdate,
  ResolvePullSecretEntriesOptions,
} from 'kubepull/pull-secrets';
import { createImageRules, type ImageRulesOptions } from 'kubepull/rules';
import type { Tracing } from 'kubepull/tracing';
import { all, type GoodCall, type Table } from './wrong-inputs.ts';

export const digest = parseDigest(`sha256:${'0'.repeat(64)}`);
export const entry = {
  pattern: 'registry.example.com',
  credential: createCredential({
    username: 'user',
    password: 'word',
    identityToken: 'token',
    registryToken: 'token',
    email: 'user@r.example',
  }),
  source: { kind: 'inline' } as const,
};
/** What a credential may lack. */
export const entryOptional = (place: string): readonly string[] =>
  ['identityToken', 'registryToken', 'email'].map((name) => `${place}.credential.${name}`);

const growth = all<BackoffOptions>({ initialMs: 1, maxMs: 10, factor: 2, jitter: 0.1, random: () => 0.5 });
const growthOptional = (place: string): readonly string[] => [
  place,
  ...Object.keys(growth).map((name) => `${place}.${name}`),
];
const state = { delayMs: 10, updatedAt: 5 };
/** Any point of time is one, also before the clock's start. */
const ANY_TIME = ['negative'];

export const backoff: Table = {
  planBackoff: () => ({ args: [growth], optional: growthOptional('0') }),
  advanceBackoff: () => ({
    args: [state, 20, growth],
    optional: ['0', ...growthOptional('2')],
    allows: { '0.updatedAt': ANY_TIME, '1': ANY_TIME },
  }),
  isInBackoff: () => ({
    args: [state, 20, growth],
    optional: ['0', ...growthOptional('2')],
    allows: { '0.updatedAt': ANY_TIME, '1': ANY_TIME },
  }),
  createBackoffTracker: () => ({
    args: [all<BackoffTrackerOptions>({ ...growth, clock: systemClock, state: [['key', state]] })],
    optional: [...growthOptional('0').slice(1), '0.state', '0.clock.now', '0.clock.sleep'],
    free: {
      '0.clock.now': 'only the monotonic clock is asked',
      '0.clock.sleep': 'only the monotonic clock is asked',
    },
    allows: { '0.state.0.1.updatedAt': ANY_TIME },
    methods: {
      next: { args: ['key', 20], optional: ['1'], allows: { '1': ANY_TIME } },
      get: { args: ['key'] },
      isInBackoffSinceUpdate: { args: ['key', 20], optional: ['1'], allows: { '1': ANY_TIME } },
      isInBackoffSince: { args: ['key', 20], allows: { '1': ANY_TIME } },
      gc: { args: [] },
      reset: { args: ['key'] },
      delete: { args: ['key'] },
    },
  }),
};

const call = { signal: new AbortController().signal };

export const clock: Table = {
  'systemClock.now': () => ({ args: [] }),
  'systemClock.monotonic': () => ({ args: [] }),
  'systemClock.sleep': () => ({ args: [1, call], optional: ['1', '1.signal'], allows: { '0': ANY_TIME } }),
};

export const digests: Table = {
  getDigestAlgorithm: () => ({ args: [digest], wrong: { '0': ['', 'sha256:abc'] } }),
  getDigestHex: () => ({ args: [digest], wrong: { '0': ['', 'sha256:abc'] } }),
  isDigest: () => ({ args: [digest], free: { '0': 'it answers for anything' } }),
  parseDigest: () => ({ args: [digest], wrong: { '0': ['', 'sha256:abc'] } }),
  computeDigest: () => ({
    args: [new Uint8Array(1), nodeHasher, 'sha256'],
    optional: ['2'],
    wrong: { '2': ['', 'md5'] },
  }),
};

const arm: Required<Platform> = {
  os: 'linux',
  architecture: 'arm64',
  variant: 'v8',
  'os.version': '1',
  'os.features': ['feature'],
};
const platformOptional = (place: string): readonly string[] =>
  ['variant', 'os.version', 'os.features'].map((name) => `${place}.${name}`);
const host = all<PlatformOptions>({ host: { os: 'linux', architecture: 'amd64', variant: 'v2' } });
const hostOptional = ['1', '1.host', '1.host.variant'];
const index = { schemaVersion: 2, mediaType: '', manifests: [{ mediaType: 'm', digest, size: 1 }] };
const selection = {
  args: [index, arm, createPlatformMatcher(arm)],
  optional: ['2', ...platformOptional('1')],
  free: {
    '0.schemaVersion': 'parseImageIndex reads it',
    '0.mediaType': 'parseImageIndex reads it',
    '0.manifests.0.mediaType': 'parseImageIndex reads it',
    '0.manifests.0.digest': 'parseImageIndex reads it',
    '0.manifests.0.size': 'parseImageIndex reads it',
  },
  allows: { '0.manifests.0': ['empty object'] },
};

export const platform: Table = {
  normalizePlatform: () => ({ args: [arm, host], optional: [...platformOptional('0'), ...hostOptional] }),
  createPlatformMatcher: () => ({
    args: [arm, host],
    optional: [...platformOptional('0'), ...hostOptional],
    methods: {
      matches: { args: [arm], optional: platformOptional('0') },
      compare: { args: [arm, arm], optional: [...platformOptional('0'), ...platformOptional('1')] },
    },
  }),
  createStrictPlatformMatcher: () => ({
    args: [arm, host],
    optional: [...platformOptional('0'), ...hostOptional],
    methods: {
      matches: { args: [arm], optional: platformOptional('0') },
      compare: { args: [arm, arm], optional: [...platformOptional('0'), ...platformOptional('1')] },
    },
  }),
  parsePlatform: () => ({ args: ['linux/arm64', host], optional: hostOptional, wrong: { '0': ['', 'a/b/c/d'] } }),
  formatPlatform: () => ({ args: [arm], optional: platformOptional('0') }),
  rankManifests: () => selection,
  selectManifest: () => selection,
};

const pod = {
  metadata: { name: 'web', generateName: 'web-', namespace: 'default', uid: 'u', annotations: { key: 'value' } },
  spec: {
    containers: [{ name: 'web', image: 'a.example/web:1', imagePullPolicy: 'Always' }],
    initContainers: [{ name: 'init', image: 'a.example/init:1', imagePullPolicy: 'Always' }],
    ephemeralContainers: [{ name: 'debug', image: 'a.example/debug:1', imagePullPolicy: 'Always' }],
    volumes: [{ name: 'data', image: { reference: 'a.example/data:1', pullPolicy: 'Always' } }],
    imagePullSecrets: [{ name: 'creds' }],
    serviceAccountName: 'robot',
  },
};
export { pod };

const workload = {
  kind: 'CronJob',
  metadata: pod.metadata,
  template: { spec: pod.spec },
  spec: { ...pod.spec, template: { spec: pod.spec }, jobTemplate: { spec: { template: { spec: pod.spec } } } },
};
const alwaysPull = {
  args: [pod, all<AlwaysPullImagesOptions>({ oldPod: pod, subresource: '' })],
  api: ['0', '1.oldPod'],
  optional: ['1', '1.oldPod', '1.subresource'],
};

export const pullPolicy: Table = {
  decidePullPolicy: () => ({
    args: ['a.example/app:1', 'Always'],
    optional: ['0', '1'],
    // As YAML has them: nothing behind the key.
    allows: { '0': ['null'], '1': ['null'] },
  }),
  defaultPullPolicy: () => ({ args: ['a.example/app:1'] }),
  defaultPodPullPolicies: () => ({ args: [pod], api: ['0'] }),
  defaultWorkloadPullPolicies: () => ({ args: [workload], api: ['0'], wrong: { '0.kind': ['Service'] } }),
  decidePolicyAfterUpdate: () => ({
    args: [
      {
        object: 'pod',
        operation: 'patch',
        stored: { image: 'a.example/app:1', imagePullPolicy: 'Always' },
        request: { image: 'a.example/app:1', imagePullPolicy: 'Always' },
      },
    ],
    api: ['0.stored', '0.request'],
    allows: { '0.stored': ['empty object'], '0.request': ['empty object'] },
    wrong: { '0.object': ['text'], '0.operation': ['text'] },
  }),
  decidePull: () => ({
    args: [
      all<PullQuestion>({
        image: 'a.example/app:1',
        policy: 'Always',
        present: true,
        verifiesCredentials: true,
        mustPull: false,
      }),
    ],
    optional: ['0.verifiesCredentials', '0.mustPull'],
  }),
  needsImageStatus: () => ({ args: ['Always'] }),
  validatePullPolicies: () => ({
    args: [pod, all<ValidatePullPoliciesOptions>({ object: 'pod', oldPod: pod, release: '1.36' })],
    api: ['0', '1.oldPod'],
    optional: ['1', '1.object', '1.oldPod', '1.release'],
    wrong: { '1.object': ['text'], '1.release': ['2.0'] },
  }),
  mutateAlwaysPullImages: () => alwaysPull,
  validateAlwaysPullImages: () => alwaysPull,
};

const secret = {
  metadata: pod.metadata,
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': btoa('{"auths":{}}') },
  stringData: { note: 'text' },
};
export { secret };

const account = { metadata: pod.metadata, imagePullSecrets: [{ name: 'creds' }] };
const TYPE = 'another type is no pull secret';
const ANY_DATA = 'data that is no text is a fault of the content, told by mergePullSecrets and validateSecret';

export const pullSecrets: Table = {
  admitServiceAccount: () => ({ args: [pod, account], api: ['0', '1'], optional: ['1'] }),
  admitStaticPod: () => ({ args: [pod], api: ['0'] }),
  createPullSecret: () => ({
    args: [
      all<CreatePullSecretOptions>({
        name: 'creds',
        namespace: 'default',
        server: 'r.example',
        username: 'user',
        password: 'word',
        email: 'user@r.example',
      }),
    ],
    optional: ['0.namespace', '0.server', '0.email'],
    wrong: { '0.name': [''], '0.server': [''], '0.username': [''], '0.password': [''] },
  }),
  applyPullSecretUpdate: () => ({
    args: [
      secret,
      all<PullSecretUpdate>({
        set: { 'r.example': { username: 'u', password: 'p', email: 'e' } },
        remove: ['a'],
        expiresAt: 5,
      }),
    ],
    api: ['0'],
    free: { '0.type': TYPE, '0.data..dockerconfigjson': ANY_DATA },
    optional: ['1.set', '1.set.r.example.email', '1.remove', '1.expiresAt'],
    allows: { '1.expiresAt': ['null', 'negative'], '1.set': ['empty object'] },
    wrong: { '1.expiresAt': [9e15] },
  }),
  getPullSecretExpiry: () => ({ args: [secret], api: ['0'], free: { '0.data..dockerconfigjson': ANY_DATA } }),
  planSecretCopies: () => ({
    args: [secret, all<PlanSecretCopiesOptions>({ namespaces: ['a'], existing: [secret], overwrite: true })],
    api: ['1.existing.0'],
    free: { '0': 'a secret that the API server takes', '1.existing.0.data..dockerconfigjson': ANY_DATA },
    optional: ['1.overwrite'],
  }),
  resolvePullSecretEntries: () => ({
    args: [
      '{}',
      all<ResolvePullSecretEntriesOptions>({
        askHelper: () => undefined,
        registries: ['a'],
        signal: new AbortController().signal,
      }),
    ],
    optional: ['1', '1.askHelper', '1.registries', '1.signal'],
    wrong: { '0': ['{'] },
  }),
  mergePullSecrets: () => ({
    args: [[secret], all<MergePullSecretsOptions>({ mode: 'kubelet', nodeConfig: [entry] })],
    api: ['0.0'],
    free: { '0.0.data..dockerconfigjson': ANY_DATA },
    optional: ['1', '1.mode', '1.nodeConfig', ...entryOptional('1.nodeConfig.0')],
    wrong: { '1.mode': ['text'] },
  }),
  selectPullSecrets: () => ({
    args: [pod, [secret], { release: '1.36' }],
    api: ['0', '1.0'],
    free: { '1.0.data..dockerconfigjson': ANY_DATA },
    optional: ['2', '2.release'],
    wrong: { '2.release': ['2.0'] },
  }),
  toDockerConfigJson: () => ({ args: [[entry]], optional: entryOptional('0.0') }),
  validateSecret: () => ({ args: [secret], api: ['0'], free: { '0.data..dockerconfigjson': ANY_DATA } }),
};

export const pin: Table = {
  isCurrent: () => ({
    args: ['nginx', digest, all<KnownImage>({ digest, manifests: [digest], configs: [digest] })],
    optional: ['2', '2.digest', '2.manifests', '2.configs'],
    allows: { '0': ['empty text'], '1': ['empty text'] },
    wrong: { '2.digest': ['text', ''], '2.manifests.0': ['text', ''], '2.configs.0': ['text', ''] },
  }),
  pinImages: () => ({
    args: [
      pod,
      () => digest,
      all<PinOptions>({ concurrency: 2, only: () => true, signal: new AbortController().signal }),
    ],
    api: ['0'],
    optional: ['2', '2.concurrency', '2.only', '2.signal'],
    wrong: { '2.concurrency': [0, 0.5] },
  }),
};

const admissionReview = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: '1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    subResource: '',
    name: 'web',
    namespace: 'default',
    operation: 'UPDATE',
    object: pod,
    oldObject: pod,
  },
};
const admissionRules = {
  images: createImageRules({}),
  alwaysPullImages: true,
  defaultPolicies: true,
  validatePolicies: true,
  release: '1.36',
} as const;
const NULLABLE = ['subResource', 'name', 'namespace', 'oldObject'];
const REVIEWED: Partial<GoodCall> = {
  api: ['0.request.object', '0.request.oldObject'],
  allows: Object.fromEntries(
    [...['group', 'version'].flatMap((name) => [`kind.${name}`, `resource.${name}`]), ...NULLABLE].map((name) => [
      `0.request.${name}`,
      ['undefined', 'null'],
    ]),
  ),
  wrong: {
    '0.apiVersion': ['admission.k8s.io/v1beta1', ''],
    '0.kind': ['Pod', ''],
    '0.request.uid': [''],
    '0.request.operation': ['create'],
  },
  free: Object.fromEntries(
    ['apiVersion', 'kind'].map((name) => [
      `0.${name}`,
      'one word only is right, as the table of malformed reviews tries',
    ]),
  ),
};
const ruleNames = Object.keys(admissionRules).map((name) => `1.${name}`);

export const admission: Table = {
  review: () => ({
    ...REVIEWED,
    args: [admissionReview, all<AdmissionRules>({ ...admissionRules, phase: 'mutating' })],
    optional: ruleNames,
    wrong: { ...REVIEWED.wrong, '1.phase': ['text'], '1.release': ['2.0'] },
  }),
  reviewPinned: () => ({
    ...REVIEWED,
    args: [
      admissionReview,
      all<PinnedAdmissionRules>({
        ...admissionRules,
        resolve: () => digest,
        unresolved: 'warn',
        concurrency: 2,
        signal: new AbortController().signal,
      }),
    ],
    optional: [...ruleNames, '1.unresolved', '1.concurrency', '1.signal'],
    wrong: { ...REVIEWED.wrong, '1.unresolved': ['text'], '1.concurrency': [0, 0.5], '1.release': ['2.0'] },
  }),
};

const CONTEXT = 'the operation fills it in';
export const TRACE: GoodCall = {
  args: ['runtime', { operation: 'pull_image', image: 'a' }, async () => 1],
  free: { '1.operation': CONTEXT, '1.image': CONTEXT },
  wrong: { '0': ['text'] },
};
const tracing: Tracing = { trace: (_operation, _context, action) => action() };

export const tracings: Table = {
  combineTracing: () => ({ args: [tracing], methods: { trace: TRACE } }),
  runTraced: () => ({
    args: [tracing, ...TRACE.args],
    optional: ['0'],
    free: { '2.operation': CONTEXT, '2.image': CONTEXT },
    wrong: { '1': ['text'] },
  }),
};

export const metrics: Table = {
  createImageMetrics: () => ({
    args: [all<ImageMetricsOptions>({ clock: systemClock })],
    optional: ['0', '0.clock'],
    free: {
      '0.clock.now': 'only the monotonic clock is asked',
      '0.clock.sleep': 'only the monotonic clock is asked',
    },
    methods: { trace: TRACE, families: { args: [] }, text: { args: [] } },
  }),
};

export const rules: Table = {
  decideImage: () => ({ args: ['a.example/app', createImageRules({})] }),
  createImageRules: () => ({
    args: [all<ImageRulesOptions>({ allow: ['a.example/**'], deny: ['b.example/**'] })],
    optional: ['0.allow', '0.deny'],
    wrong: { '0.allow.0': ['', '!a', '..'], '0.deny.0': ['', '!a', '..'] },
    methods: { decide: { args: [{ name: 'a.example/app' }] } },
  }),
};
