import type { DockerConfigEntry } from '../../docker-config/index.js';
import { ImageError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { quote } from '../../internal/index.js';
import type { PodLike, PullPolicy, WorkloadLike, WorkloadListLike } from '../../kubernetes/index.js';
import { findPods } from '../../kubernetes/inner.js';
import type { SecretLike, ServiceAccountLike } from '../../pull-secrets/index.js';
import { createSecretReader, lintCredentials, type SecretReader } from './credentials.js';
import { createImageLocator, type ImageLocator, lintPresence } from './nodes.js';
import { readSecret, readServiceAccount } from '../secret/read-object.js';
import { type CleanPod, type PodImage, readPod } from './read-pod.js';
import { finding } from '../rules/rules.js';
import type { LintFinding, LintPodOptions } from '../rules/finding.js';
import { decidePullPolicy } from '../../pull-policy/index.js';
import { type ImageReference, safeParseReference } from '../../reference/index.js';
import { lintImageText } from '../image/text.js';

/**
 * Looks for what is wrong with the images, pull policies and pull secrets of a pod or a workload.
 *
 * Images come first: init containers, containers, ephemeral containers, image volumes, each in its order; then the pull
 * secrets by name; then what their content means for the images. Without `secrets` nothing is said of the secrets
 * behind the names; use {@link lintPullSecret} for what is wrong inside of one.
 *
 * @param object - a pod, a workload such as a Deployment or a CronJob, a List of them, or the documents of a file as a list.
 * Of several objects those that hold no pod are left out
 * @param options - the secrets, the service account and the node's docker config, as far as they are known
 * @returns the findings, none for a good pod
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when there is no pod in the object, and when `secrets` or `nodeConfig` is no list
 * @example
 * ```ts
 * import { lintPod } from 'kubepull/lint';
 *
 * const pod = { spec: { containers: [{ name: 'web', image: 'nginx', imagePullPolicy: 'ifNotPresent' }] } };
 * lintPod(pod).map(({ code }) => code); // ['IMAGE_TAG_IMPLIED', 'POLICY_UNKNOWN']
 * ```
 * @public
 */
export function lintPod(
  object: WorkloadLike | WorkloadListLike | readonly unknown[],
  options: LintPodOptions = {},
): readonly LintFinding[] {
  check('Cannot lint pod', { options }, { options: is.object });
  const secrets = readSecrets(options.secrets);
  const nodeConfig = readNodeConfig(options.nodeConfig);
  const [read, locate] = [
    createSecretReader(),
    options.nodes === undefined ? undefined : createImageLocator(options.nodes),
  ];
  const findings: LintFinding[] = [];
  const account = options.serviceAccount && readServiceAccount(options.serviceAccount, (found) => findings.push(found));
  const pods = findPods(object, 'Cannot lint pod');
  return [
    ...findings,
    ...pods.flatMap(({ pod, at, specAt }) =>
      lintOne(pod, { account, secrets, nodeConfig, read, locate }).map((found) => ({
        ...found,
        place: placeIn(found.place, at, specAt),
      })),
    ),
  ];
}

/** The place in the object that was given, of a place in the pod. */
function placeIn(place: string, at: string, specAt: string): string {
  if (place.startsWith('serviceAccount')) return place;
  const inObject = /^spec\b/.test(place) ? specAt + place.slice(4) : place;
  return at === '' || inObject === '' ? at + inObject : `${at}.${inObject}`;
}

interface Around {
  readonly account: ServiceAccountLike | undefined;
  readonly secrets: readonly SecretLike[] | undefined;
  readonly nodeConfig: readonly DockerConfigEntry[] | undefined;
  readonly read: SecretReader;
  readonly locate: ImageLocator | undefined;
}

function lintOne(pod: PodLike, { account, secrets, nodeConfig, read, locate }: Around): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  const clean = readPod(pod, (found) => findings.push(found));
  const given = account?.imagePullSecrets?.map(({ name = '' }) => name) ?? [];
  const isOwn = clean.secretNames.length > 0;
  const names = isOwn ? clean.secretNames : given;
  const root = isOwn ? 'spec.imagePullSecrets' : 'serviceAccount.imagePullSecrets';
  const namespace = clean.metadata.namespace || 'default';
  return [
    ...findings,
    ...clean.images.flatMap((image) => [...lintPodImage(image)]),
    ...lintSecretNames(names, root),
    ...lintAccountNames(clean.secretNames, given),
    ...lintAccount(clean, account),
    ...lintCredentials({ images: clean.images, names, root, namespace, secrets, nodeConfig, read }),
    ...(locate === undefined ? [] : lintPresence(clean, locate)),
  ];
}

