import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { createImageManager, type EnsureImageResult } from 'kubepull/image-manager';
import { type ImageService } from 'kubepull/image-service';
import { createKeyring, type Keyring } from 'kubepull/keyring';
import { nodeHasher } from 'kubepull/node';
import type { SecretLike } from 'kubepull/pull-secrets';
import { createTwin, type TwinImage, type TwinSecret, type TwinSettings, type TwinSync, type World } from './twin.ts';

const DIGEST = `sha256:${'b'.repeat(64)}`;
const IMAGES: readonly TwinImage[] = [
  { image: 'private.example/app:1', spec: 'private.example/app:1', repository: 'private.example/app' },
  { image: 'private.example/app', spec: 'private.example/app:latest', repository: 'private.example/app' },
  { image: 'private.example/b:1', spec: 'private.example/b:1', repository: 'private.example/b' },
  { image: `app@${DIGEST}`, spec: `app@${DIGEST}`, repository: 'app' },
  { image: 'busybox', spec: 'busybox:latest', repository: 'busybox' },
  {
    image: 'Foo',
    spec: undefined,
    repository: '',
    fault: `couldn't parse image name "Foo": invalid reference format: repository name (library/Foo) must be lowercase`,
  },
];
const SPECS = IMAGES.flatMap(({ spec }) => spec ?? []);
const FAULTS = [
  'denied',
  'rpc error: code = NotFound desc = x',
  'RegistryUnavailable: refused',
  'SignatureValidationFailed: no key',
  '<empty>',
];

type Step =
  | {
      readonly do: 'sync';
      readonly uid: string;
      readonly image: number;
      readonly pullPolicy: string;
      readonly secrets: readonly number[];
      readonly account: string;
    }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'present'; readonly spec: string; readonly found: 'yes' | 'no' | 'no id' | 'no size' }
  | { readonly do: 'status fault'; readonly spec: string; readonly fault: string | undefined }
  | { readonly do: 'pull faults'; readonly spec: string; readonly faults: readonly (readonly [string, string])[] }
  | { readonly do: 'slow'; readonly ms: number }
  | { readonly do: 'secret'; readonly at: number; readonly secret: TwinSecret };

const users = ['A', 'B', 'node', 'token', 'nobody'];
const secret = fc.record<TwinSecret>({
  uid: fc.constantFrom('1', '2'),
  name: fc.constantFrom('x', 'y'),
  username: fc.constantFrom('A', 'B'),
  password: fc.constantFrom('p', 'q'),
  malformed: fc.integer({ min: 0, max: 14 }).map((odd) => odd === 0),
});
/** Mostly the same one, so that steps meet. */
const spec = fc.constantFrom(...SPECS, ...Array.from({ length: 12 }, () => SPECS[0]!));
const sync = fc.record<Step & { do: 'sync' }>({
  do: fc.constant('sync'),
  uid: fc.constantFrom('u1', 'u1', 'u1', 'u2'),
  image: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5),
  pullPolicy: fc.constantFrom('IfNotPresent', 'IfNotPresent', 'Always', 'Never', 'odd'),
  secrets: fc.array(fc.nat(2), { maxLength: 3 }),
  account: fc.constantFrom('', '', 'node', 'sa1', 'sa2'),
});
const fault = fc.constantFrom(...FAULTS);
const pullFaults = fc.oneof(
  fc.array(fc.tuple(fc.constantFrom(...users), fault), { maxLength: 6 }),
  fault.map((text) => users.map((user) => [user, text] as const)),
  fault.map((text) => users.map((user) => [user, text] as const)),
);
const change = fc.oneof(
  fc.record<Step>({
    do: fc.constant('wait'),
    ms: fc.constantFrom(1, 200, 5_000, 9_999, 10_000, 20_000, 300_000, 600_000, 600_001),
  }),
  fc.record({
    do: fc.constant('present' as const),
    spec,
    found: fc.constantFrom('yes', 'yes', 'no', 'no id', 'no size'),
  }),
  fc.record({ do: fc.constant('status fault' as const), spec, fault: fc.constantFrom(undefined, undefined, 'down') }),
  fc.record({
    do: fc.constant('pull faults' as const),
    spec,
    faults: pullFaults,
  }),
  fc.record({ do: fc.constant('slow' as const), ms: fc.constantFrom(0, 626, 1_893, 62_500, 301_000, 601_000) }),
  fc.record({ do: fc.constant('secret' as const), at: fc.nat(2), secret }),
) as fc.Arbitrary<Step>;

