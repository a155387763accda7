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
  for (const [index, name] of pod.names.entries()) {
    if (seen.has(name) || pod.secrets === undefined) continue;
    seen.add(name);
    const place = `${pod.root}[${index}].name`;
    const entries = yield* lintSecret(name, place, pod.secrets, pod.namespace);
    if (entries === undefined) continue;
    const { lookup } = createKeyring(entries);
    const isUsed = images.some(({ image }) => lookup(image).candidates.length > 0);
    if (!isUsed && images.length > 0) yield finding('PULL_SECRET_UNUSED', place, 'No key in it matches');
    for (const entry of entries) all.push(entry);
  }
  if (pod.nodeConfig === undefined && pod.secrets === undefined) return;
  const keyrings = [createKeyring(all), createKeyring(pod.nodeConfig ?? [])];
  for (const { place, image } of images) {
    const isServed = keyrings.some(({ lookup }) => lookup(image).candidates.length > 0);
    if (!isServed) yield finding('IMAGE_ANONYMOUS', place, `No key matches ${quote(image.name)}`);
  }
}

/** The entries of a secret; `undefined` when it gives none, which is a finding. */
function* lintSecret(
  name: string,
  place: string,
  secrets: readonly SecretLike[],
  namespace: string,
): Generator<LintFinding, Entries | undefined> {
  const named = secrets.filter(({ metadata }) => metadata?.name === name);
  const secret = named.findLast(({ metadata }) => (metadata?.namespace || 'default') === namespace);
  if (secret !== undefined) return yield* lintDecoding(secret, place);
  const [other] = named;
  if (other === undefined)
    yield finding('PULL_SECRET_MISSING', place, `There is no ${quote(name)} in ${quote(namespace)}`);
  else {
    const message = `It is in ${quote(other.metadata?.namespace || 'default')}, and the pod in ${quote(namespace)}`;
    yield finding('PULL_SECRET_OTHER_NAMESPACE', place, message);
  }
  return undefined;
}

function* lintDecoding(secret: SecretLike, place: string): Generator<LintFinding, Entries | undefined> {
  try {
    const { entries, skipped } = mergePullSecrets([secret]);
    const [skip] = skipped;
    if (skip === undefined) return entries;
    yield finding('PULL_SECRET_IGNORED', place, REASONS[skip.reason]);
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    yield finding('PULL_SECRET_MALFORMED', place, REASONS.malformed);
  }
  return undefined;
}