function* lintAccount(pod: CleanPod, account: ServiceAccountLike | undefined): Generator<LintFinding> {
  const name = account?.metadata?.name || undefined;
  const wanted = pod.serviceAccountName || 'default';
  if (name === undefined || name === wanted) return;
  yield finding('SERVICE_ACCOUNT_DIFFERS', 'spec.serviceAccountName', `The pod uses ${quote(wanted)}`, name);
}

/** What is wrong inside of a secret is not for the pod to say. */
function readSecrets(secrets: Iterable<SecretLike> | undefined): readonly SecretLike[] | undefined {
  if (secrets === undefined) return undefined;
  if (!is.iterable.accepts(secrets)) {
    throw new ImageError('ERR_OPTION_INVALID', 'Cannot lint pod: option secrets must be a list');
  }
  return Array.from(secrets, (secret) => readSecret(secret, () => undefined));
}

function readNodeConfig(entries: readonly DockerConfigEntry[] | undefined): readonly DockerConfigEntry[] | undefined {
  const isList = Array.isArray(entries) && entries.every((entry) => typeof entry?.pattern === 'string');
  if (entries === undefined || isList) return entries;
  throw new ImageError('ERR_OPTION_INVALID', 'Cannot lint pod: option nodeConfig must be a list of entries');
}

const POLICIES: readonly PullPolicy[] = ['Always', 'IfNotPresent', 'Never'];

/** What is wrong with an image of a pod and its pull policy. */
function* lintPodImage(user: PodImage): Generator<LintFinding> {
  yield* lintImageText(user.image, user.place);
  const parsed = safeParseReference(user.image);
  if (parsed.ok) yield* lintTag(parsed.value, user.place);
  yield* lintPolicyName(user);
  if (parsed.ok) yield* lintPolicy(parsed.value, user);
}

function* lintTag({ tag, digest }: ImageReference, place: string): Generator<LintFinding> {
  if (tag === 'latest' && digest === undefined) yield finding('IMAGE_TAG_LATEST', place, 'The tag is latest');
  if (tag === undefined && digest === undefined) yield finding('IMAGE_TAG_IMPLIED', place, 'It stands for :latest');
  if (tag !== undefined && digest !== undefined) {
    yield finding('IMAGE_TAG_AND_DIGEST', place, `The tag ${quote(tag)} does not choose the content`);
  }
}

function* lintPolicyName({ policy, policyPlace }: PodImage): Generator<LintFinding> {
  if (policy === '' || POLICIES.some((name) => name === policy)) return;
  const meant = POLICIES.find((name) => name.toLowerCase() === policy.trim().toLowerCase());
  yield finding('POLICY_UNKNOWN', policyPlace, `There is no policy ${quote(policy)}`, meant);
}

function* lintPolicy({ tag, digest }: ImageReference, user: PodImage): Generator<LintFinding> {
  const { policy, reason } = decidePullPolicy(user.image, user.policy);
  const place = user.policyPlace;
  const isLatest = digest === undefined && (tag === undefined || tag === 'latest');
  if (policy === 'IfNotPresent' && isLatest) {
    yield finding('POLICY_KEEPS_LATEST', place, 'A node that has any latest keeps it', 'Always');
  }
  if (policy === 'Never') yield finding('POLICY_NEVER', place, 'Without the image the container never starts');
  if (policy === 'Always' && digest !== undefined) {
    const message = reason === 'explicit' ? 'The policy is Always' : 'The tag latest makes the policy Always';
    yield finding('POLICY_ALWAYS_WITH_DIGEST', place, message, 'IfNotPresent');
  }
}

/** What is wrong with the names of a list of pull secrets. */
function* lintSecretNames(names: readonly string[], root: string): Generator<LintFinding> {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    const place = `${root}[${index}].name`;
    if (name === '') yield finding('PULL_SECRET_NAME_EMPTY', place, 'The name is empty');
    else if (seen.has(name)) yield finding('PULL_SECRET_REPEATED', place, `${quote(name)} stands in the list before`);
    seen.add(name);
  }
}

/** What of a service account does not reach a pod that has pull secrets of its own. */
function* lintAccountNames(own: readonly string[], given: readonly string[]): Generator<LintFinding> {
  const kept = new Set(['', ...own]);
  const lost = [...new Set(given)].filter((name) => !kept.has(name));
  if (own.length === 0 || lost.length === 0) return;
  const message = `Not added: ${lost.map((name) => quote(name)).join(', ')}`;
  yield finding('SERVICE_ACCOUNT_SECRETS_IGNORED', 'spec.imagePullSecrets', message);
}
