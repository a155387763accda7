// What an API server made of pods and secrets: defaults, validation, and the plugins that look at images.
import type { PodLike, PodSpecLike } from 'kubepull/kubernetes';
import {
  defaultPodPullPolicies,
  mutateAlwaysPullImages,
  validateAlwaysPullImages,
  validatePullPolicies,
} from 'kubepull/pull-policy';
import { admitServiceAccount, type SecretLike, type ServiceAccountLike, validateSecret } from 'kubepull/pull-secrets';
import { createComparison, type Replay } from './comparison.ts';

interface Cases<C> {
  readonly cases: readonly C[];
}

/** All recorded objects have this name, but for those that were updated. */
const NAME = 'x';
const NAMESPACE = 'adm';

export const podOf = (spec: PodSpecLike, name = NAME): PodLike => ({ metadata: { name, namespace: NAMESPACE }, spec });

/** The policies of a pod, as the files of `AlwaysPullImages` note them. */
export function policiesOf({ spec }: PodLike): object {
  const ofList = (list: readonly { readonly imagePullPolicy?: string | undefined }[] = []): unknown[] =>
    list.map(({ imagePullPolicy }) => imagePullPolicy ?? null);
  const volumes = (spec?.volumes ?? []).map(({ image }) => image?.pullPolicy ?? null);
  return { containers: ofList(spec?.containers), init: ofList(spec?.initContainers), volumes };
}

export function replayDefaults({ cases }: Cases<{ readonly image: string; readonly real: object }>): Replay {
  const comparison = createComparison();
  for (const { image, real } of cases) {
    const spec = {
      containers: [{ name: 'a', image }],
      initContainers: [{ name: 'i', image }],
      volumes: [{ name: 'v', image: { reference: image } }],
    };
    const { pod, decisions } = defaultPodPullPolicies(podOf(spec));
    const { message } = validatePullPolicies(pod);
    comparison.equal(
      image,
      real,
      message === undefined ? { policies: decisions.map(({ policy }) => policy) } : { message },
    );
  }
  return comparison;
}

export function replayValidation({ cases }: Cases<{ readonly spec: PodSpecLike; readonly real: object }>): Replay {
  const comparison = createComparison();
  for (const { spec, real } of cases) {
    const { message } = validatePullPolicies(defaultPodPullPolicies(podOf(spec)).pod);
    comparison.equal(JSON.stringify(spec), real, message === undefined ? { accepted: true } : { message });
  }
  return comparison;
}

export function replayAlwaysPull({ cases }: Cases<{ readonly spec: PodSpecLike; readonly real: object }>): Replay {
  const comparison = createComparison();
  for (const { spec, real } of cases) {
    const { pod } = mutateAlwaysPullImages(defaultPodPullPolicies(podOf(spec)).pod);
    const message = validatePullPolicies(pod).message ?? validateAlwaysPullImages(pod).message;
    comparison.equal(JSON.stringify(spec), real, message === undefined ? policiesOf(pod) : { message });
  }
  return comparison;
}

interface UpdateCase {
  readonly name: string;
  readonly before: PodSpecLike;
  /** A strategic merge patch. */
  readonly after: PodSpecLike;
  readonly real: { readonly refused?: string };
}

/** So much of a refusal is in the file; the rest is a list of all that the update would change. */
const MAX_REFUSED = 200;

export function replayAlwaysPullUpdate({ cases }: Cases<UpdateCase>): Replay {
  const comparison = createComparison();
  for (const { name, before, after, real } of cases) {
    const oldPod = defaultPodPullPolicies(podOf(before, `u-${name}`)).pod;
    const { pod } = mutateAlwaysPullImages(podOf(patched(oldPod.spec ?? {}, after), `u-${name}`), { oldPod });
    const refused = validatePullPolicies(pod, { oldPod }).message ?? validateAlwaysPullImages(pod, { oldPod }).message;
    comparison.equal(name, real, refused === undefined ? policiesOf(pod) : { refused: refused.slice(0, MAX_REFUSED) });
  }
  return comparison;
}

/** Lists are merged by name. */
export function patched(before: PodSpecLike, after: PodSpecLike): PodSpecLike {
  const merged = Object.entries(after).map(([field, list]: [string, unknown]) => {
    const old: unknown = before[field as keyof PodSpecLike];
    if (!Array.isArray(list) || !Array.isArray(old)) return [field, list];
    const changes = new Map((list as readonly { readonly name: string }[]).map((one) => [one.name, one]));
    const kept = (old as readonly { readonly name: string }[]).map((one) => ({ ...one, ...changes.get(one.name) }));
    return [field, kept];
  });
  return { ...before, ...(Object.fromEntries(merged) as PodSpecLike) };
}

