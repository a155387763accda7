import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createCredentialProviderKeyring,
  type CredentialProviderKeyring,
  parseCredentialProviderConfig,
  type PodIdentity,
} from 'kubepull/credential-provider';
import { createSecret } from 'kubepull/docker-config';
import { createFakeClock, type FakeClock } from 'kubepull/testing';
import { countFor } from '../support/figures.ts';
import { imageNamed } from '../support/image-name.ts';
import { runsOf } from '../support/property-runs.ts';
import { stepsOf } from '../support/model-steps.ts';

const PROTOCOL = 'credentialprovider.kubelet.k8s.io/v1';
const DEFAULT_MS = 60_000;

/** What the plugin answers with each time; which call it was is in the user name. */
const KEYS = ['*.io', 'r.io', 'r.io/team', 'r.io:1', 'x.io'];
/** Images, and the keys that fit them, in the order of trying; the last is none of the plugin's. */
const IMAGES = [
  { name: 'r.io/team/app', keys: ['r.io/team', 'r.io', '*.io'] },
  { name: 'r.io/app', keys: ['r.io', '*.io'] },
  { name: 'r.io:1/app', keys: ['r.io:1'] },
  { name: 'x.io/app', keys: ['x.io', '*.io'] },
  { name: 'y.io/app', keys: ['*.io'] },
  { name: 'z.com/app', keys: undefined },
];
const PODS = [undefined, { name: 'one' }, { name: 'two' }];
const KINDS = ['Image', 'Registry', 'Global'] as const;
const DURATIONS = [undefined, null, '0s', '-5m', '10s', '20m'] as const;
const msOf = (duration: (typeof DURATIONS)[number]): number =>
  duration === '10s' ? 10_000 : duration === '20m' ? 1_200_000 : (duration ?? undefined) === undefined ? DEFAULT_MS : 0;

/** How the plugin works with service accounts; `undefined` for one that knows of none. */
type Mode = 'ServiceAccount' | 'Token' | undefined;
/** `waits`, `aborted`, or what the plugin did and the users that are to be tried. */
type Outcome = string;

interface Lookup {
  readonly image: number;
  outcome: Outcome;
}

interface Run {
  readonly image: number;
  /** On whose behalf, for the cache and for the plugin. */
  readonly account: string;
  readonly asked: string;
  readonly waiting: Set<Lookup>;
}

/** What is kept until when, and who waits for which run of the plugin, in the plainest form there is. */
interface Model {
  readonly mode: Mode;
  readonly kept: Map<string, { readonly call: number; readonly until: number }>;
  readonly runs: Run[];
  readonly lookups: Lookup[];
  /** How often the token of each pod was renewed. */
  readonly renewals: number[];
  /** Answers so far. */
  calls: number;
  /** Requests for tokens of service accounts. */
  tokens: number;
}

interface Held {
  readonly asked: string;
  readonly answer: (stdout: Uint8Array) => void;
  readonly fail: (error: Error) => void;
}

interface Real {
  readonly clock: FakeClock;
  readonly keyring: CredentialProviderKeyring;
  readonly held: Held[];
  readonly lookups: { readonly controller: AbortController; outcome: Outcome }[];
  readonly renewals: number[];
  tokens: number;
}

const namePod = (name: string): PodIdentity => ({ namespace: 'ns', name: 'pod', uid: 'pod', serviceAccountName: name });
const SECRET = 'service-account-token-';
/** What a run of the plugin is told apart by: the token without what makes it a secret. */
const askedOf = (name: string, token: string): string => `${name} with ${token === '' ? 'none' : token}`;

function createReal(mode: Mode): Real {
  const clock = createFakeClock();
  const held: Held[] = [];
  const tokenAttributes = mode && {
    serviceAccountTokenAudience: 'aud',
    requireServiceAccount: false,
    cacheType: mode,
    optionalServiceAccountAnnotationKeys: ['role'],
  };
  const provider = { name: 'p', apiVersion: PROTOCOL, defaultCacheDuration: '1m', tokenAttributes };
  const config = parseCredentialProviderConfig({
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [{ ...provider, matchImages: ['*.io', 'r.io:1'] }],
  });
  const real: Real = { clock, held, lookups: [], renewals: PODS.map(() => 0), tokens: 0, keyring: undefined! };
  const keyring = createCredentialProviderKeyring(config, {
    clock,
    exec: ({ stdin }, { signal } = {}) =>
      new Promise((answer, fail) => {
        const { image = '', serviceAccountToken = '' } = JSON.parse(stdin()) as Record<string, string>;
        const run = { asked: askedOf(image, serviceAccountToken.replace(SECRET, '')), answer, fail };
        held.push(run);
        signal?.addEventListener('abort', () => held.splice(held.indexOf(run), 1));
      }),
    serviceAccounts: {
      get: async ({ name }) => ({ uid: `uid of ${name}`, annotations: { role: name } }),
      createToken: async ({ serviceAccountName }) => {
        real.tokens += 1;
        const pod = PODS.findIndex((one) => one?.name === serviceAccountName);
        return createSecret(`${SECRET}${pod}-${real.renewals[pod]!}`);
      },
    },
  });
  return Object.assign(real, { keyring });
}