const scenario = fc.record({
  settings: fc.record<TwinSettings>({
    gate: fc.constantFrom(true, true, true, false),
    policy: fc.constantFrom(
      'NeverVerifyPreloadedImages',
      'NeverVerifyPreloadedImages',
      'NeverVerify',
      'NeverVerifyAllowlistedImages',
      'AlwaysVerify',
    ),
    allowlist: fc.constantFrom([], ['private.example/app'], ['busybox']),
    qps: fc.constantFrom(0, 1, 5),
    burst: fc.constantFrom(0, 1, 2, 10),
  }),
  secrets: fc.tuple(secret, secret, secret),
  /** Whether all images are one and the same, so that records of one repository meet another. */
  sameId: fc.boolean(),
  steps: fc.array(fc.oneof({ weight: 3, arbitrary: sync }, { weight: 2, arbitrary: change }), {
    minLength: 1,
    maxLength: 24,
  }),
});

function createWorld(sameId: boolean): World {
  return {
    now: 1_000_000,
    present: new Map(),
    statusFaults: new Map(),
    pullFaults: new Map(),
    pullMs: 0,
    idOf: (name) => `sha256:${sameId ? 'same' : name}`,
  };
}

function applyChange(world: World, step: Step): void {
  if (step.do === 'wait') world.now += step.ms;
  if (step.do === 'slow') world.pullMs = step.ms;
  if (step.do === 'pull faults') world.pullFaults.set(step.spec, new Map(step.faults));
  if (step.do === 'status fault') {
    if (step.fault === undefined) world.statusFaults.delete(step.spec);
    else world.statusFaults.set(step.spec, step.fault);
  }
  if (step.do === 'present') {
    if (step.found === 'no') world.present.delete(step.spec);
    else
      world.present.set(step.spec, {
        id: step.found === 'no id' ? '' : world.idOf(step.spec),
        size: step.found === 'no size' ? 0 : 7,
      });
  }
}

/** The runtime that the manager talks to, over a world of its own. */
function createImages(world: World, calls: string[]): ImageService {
  return {
    async imageStatus({ image }) {
      calls.push(`ImageStatus(${image})`);
      const fault = world.statusFaults.get(image);
      if (fault !== undefined) throw new Error(fault);
      const found = world.present.get(image);
      return found && { ...found, repoTags: [], repoDigests: [], pinned: false, runtimeHandler: '' };
    },
    async pullImage({ image: { image }, auth }) {
      const user = auth?.credential.username ?? 'nobody';
      calls.push(`PullImage(${image}, ${user})`);
      world.now += world.pullMs;
      const fault = world.pullFaults.get(image)?.get(user);
      if (fault === '<empty>') return '';
      if (fault !== undefined) throw new Error(fault);
      const id = world.idOf(image);
      world.present.set(image, { id, size: 7 });
      return id;
    },
    listImages: async () => [],
    removeImage: async () => undefined,
    imageFsInfo: async () => [],
  };
}

