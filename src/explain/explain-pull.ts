import { ImageError, InvalidConfigError, InvalidReferenceError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { goQuote, hideUserInfo, quote } from '../internal/index.js';
import { createKeyring, type LookupResult, joinKeyrings } from '../keyring/index.js';
import { lookupKind } from '../keyring/inner.js';
import {
  type ContainerPullPolicy,
  decidePull,
  defaultPodPullPolicies,
  needsImageStatus,
  type PullDecision,
} from '../pull-policy/index.js';
import { decideMustPull, type MustPullDecision } from '../image-access/index.js';
import { podCredentials } from '../image-access/inner.js';
import type { PodLike, WorkloadLike, WorkloadListLike } from '../kubernetes/index.js';
import { findPods, type FoundPod, serviceAccountKind } from '../kubernetes/inner.js';
import {
  admitServiceAccount,
  admitStaticPod,
  mergePullSecrets,
  type SecretLike,
  selectPullSecrets,
  type SkippedSecret,
} from '../pull-secrets/index.js';
import { applyDefaultTag, type ImageReference, parseImageName } from '../reference/index.js';
import type { ExplainedFailure, ExplainPullOptions, PresentImage, PullExplanation } from './types.js';

/**
 * Explains what kubelet does for the image of one container, and why: name, policy, secrets, credentials in order, and
 * whether it uses the image, pulls it or fails.
 *
 * It makes the decisions by the same functions that a pull uses, so it cannot tell another story. Kubelet looks
 * credentials up only when it needs them; here they are looked up always.
 *
 * @param object - a pod, a workload, a List, or the documents of a file as a list; nothing of it is changed. Of several pods
 * the first with such a container counts
 * @param container - the name of a container of any kind, or of an image volume
 * @param options - secrets, service account, and what the node has
 * @returns the decisions as one value; `formatExplanation` makes text of it
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when the pod has no such container, or an option is of the wrong kind
 * @example
 * ```ts
 * import { explainPull, formatExplanation } from 'kubepull/explain';
 *
 * const pod = { spec: { containers: [{ name: 'web', image: 'nginx' }] } };
 * console.log(formatExplanation(explainPull(pod, 'web')));
 * ```
 * @see EnsureImageExists in kubernetes pkg/kubelet/images/image_manager.go
 * @public
 */
export function explainPull(
  object: WorkloadLike | WorkloadListLike | readonly unknown[],
  container: string,
  options: ExplainPullOptions = {},
): PullExplanation {
  checkExplainOptions(options);
  const { pod, policy } = findContainer(object, container);
  return explainUser(pod, policy, options);
}

/** Explains the pull of one container or image volume of a pod. */
export function explainUser(pod: PodLike, policy: ContainerPullPolicy, options: ExplainPullOptions): PullExplanation {
  const { image } = policy;
  const { listedBy, admitted } = listSecrets(pod, options);
  const { found, missing, event } = selectPullSecrets(admitted, options.secrets ?? []);
  const secrets = { found: found.map(({ metadata }) => metadata?.name ?? ''), missing, message: event?.message };
  const named = readName(image);
  const credentials = readCredentials(found, named.name, options);
  const mustPull = verify(policy, options.present, credentials.lookup);
  const refusal = staticPodRefusal(pod);
  const isOpen = named.nameError !== undefined || refusal !== undefined || isUndecided(mustPull);
  const decision = isOpen ? undefined : decide(policy, options.present, mustPull);
  const partial = { policy, ...named, listedBy, secrets, ...credentials, mustPull, decision };
  return { ...partial, failure: refusal ?? failureOf(partial) };
}

/** Entries, records and the verification are checked by those who read them. */
export function checkExplainOptions(options: ExplainPullOptions): void {
  check<ExplainPullOptions>('Cannot explain a pull', options, {
    secrets: is.optional(is.iterable),
    serviceAccount: is.optional(serviceAccountKind),
    nodeConfig: is.anything,
    nodeLookup: is.optional(lookupKind),
    present: is.optional(is.shape({ imageRef: is.text, intent: is.optional(is.bool), createHasher: is.hasher })),
  });
}

/** By kubelet's order: what depends on credentials that cannot be read is no decision, neither to use nor to pull. */
function isUndecided(mustPull: MustPullDecision | undefined): boolean {
  return mustPull !== undefined && mustPull.mustPull === undefined;
}

function decide(
  { image, policy }: ContainerPullPolicy,
  present: PresentImage | undefined,
  mustPull: MustPullDecision | undefined,
): PullDecision {
  return decidePull({
    image,
    policy,
    present: present !== undefined,
    verifiesCredentials: present?.verification !== false,
    mustPull: mustPull?.mustPull ?? false,
  });
}

/** What kubelet read from a file or a URL it marks so. */
const STATIC_SOURCES: readonly unknown[] = ['file', 'http'];

function staticPodRefusal(pod: PodLike): ExplainedFailure | undefined {
  if (!STATIC_SOURCES.includes(pod.metadata?.annotations?.['kubernetes.io/config.source'])) return undefined;
  const admission = admitStaticPod(pod);
  return admission.allowed ? undefined : { reason: admission.message, message: admission.message };
}

/** Containers that a message names. */
const MAX_NAMED = 10;

/** A container or an image volume, and the pod that it is of. */
export interface FoundUser extends Omit<FoundPod, 'at' | 'kind'> {
  /** With the place in the object that was given. */
  readonly policy: ContainerPullPolicy;
}

/** Everything that uses an image in the pods of an object. */
export function findUsers(object: unknown, action: string): readonly FoundUser[] {
  return findPods(object, action).flatMap(({ pod, at, specAt }) =>
    defaultPodPullPolicies(pod).decisions.map((decision) => {
      const path = `${at === '' ? '' : `${at}.`}${specAt}${decision.path.slice('spec'.length)}`;
      return { pod, specAt, policy: { ...decision, path } };
    }),
  );
}

function findContainer(object: unknown, container: string): FoundUser {
  const wanted: unknown = container;
  const what = `Cannot explain container ${quote(String(wanted))}`;
  const all = findUsers(object, what);
  const found = all.find(({ policy }) => policy.container === container);
  if (found !== undefined) return found;
  const names = all.slice(0, MAX_NAMED).map(({ policy }) => quote(policy.container));
  if (all.length > MAX_NAMED) names.push('…');
  const has = names.length === 0 ? 'no containers' : names.join(', ');
  throw new ImageError('ERR_OPTION_INVALID', `${what}: the pod has ${has}`);
}

function listSecrets(
  pod: PodLike,
  { serviceAccount }: ExplainPullOptions,
): { readonly listedBy: PullExplanation['listedBy']; readonly admitted: PodLike } {
  if ((pod.spec?.imagePullSecrets ?? []).length > 0) return { listedBy: 'pod', admitted: pod };
  const admission = serviceAccount === undefined ? undefined : admitServiceAccount(pod, serviceAccount);
  if (admission?.allowed !== true) return { listedBy: 'none', admitted: pod };
  const given = (admission.pod.spec?.imagePullSecrets ?? []).length > 0;
  return { listedBy: given ? 'service-account' : 'none', admitted: admission.pod };
}

type Named = Pick<PullExplanation, 'name' | 'runtimeImage' | 'nameError'>;

function readName(image: string): Named {
  try {
    return { name: parseImageName(image), runtimeImage: applyDefaultTag(image), nameError: undefined };
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    return { name: undefined, runtimeImage: undefined, nameError: error };
  }
}

type Credentials = Pick<PullExplanation, 'lookup' | 'skipped' | 'configError'>;

function readCredentials(
  found: readonly SecretLike[],
  name: ImageReference | undefined,
  { nodeConfig = [], nodeLookup }: ExplainPullOptions,
): Credentials {
  let skipped: readonly SkippedSecret[] = [];
  try {
    const merged = mergePullSecrets(found);
    skipped = merged.skipped;
    const asked = nodeLookup === undefined ? [] : [{ lookup: () => nodeLookup }];
    const keyring = joinKeyrings(createKeyring(merged.entries), createKeyring(nodeConfig), ...asked);
    const lookup = name === undefined ? undefined : keyring.lookup(name);
    return { lookup, skipped, configError: undefined };
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    return { lookup: undefined, skipped, configError: error };
  }
}

function verify(
  { image, policy }: ContainerPullPolicy,
  present: PresentImage | undefined,
  lookup: LookupResult | undefined,
): MustPullDecision | undefined {
  if (present === undefined || present.verification === false || !needsImageStatus(policy)) return undefined;
  const { verification, imageRef, record, intent, createHasher } = present;
  const question = { ...verification, image, imageRef, record, intent };
  const decision = decideMustPull(question);
  if (decision.mustPull !== undefined || lookup === undefined) return decision;
  return decideMustPull({ ...question, credentials: podCredentials(lookup.candidates, createHasher) });
}

function failureOf({
  policy: { image },
  nameError,
  configError,
  decision,
  mustPull,
}: Omit<PullExplanation, 'failure'>): ExplainedFailure | undefined {
  if (nameError !== undefined) {
    const message = `Failed to apply default image tag ${goQuote(hideUserInfo(image))}: ${nameError.upstream}`;
    return { reason: 'InvalidImageName', message };
  }
  if (decision?.action === 'fail') return { reason: decision.waitingReason, message: decision.message };
  const needsCredentials = decision?.action === 'pull' || isUndecided(mustPull);
  if (configError === undefined || !needsCredentials) return undefined;
  return { reason: configError.upstream, message: configError.upstream };
}
