import { createImageRules } from 'kubepull/rules';
import { systemClock } from 'kubepull/clock';
import { createMemoryRecords, type MustPullQuestion } from 'kubepull/image-access';
import type { ImageManagerOptions, PrePullOptions } from 'kubepull/image-manager';
import { createKeyring } from 'kubepull/keyring';
import { nodeHasher } from 'kubepull/node';
import { entry, pod, secret } from './decisions.ts';
import { call, CALL, images } from './stores.ts';
import { all, type GoodCall, type Table } from './wrong-inputs.ts';

const keyring = createKeyring([entry]);
const growth = { initialMs: 1, maxMs: 10, factor: 2, jitter: 0.1, random: () => 0.5 };
const gates = { KubeletEnsureSecretPulledImages: true, RuntimeClassInImageCriApi: true };
const POLICY: MustPullQuestion['policy'] = 'NeverVerifyAllowlistedImages';

const managerOptions = all<ImageManagerOptions>({
  images: { ...images, verifies: true },
  createHasher: nodeHasher,
  keyring,
  records: createMemoryRecords(),
  clock: systemClock,
  backoff: growth,
  runtimeHandler: () => 'handler',
  mergeEqualPulls: true,
  recheckPresence: true,
  rules: createImageRules({}),
  tracing: { trace: (_operation, _context, action) => action() },
  verify: () => undefined,
  onPullEvent: () => undefined,
  onEvent: () => undefined,
  onWarning: () => undefined,
  release: '1.36',
  serializeImagePulls: false,
  maxParallelImagePulls: 2,
  registryPullQPS: 5,
  registryBurst: 10,
  imagePullCredentialsVerificationPolicy: POLICY,
  preloadedImagesVerificationAllowlist: ['a.example/*'],
  featureGates: gates,
});
const { images: _images, createHasher: _createHasher, ...optionalOfManager } = managerOptions;
/** YAML may have nothing behind a key. */
const FROM_YAML = [
  'serializeImagePulls',
  'maxParallelImagePulls',
  'registryPullQPS',
  'registryBurst',
  'imagePullCredentialsVerificationPolicy',
  'preloadedImagesVerificationAllowlist',
  'featureGates',
  ...Object.keys(gates).map((gate) => `featureGates.${gate}`),
];

const request = { pod, pullSecrets: [secret], ...call };
const requestCall: Omit<GoodCall, 'args'> = {
  api: ['0.pod'],
  optional: ['0.pullSecrets', '0.signal'],
  free: { '0.pullSecrets.0': 'it is read when it is needed, and what is wrong with it is a result' },
};

const step = { step: 'pulled', pullMs: 5, totalMs: 6, size: 7 } as const;
const mounting = { name: 'web', volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'a' }] };

export const imageManager: Table = {
  createImageManager: () => ({
    args: [managerOptions],
    optional: [
      ...[...Object.keys(optionalOfManager), ...FROM_YAML].map((name) => `0.${name}`),
      ...Object.keys(growth).map((name) => `0.backoff.${name}`),
    ],
    allows: {
      ...Object.fromEntries(FROM_YAML.map((name) => [`0.${name}`, ['null']])),
      '0.imagePullCredentialsVerificationPolicy': ['null', 'empty text'],
      '0.keyring': ['function'],
    },
    wrong: {
      '0.release': ['2.0'],
      '0.imagePullCredentialsVerificationPolicy': ['text'],
      '0.preloadedImagesVerificationAllowlist.0': ['', '*'],
      '0.maxParallelImagePulls': [0, 0.5],
      '0.registryPullQPS': [0.5],
      '0.registryBurst': [0.5],
    },
    methods: {
      ensureImageExists: {
        ...requestCall,
        args: [{ ...request, image: 'a.example/app:1', pullPolicy: 'Always', fieldPath: 'spec.containers{web}' }],
        optional: ['0.pullSecrets', '0.signal', '0.pullPolicy', '0.fieldPath'],
        allows: { '0.pullPolicy': ['null'] },
      },
      ensureContainerImage: {
        ...requestCall,
        args: [{ ...request, container: 'web', volumes: new Map() }],
        optional: ['0.pullSecrets', '0.signal', '0.volumes'],
        wrong: { '0.container': ['', 'other'] },
      },
      ensureImageVolumes: { ...requestCall, args: [request] },
      recoverIntents: { args: [call], optional: CALL('0') },
      pruneRecords: {
        args: [{ startedAt: 5, ...call }],
        optional: ['0.signal'],
        allows: { '0.startedAt': ['negative'] },
      },
    },
  }),
  createPullStepEvent: () => ({
    args: ['a.example/app:1', step],
    allows: { '1.pullMs': ['negative'], '1.totalMs': ['negative'], '1.size': ['negative'] },
    wrong: { '1': [{ step: 'failed' }, { step: 'error' }], '1.step': ['text', 'failed', 'constructor'] },
  }),
  decideWaitingAfterFailure: () => ({ args: ['a.example/app:1', 'denied'] }),
  decideWaitingInBackOff: () => ({
    args: ['a.example/app:1', { reason: 'ErrImagePull', message: 'denied' }],
    optional: ['1'],
  }),
  formatGoDuration: () => ({ args: [5], allows: { '0': ['negative'] } }),
  listImageMounts: () => ({ args: [mounting, new Map()], free: { '0.name': 'mounts alone are read' }, api: ['0'] }),
  prepullImages: () => ({
    args: [
      ['a.example/app:1'],
      all<PrePullOptions>({
        images,
        keyring,
        pullPolicy: 'Always',
        maxParallelImagePulls: 2,
        clock: systemClock,
        onResult: () => undefined,
        ...call,
      }),
    ],
    optional: ['1.keyring', '1.pullPolicy', '1.maxParallelImagePulls', '1.clock', '1.onResult', '1.signal'],
    free: { '1.clock.now': 'only the monotonic clock is asked', '1.clock.sleep': 'only the monotonic clock is asked' },
    wrong: { '1.pullPolicy': ['Never'], '1.maxParallelImagePulls': [0, 0.5] },
  }),
};
