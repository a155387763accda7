import type { DockerConfigEntry } from '../../docker-config/index.js';
import { InvalidConfigError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';
import { createKeyring } from '../../keyring/index.js';
import { mergePullSecrets, type SecretLike } from '../../pull-secrets/index.js';
import { safeParseReference } from '../../reference/index.js';
import type { PodImage } from './read-pod.js';
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
  const serves = (entries: Entries): boolean => {
    const { lookup } = createKeyring(entries);
    return images.some(({ image }) => lookup(image).candidates.length > 0);
  };
  let meant: readonly string[] | undefined;
  for (const [index, name] of pod.names.entries()) {
    if (seen.has(name) || pod.secrets === undefined) continue;
    seen.add(name);
    const place = `${pod.root}[${index}].name`;
    const found = findSecret(name, pod.secrets, pod.namespace);
    if (found === undefined) {
      meant ??= listUnnamed(pod, serves);
      const suggestion = meant.length === 1 ? meant[0] : undefined;
      yield finding('PULL_SECRET_MISSING', place, `There is no ${quote(name)} in ${quote(pod.namespace)}`, suggestion);
      continue;
    }
    const entries = yield* lintSecret(found, place, pod.namespace);
    if (entries === undefined) continue;
    if (images.length > 0 && !serves(entries)) yield finding('PULL_SECRET_UNUSED', place, 'No key in it matches');
    for (const entry of entries) all.push(entry);
  }
  if (pod.nodeConfig === undefined && pod.secrets === undefined) return;
  const keyrings = [createKeyring(all), createKeyring(pod.nodeConfig ?? [])];
  for (const { place, image } of images) {
    const isServed = keyrings.some(({ lookup }) => lookup(image).candidates.length > 0);
    if (!isServed) yield finding('IMAGE_ANONYMOUS', place, `No key matches ${quote(image.name)}`);
  }
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
  { secrets = [], names, namespace }: PodCredentials,
  serves: (entries: Entries) => boolean,
): readonly string[] {
  return secrets.flatMap((secret) => {
    const { name = '' } = secret.metadata ?? {};
    if (name === '' || names.includes(name) || namespaceOf(secret) !== namespace) return [];
    const entries = readEntries(secret);
    return typeof entries !== 'string' && serves(entries) ? [name] : [];
  });
}

/** The entries of a secret; `undefined` when it gives none, which is a finding. */
function* lintSecret(
  secret: SecretLike,
  place: string,
  namespace: string,
): Generator<LintFinding, Entries | undefined> {
  const its = namespaceOf(secret);
  if (its !== namespace) {
    const message = `It is in ${quote(its)}, and the pod in ${quote(namespace)}`;
    yield finding('PULL_SECRET_OTHER_NAMESPACE', place, message);
    return undefined;
  }
  const entries = readEntries(secret);
  if (typeof entries !== 'string') return entries;
  const code = entries === 'malformed' ? 'PULL_SECRET_MALFORMED' : 'PULL_SECRET_IGNORED';
  yield finding(code, place, REASONS[entries]);
  return undefined;
}

/** The entries, or why there are none. */
function readEntries(secret: SecretLike): Entries | keyof typeof REASONS {
  try {
    const { entries, skipped } = mergePullSecrets([secret]);
    return skipped[0]?.reason ?? entries;
  } catch (error) {
    if (error instanceof InvalidConfigError) return 'malformed';
    throw error;
  }
}