function secretLike({ uid, name, username, password, malformed }: TwinSecret): SecretLike {
  const config = JSON.stringify({ auths: { 'private.example': { username, password } } });
  return {
    metadata: { uid, name, namespace: 'ns' },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': malformed ? '{' : config },
  };
}

function nodeKeyring(account: string): Keyring {
  if (account === '') return createKeyring([]);
  const serviceAccount = { namespace: 'ns', name: account, uid: account };
  const isNode = account === 'node';
  return createKeyring([
    {
      pattern: 'private.example',
      source: isNode ? { kind: 'file', path: '/config.json' } : { kind: 'plugin', provider: 'p', serviceAccount },
      credential: {
        username: isNode ? 'node' : 'token',
        password: createSecret('p'),
        identityToken: undefined,
        registryToken: undefined,
        email: undefined,
      },
    },
  ]);
}

function outcomeText(result: EnsureImageResult): string {
  if (result.status === 'present') return `present ${result.imageRef} | ${result.message}`;
  if (result.status === 'pulled') return `pulled ${result.imageRef}`;
  const retryMs = result.status === 'waiting' ? result.retryAfterMs : 0;
  return `${result.reason} | ${result.message} | ${retryMs}`;
}

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

interface Run {
  readonly calls: readonly string[];
  readonly events: readonly string[];
  readonly outcomes: readonly string[];
  readonly now: number;
}

/** What the pods ask for, in order; the other steps change the world between. */
function* syncsOf({ secrets, steps }: Scenario, world: World): Generator<TwinSync> {
  const held: TwinSecret[] = [...secrets];
  for (const step of steps) {
    if (step.do === 'secret') held[step.at] = step.secret;
    if (step.do !== 'sync') {
      applyChange(world, step);
      continue;
    }
    const { uid, pullPolicy, account } = step;
    const used = step.secrets.flatMap((at) => held[at] ?? []);
    yield { uid, image: IMAGES[step.image]!, pullPolicy, secrets: used, serviceAccount: account };
  }
}

function runTwin(input: Scenario): Run {
  const world = createWorld(input.sameId);
  const { calls, events, sync } = createTwin(input.settings, world);
  const outcomes = Array.from(syncsOf(input, world), (wish) => sync(wish));
  return { calls, events, outcomes, now: world.now };
}

async function runManager(input: Scenario): Promise<Run> {
  const { settings, sameId } = input;
  const world = createWorld(sameId);
  const [calls, events, outcomes]: [string[], string[], string[]] = [[], [], []];
  const clock = { now: () => world.now, monotonic: () => world.now, sleep: () => Promise.resolve() };
  const manager = createImageManager({
    images: createImages(world, calls),
    clock,
    createHasher: nodeHasher,
    keyring: ({ serviceAccountName }) => nodeKeyring(serviceAccountName),
    featureGates: { KubeletEnsureSecretPulledImages: settings.gate },
    // Kubelet does not start with what has no effect.
    imagePullCredentialsVerificationPolicy: settings.gate ? settings.policy : undefined,
    preloadedImagesVerificationAllowlist:
      settings.gate && settings.policy === 'NeverVerifyAllowlistedImages' ? settings.allowlist : [],
    registryPullQPS: settings.qps,
    registryBurst: settings.burst,
    onEvent: ({ type, reason, message }) => void events.push(`${type} ${reason} ${message}`),
  });
  for (const { uid, image, pullPolicy, secrets, serviceAccount } of syncsOf(input, world)) {
    const pod = {
      metadata: { uid, name: 'web', namespace: 'ns' },
      spec: {
        serviceAccountName: serviceAccount,
        containers: [{ name: 'app', image: image.image, imagePullPolicy: pullPolicy }],
      },
    };
    const pullSecrets = secrets.map(secretLike);
    outcomes.push(outcomeText(await manager.ensureContainerImage({ pod, container: 'app', pullSecrets })));
  }
  return { calls, events, outcomes, now: world.now };
}

describe('createImageManager', () => {
  it('makes the calls, records the events and gives the reasons of a plain twin', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (input) => {
        const [manager, twin] = [await runManager(input), runTwin(input)];
        if (JSON.stringify(manager) !== JSON.stringify(twin)) expect(manager).toEqual(twin);
      }),
    );
  });

  it('the sequences meet every outcome', () => {
    const seen = new Map<string, number>();
    const outcomes = fc.sample(scenario, { seed: 1, numRuns: 1000 }).flatMap((input) => runTwin(input).outcomes);
    for (const line of outcomes) {
      const kind = line.split(/[ :]/, 1)[0] ?? '';
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }
    expect(
      [...seen]
        .filter(([, count]) => count >= 10)
        .map(([kind]) => kind)
        .toSorted(),
    ).toEqual([
      'ErrImageNeverPull',
      'ErrImagePull',
      'ImageInspectError',
      'ImagePullBackOff',
      'InvalidImageName',
      'RegistryUnavailable',
      'SignatureValidationFailed',
      'present',
      'pulled',
      'unexpected',
    ]);
  });
});