/** The keys of an answer, and of a look-up in its order. */
function keysOf(
  { mode, renewals }: Model,
  image: number,
  pod: number,
): { account: string; token: string; keys: string[] } {
  const hasAccount = mode !== undefined && pod > 0;
  const token = hasAccount ? `${pod}-${renewals[pod]!}` : '';
  const account = !hasAccount ? 'node' : mode === 'Token' ? `${pod} ${token}` : `${pod}`;
  const { name } = IMAGES[image]!;
  const keys = [`image ${name}`, `registry ${name.split('/', 1)[0]}`, 'global'].map((key) => `${key}, ${account}`);
  return { account, token, keys };
}

/** What a look-up sees of an answer: those of its entries that fit, in order. */
function seen(image: number, call: number, how: 'cached' | 'fetched'): Outcome {
  return `${how} ${IMAGES[image]!.keys!.map((key) => `${key}#${call}`).join()}`;
}

async function compare(model: Model, real: Real): Promise<void> {
  await real.clock.advance(0);
  expect(real.held.map(({ asked }) => asked)).toEqual(model.runs.map(({ asked }) => asked));
  expect(real.lookups.map(({ outcome }) => outcome)).toEqual(model.lookups.map(({ outcome }) => outcome));
  expect(real.tokens).toBe(model.tokens);
}

type Step = fc.AsyncCommand<Model, Real>;

const step = stepsOf<Model, Real>(compare);

function startLookup(model: Model, real: Real, image: number, pod: number): void {
  const controller = new AbortController();
  const started = { controller, outcome: 'waits' };
  real.lookups.push(started);
  const keyring = pod === 0 ? real.keyring : real.keyring.forPod(namePod(PODS[pod]!.name));
  void (async () => keyring.lookup(imageNamed(IMAGES[image]!.name), { signal: controller.signal }))()
    .then(({ candidates, sources }) => {
      const users = candidates.map(({ entry }) => entry.credential.username).join();
      return `${sources.map(({ outcome }) => outcome).join()} ${users}`;
    })
    .catch((error: unknown) => (error === 'enough' ? 'aborted' : String(error)))
    .then((outcome) => (started.outcome = outcome));
  const lookup: Lookup = { image, outcome: 'waits' };
  model.lookups.push(lookup);
  if (IMAGES[image]!.keys === undefined) {
    lookup.outcome = 'unmatched ';
    return;
  }
  const { account, token, keys } = keysOf(model, image, pod);
  // The token is requested also when the answer is kept.
  if (token !== '') model.tokens += 1;
  const kept = keys.map((key) => model.kept.get(key)).find((one) => one && real.clock.monotonic() <= one.until);
  const asked = askedOf(IMAGES[image]!.name, token);
  const under = model.runs.find((run) => run.asked === asked);
  if (kept !== undefined) lookup.outcome = seen(image, kept.call, 'cached');
  else if (under !== undefined) under.waiting.add(lookup);
  else model.runs.push({ image, account, asked, waiting: new Set([lookup]) });
}

const lookUp = (image: number, pod: number): Step =>
  step(
    `look up ${IMAGES[image]!.name} for pod ${pod}`,
    () => true,
    (model, real) => startLookup(model, real, image, pod),
  );

/** When the next answer of those that are kept runs out, a moment before or after. */
const lookUpAtEnd = (image: number, pod: number, offset: number): Step =>
  step(
    `look up ${IMAGES[image]!.name} for pod ${pod} ${offset} ms after an end`,
    ({ kept }) => kept.size > 0,
    async (model, real) => {
      const now = real.clock.monotonic();
      const ends = [...model.kept.values()].map(({ until }) => until).filter((until) => until >= now);
      await real.clock.advance(ends.length === 0 ? 0 : Math.min(...ends) + offset - now);
      startLookup(model, real, image, pod);
    },
  );

