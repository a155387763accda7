import type { DockerConfigEntry } from '../../docker-config/index.js';
import { InvalidConfigError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';
import { createKeyring, type CredentialCandidate, type StaticKeyring } from '../../keyring/index.js';
import { mergePullSecrets, type SecretLike } from '../../pull-secrets/index.js';
import { type ImageReference, safeParseReference } from '../../reference/index.js';
import type { PodImage } from './read-pod.js';
import { isSameCredential, listed } from '../rules/shared.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

/** The credentials of a pod and what they are for. */
export interface PodCredentials {
  readonly images: readonly PodImage[];
  readonly names: readonly string[];
  /** The place of the list of names. */
  readonly root: string;
  readonly namespace: string;
  /** `undefined` when they are not known. */
  readonly secrets: readonly SecretLike[] | undefined;
  readonly nodeConfig: readonly DockerConfigEntry[] | undefined;
  /** Reads each secret once, for all pods. */
  readonly read: SecretReader;
}

const REASONS = {
  type: 'The type is not that of a pull secret',
  key: 'The data key of its type is missing',
  empty: 'Its docker config is empty',
  malformed: 'Its docker config cannot be decoded',
} as const;

type Entries = readonly DockerConfigEntry[];

/** What is wrong with the secrets behind the names, and with their content for the images. */
export function* lintCredentials(pod: PodCredentials): Generator<LintFinding> {
  const images = pod.images.flatMap(({ image, place }) => {
    const parsed = safeParseReference(image);
    return parsed.ok ? [{ place, image: parsed.value }] : [];
  });
  const all: DockerConfigEntry[] = [];
  const seen = new Set(['']);
  const serves = ({ lookup }: StaticKeyring): boolean =>
    images.some(({ image }) => lookup(image).candidates.length > 0);
  let meant: readonly string[] | undefined;
  const suggested = new Set<string>();
  for (const [index, name] of pod.names.entries()) {
    if (seen.has(name) || pod.secrets === undefined) continue;
    seen.add(name);
    const place = `${pod.root}[${index}].name`;
    const found = findSecret(name, pod.secrets, pod.namespace);
    if (found === undefined) {
      meant ??= listUnnamed(pod, serves);
      const suggestion = meant.length === 1 ? meant[0] : undefined;
      suggested.add(suggestion ?? '');
      yield finding('PULL_SECRET_MISSING', place, `There is no ${quote(name)} in ${quote(pod.namespace)}`, suggestion);
      continue;
    }
    const secret = yield* lintSecret(found, place, pod);
    if (secret === undefined) continue;
    if (images.length > 0 && !serves(secret.keyring))
      yield finding('PULL_SECRET_UNUSED', place, 'No key in it matches');
    for (const entry of secret.entries) all.push(entry);
  }
  if (pod.nodeConfig === undefined && pod.secrets === undefined) return;
  const [own, node] = [createKeyring(all), createKeyring(pod.nodeConfig ?? [])];
  const told = new Set<string>();
  for (const { place, image } of images) {
    const { candidates } = own.lookup(image);
    yield* lintOrder(candidates, image, place, told);
    if (candidates.length > 0 || node.lookup(image).candidates.length > 0) continue;
    yield finding('IMAGE_ANONYMOUS', place, `No key matches ${quote(image.name)}`);
    yield* lintUnlisted(pod, image, place, suggested);
  }
}

/** Secrets of the pod that disagree about an image: each pair once. */
function* lintOrder(
  candidates: readonly CredentialCandidate[],
  image: ImageReference,
  place: string,
  told: Set<string>,
): Generator<LintFinding> {
  const differing = candidates.filter(({ entry: one }, at) =>
    candidates.slice(0, at).every(({ entry: other }) => !isSameCredential(one.credential, other.credential)),
  );
  const names = differing.flatMap(({ entry: { source } }) => (source.kind === 'secret' ? [source.name] : []));
  const order = [...new Set(names)];
  const key = order.join('\0');
  if (order.length < 2 || told.has(key)) return;
  told.add(key);
  const tried = order.map((name) => quote(name)).join(', then ');
  yield finding('PULL_SECRETS_DISAGREE', place, `For ${quote(image.domain)} the order is ${tried}`);
}

/** Secrets that have a key for an image which none of the pod has: those of its namespace, or else those of others. */
function* lintUnlisted(
  pod: PodCredentials,
  image: ImageReference,
  place: string,
  suggested: ReadonlySet<string>,
): Generator<LintFinding> {
  const serving = (pod.secrets ?? []).filter((secret) => {
    const read = pod.read(secret);
    const isNamed = namespaceOf(secret) === pod.namespace && pod.names.includes(secret.metadata?.name ?? '');
    return (
      !isNamed && secret.metadata?.name && typeof read !== 'string' && read.keyring.lookup(image).candidates.length > 0
    );
  });
  const near = serving
    .filter((secret) => namespaceOf(secret) === pod.namespace)
    .map(({ metadata }) => metadata?.name ?? '');
  if (near.some((name) => suggested.has(name))) return;
  if (near.length > 0) {
    const suggestion = near.length === 1 ? near[0] : undefined;
    return yield finding(
      'PULL_SECRET_UNLISTED',
      place,
      `A key for ${quote(image.name)} is in ${listed(near)}`,
      suggestion,
    );
  }
  const far = serving.map((secret) => `${namespaceOf(secret)}/${secret.metadata?.name ?? ''}`);
  if (far.length > 0)
    yield finding('PULL_SECRET_ELSEWHERE', place, `A key for ${quote(image.name)} is in ${listed(far)}`);
}

/** Of several with one name, that of the namespace counts. */
function findSecret(name: string, secrets: readonly SecretLike[], namespace: string): SecretLike | undefined {
  const named = secrets.filter(({ metadata }) => metadata?.name === name);
  return named.findLast((secret) => namespaceOf(secret) === namespace) ?? named[0];
}

function namespaceOf({ metadata }: SecretLike): string {
  return metadata?.namespace || 'default';
}

/** Secrets of the namespace that the pod does not name and that have a key for one of its images. */
function listUnnamed(
  { secrets = [], names, namespace, read }: PodCredentials,
  serves: (keyring: StaticKeyring) => boolean,
): readonly string[] {
  return secrets.flatMap((secret) => {
    const { name = '' } = secret.metadata ?? {};
    if (name === '' || names.includes(name) || namespaceOf(secret) !== namespace) return [];
    const content = read(secret);
    return typeof content !== 'string' && serves(content.keyring) ? [name] : [];
  });
}

/** What is in a secret; `undefined` when it gives nothing, which is a finding. */
function* lintSecret(
  secret: SecretLike,
  place: string,
  { namespace, read }: PodCredentials,
): Generator<LintFinding, SecretContent | undefined> {
  const its = namespaceOf(secret);
  if (its !== namespace) {
    const message = `It is in ${quote(its)}, and the pod in ${quote(namespace)}`;
    yield finding('PULL_SECRET_OTHER_NAMESPACE', place, message);
    return undefined;
  }
  const content = read(secret);
  if (typeof content !== 'string') return content;
  const code = content === 'malformed' ? 'PULL_SECRET_MALFORMED' : 'PULL_SECRET_IGNORED';
  yield finding(code, place, REASONS[content]);
  return undefined;
}

/** What a secret gives: its entries, and a keyring over them alone. */
interface SecretContent {
  readonly entries: Entries;
  readonly keyring: StaticKeyring;
}

/** Gives what is in a secret, or why it gives nothing. */
export type SecretReader = (secret: SecretLike) => SecretContent | keyof typeof REASONS;

export function createSecretReader(): SecretReader {
  const known = new Map<SecretLike, ReturnType<SecretReader>>();
  return (secret) => {
    const content = known.get(secret) ?? readContent(secret);
    known.set(secret, content);
    return content;
  };
}

function readContent(secret: SecretLike): ReturnType<SecretReader> {
  try {
    const { entries, skipped } = mergePullSecrets([secret]);
    return skipped[0]?.reason ?? { entries, keyring: createKeyring(entries) };
  } catch (error) {
    if (error instanceof InvalidConfigError) return 'malformed';
    throw error;
  }
}