interface ServiceAccountCase {
  readonly name: string;
  readonly spec: PodSpecLike;
  readonly real: object;
}

/** The accounts of the recorded namespace. */
const ACCOUNTS: Readonly<Record<string, ServiceAccountLike>> = {
  default: { metadata: { name: 'default' } },
  two: { metadata: { name: 'two' }, imagePullSecrets: [{ name: 'b' }, { name: 'a' }, { name: 'b' }, {}] },
  strict: {
    metadata: { name: 'strict', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
    imagePullSecrets: [{ name: 'a' }],
  },
};

export function replayServiceAccount({ cases }: Cases<ServiceAccountCase>): Replay {
  const comparison = createComparison();
  for (const { name, spec, real } of cases) {
    const annotations = name.startsWith('mirror') ? { 'kubernetes.io/config.mirror': 'hash' } : {};
    const pod = { metadata: { ...podOf(spec).metadata, annotations }, spec };
    const account = ACCOUNTS[spec.serviceAccountName ?? spec.serviceAccount ?? 'default'];
    const admission = admitServiceAccount(pod, account);
    comparison.equal(name, real, admission.allowed ? admitted(admission.pod) : { message: whole(admission.message) });
  }
  return comparison;
}

function admitted({ spec }: PodLike): object {
  const secrets = (spec?.imagePullSecrets ?? []).map(({ name }) => (name ? { name } : {}));
  return { secrets, sa: spec?.serviceAccountName };
}

function whole(message: string): string {
  return `pods "${NAME}" is forbidden: ${message}`;
}

interface SecretCase {
  readonly type?: string;
  /** The value under the key of a docker config; a long one is cut. */
  readonly text?: string;
  readonly keys: readonly string[];
  readonly stringData?: Readonly<Record<string, string>>;
  readonly real: { readonly valid: boolean; readonly message?: string };
  readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field: string }[];
}

export function replaySecrets({ cases }: Cases<SecretCase>): Replay {
  const comparison = createComparison();
  for (const [index, one] of cases.entries()) {
    const { real, causes = [] } = one;
    const want = { real, causes };
    const answers = secretsOf(one).map((secret) => answerOf(secret));
    const got = answers.find((answer) => JSON.stringify(answer) === JSON.stringify(want)) ?? answers[0];
    comparison.equal(`case ${index}`, want, got);
  }
  return comparison;
}

function answerOf(secret: SecretLike): object {
  const { valid, errors, message } = validateSecret(secret);
  const causes = errors.map(({ type, field, message: text }) => ({
    reason: type,
    message: text.slice(`${field}: `.length),
    field,
  }));
  return { real: message === undefined ? { valid } : { valid, message }, causes };
}

/** What a file has of a value. */
const MAX_TEXT = 40;
const MAX_BYTES = 1_048_576;
/** So deep Go's decoder goes. */
const MAX_DEPTH = 10_000;

/**
 * The secret of a case. Of a value that the file cuts, or leaves out because it is large, all that it is known is which
 * bound it is about; so it is made twice, just within that bound and just beyond.
 */
function secretsOf({ type, text = '', keys, stringData }: SecretCase): readonly SecretLike[] {
  const make = (value: string): SecretLike => ({
    metadata: { name: NAME, namespace: NAMESPACE },
    ...(type === undefined ? {} : { type }),
    data: Object.fromEntries(
      keys.map((key) => [key, base64(key.startsWith('.docker') || key === 'big' ? value : 'x')]),
    ),
    ...(stringData === undefined ? {} : { stringData }),
  });
  if (keys.includes('big')) return ['x'.repeat(MAX_BYTES), 'x'.repeat(MAX_BYTES + 1)].map(make);
  if (text.length < MAX_TEXT) return [make(text)];
  const opened = text.replace(/\[*$/u, '');
  const nested = [MAX_DEPTH - opened.length, MAX_DEPTH + 1].map((depth) => opened + '['.repeat(depth));
  return [text, text.padEnd(MAX_BYTES + 1, text.at(-1)), ...nested, ...nested.map(closed)].map(make);
}

/** The same document with an end. */
function closed(text: string): string {
  return (
    text +
    Array.from(text, (character) => ({ '[': ']', '{': '}' })[character] ?? '')
      .toReversed()
      .join('')
  );
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