const answer = (place: number, kind: number, duration: number): Step =>
  step(
    `answer ${place} by ${KINDS[kind]} for ${DURATIONS[duration]}`,
    ({ runs }) => place < runs.length,
    (model, real) => {
      model.calls += 1;
      const { calls } = model;
      const [{ image, account, waiting }] = model.runs.splice(place, 1) as [Run];
      const auth = Object.fromEntries(KEYS.map((key) => [key, { username: `${key}#${calls}`, password: 'pw' }]));
      const said = { cacheKeyType: KINDS[kind], cacheDuration: DURATIONS[duration], auth };
      const response = { kind: 'CredentialProviderResponse', apiVersion: PROTOCOL, ...said };
      real.held.splice(place, 1)[0]!.answer(new TextEncoder().encode(JSON.stringify(response)));
      for (const lookup of waiting) lookup.outcome = seen(lookup.image, calls, 'fetched');
      const { name } = IMAGES[image]!;
      const key = [`image ${name}`, `registry ${name.split('/', 1)[0]}`, 'global'][kind]!;
      const ms = msOf(DURATIONS[duration]);
      if (ms > 0) model.kept.set(`${key}, ${account}`, { call: calls, until: real.clock.monotonic() + ms });
    },
  );

const fail = (place: number, isWrong: boolean): Step =>
  step(
    `${isWrong ? 'answer wrongly' : 'fail'} ${place}`,
    ({ runs }) => place < runs.length,
    (model, real) => {
      const [{ waiting }] = model.runs.splice(place, 1) as [Run];
      const [run] = real.held.splice(place, 1) as [Held];
      if (isWrong) run.answer(new TextEncoder().encode('{}'));
      else run.fail(new Error('status 1'));
      for (const lookup of waiting) lookup.outcome = 'failed ';
    },
  );

const abort = (place: number): Step =>
  step(
    `abort ${place}`,
    ({ lookups }) => place < lookups.length,
    (model, real) => {
      real.lookups[place]!.controller.abort('enough');
      const lookup = model.lookups[place]!;
      if (lookup.outcome !== 'waits') return;
      lookup.outcome = 'aborted';
      const at = model.runs.findIndex(({ waiting }) => waiting.delete(lookup));
      // Nobody waits any more, so the plugin is ended.
      if (model.runs[at]!.waiting.size === 0) model.runs.splice(at, 1);
    },
  );

const renewToken = (pod: number): Step =>
  step(
    `renew the token of pod ${pod}`,
    () => true,
    (_, { renewals }) => {
      renewals[pod]! += 1;
    },
  );

const wait = (ms: number): Step =>
  step(
    `wait ${ms}`,
    () => true,
    async (_, { clock }) => {
      clock.setWallClock(0);
      await clock.advance(ms);
    },
  );

describe('createCredentialProviderKeyring', () => {
  it.each<[string, Mode]>([
    ['that knows of no service accounts', undefined],
    ['of service accounts, kept for each', 'ServiceAccount'],
    ['of service accounts, kept for each token', 'Token'],
  ])('runs a plugin %s no more often than its answers say, and gives what it said of the image', async (_, mode) => {
    const image = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4, 5);
    const pod = fc.constantFrom(0, 0, 1, 1, 2);
    const place = fc.constantFrom(0, 0, 0, 1, 2);
    const answers = fc.tuple(place, fc.nat(KINDS.length - 1), fc.nat(DURATIONS.length - 1));
    const steps = fc.commands<Model, Real, false>(
      [
        fc.tuple(image, pod).map((of) => lookUp(...of)),
        fc.tuple(image, pod).map((of) => lookUp(...of)),
        fc.tuple(image, pod, fc.constantFrom(0, 1)).map((of) => lookUpAtEnd(...of)),
        answers.map((of) => answer(...of)),
        answers.map((of) => answer(...of)),
        fc.tuple(place, fc.boolean()).map((of) => fail(...of)),
        fc.nat(9).map(abort),
        fc.constantFrom(1, 2).map(renewToken),
        fc.constantFrom(1, 60_000, 900_001).map(wait),
      ],
      { maxCommands: 26, size: '+1' },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (commands) => {
        const real = createReal(mode);
        const { renewals } = real;
        const model = { mode, kept: new Map(), runs: [], lookups: [], renewals, calls: 0, tokens: 0 };
        await fc.asyncModelRun(() => ({ model, real }), commands);
      }),
      runsOf('turns'),
    );
    countFor('stores, caches and keyrings that act as a plain model does');
  });
});
