// The playground's answer as plain data: every value is what a function of the library gave. No part of it knows of a page.
import { findPods } from '../../src/kubernetes/inner.ts';
import { recordedCredentials } from '../../src/image-access/inner.ts';
import { type Found, isPullSecret, labelOf, podOfImage, surroundingsOf } from '../../src/cli/input.ts';
import { type BackoffStep, planBackoff } from 'kubepull/backoff';
import { type CreateHasher, parseDigest } from 'kubepull/digest';
import { formatCredentialSource } from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import { formatExplanation, type PresentImage, type PullExplanation } from 'kubepull/explain';
import { type ContainerExplanation, explainFailure, explainPod, type FailureExplanation } from 'kubepull/failures';
import { recordPull, toRecordedName } from 'kubepull/image-access';
import type { LookupResult } from 'kubepull/keyring';
import type { KubernetesRelease, PodLike } from 'kubepull/kubernetes';
import { lintDockerConfig, type LintFinding, lintPod, lintPullSecret } from 'kubepull/lint';
import { defaultPodPullPolicies } from 'kubepull/pull-policy';
import { admitServiceAccount, type SecretLike } from 'kubepull/pull-secrets';
import type { ImageReference } from 'kubepull/reference';
import { compareDialects, type DialectRow, type ReleaseColumn, toColumn } from './compare.ts';
import { describeContainer, type Description, PULLED_REF } from './describe.ts';
import { errorTextOf, isSameImage } from './error-text.ts';
import { createMasker } from './mask.ts';
import { type Inputs, type Problem, readInputs, type ReadInputs, RELEASES } from './inputs.ts';

/** A part of an image's name; `isImplied` when it is not written and is filled in. */
export interface NamePart {
  readonly part: 'registry' | 'repository' | 'tag' | 'digest';
  readonly text: string;
  readonly isImplied: boolean;
}

/** A credential that is tried. */
export interface Rung {
  readonly rank: number;
  readonly key: string;
  readonly source: string;
  readonly rule: string;
  readonly cutsSegment: boolean;
}

/** A credential that is not tried. */
export interface RejectedRung {
  readonly key: string;
  readonly source: string;
  readonly reason: string;
}

/** Everything about one image. */
export interface ImageView {
  /** Such as `Deployment shop/web`. */
  readonly object: string;
  /** Whether there is no pod, and only a message names the image. */
  readonly isBare: boolean;
  readonly namespace: string;
  readonly container: string;
  readonly kind: string;
  readonly path: string;
  readonly image: string;
  readonly nameParts: readonly NamePart[];
  readonly nameError: { readonly message: string; readonly suggestion: string | undefined } | undefined;
  readonly runtimeImage: string | undefined;
  readonly policy: { readonly policy: string; readonly reason: string };
  readonly listedBy: PullExplanation['listedBy'];
  readonly secrets: PullExplanation['secrets'];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly configError: string | undefined;
  readonly rungs: readonly Rung[];
  readonly rejected: readonly RejectedRung[];
  readonly mustPull: { readonly mustPull: boolean | undefined; readonly reason: string } | undefined;
  readonly decision: { readonly action: string; readonly reason: string } | undefined;
  /** The container waits without a pull. */
  readonly failure: PullExplanation['failure'];
  /** What the node says has happened. */
  readonly told: FailureExplanation | undefined;
  readonly description: Description | undefined;
  readonly dialects: readonly DialectRow[];
  readonly releases: readonly ReleaseColumn[];
  /** The library's own text for a ticket. */
  readonly text: string;
}

/** A finding, and the object that it is about. */
export type FindingView = LintFinding & { readonly object: string };

/** The whole answer. */
export interface View {
  readonly problems: readonly Problem[];
  readonly images: readonly ImageView[];
  readonly findings: readonly FindingView[];
  /** The cause that a message tells which names no image of the objects. */
  readonly told: FailureExplanation | undefined;
  readonly backoff: readonly BackoffStep[];
}

const BACKOFF_STEPS = 7;

/**
 * Explains what was put in.
 *
 * @throws {@link ImageError} when a part of it is of a kind that no function takes
 */
export async function buildView(inputs: Inputs): Promise<View> {
  const read = await readInputs(inputs);
  const said = inputs.message.trim() === '' ? undefined : explainFailure(inputs.message);
  const images: ImageView[] = [];
  const isBare = read.input.pods.length === 0 && said?.image !== undefined;
  const pods = isBare ? [podOfImage(said.image)] : read.input.pods;
  for (const found of pods) images.push(...(await explainObject(found, read, inputs, isBare)));
  const owner = said && ownerOf(said, images);
  return {
    problems: read.problems,
    images: images.map((image) => (image === owner ? { ...image, told: said } : image)),
    findings: listFindings(read, inputs, images),
    told: owner === undefined ? said : undefined,
    backoff: Array.from({ length: BACKOFF_STEPS }, nextOf(planBackoff())),
  };
}

/** The image that a message is about: the one that it names, or the only one where it names none. */
function ownerOf({ image: named }: FailureExplanation, images: readonly ImageView[]): ImageView | undefined {
  if (named !== undefined) return images.find(({ image }) => isSameImage(image, named));
  return images.length === 1 ? images[0] : undefined;
}

function nextOf<T>(values: Iterator<T, never>): () => T {
  return () => values.next().value;
}

async function explainObject(
  found: Found<object>,
  { input, entries }: ReadInputs,
  inputs: Inputs,
  isBare: boolean,
): Promise<readonly ImageView[]> {
  const createHasher = createNumbering();
  const secrets = input.secrets.map(({ object }) => object);
  const around = {
    secrets,
    serviceAccounts: input.accounts.map(({ object }) => object),
    events: input.events,
    nodeConfig: entries,
  };
  const bare = explainPod(found.object, around);
  const images: ImageView[] = [];
  for (const [at, { pull }] of bare.entries()) {
    const presentIn = (release: KubernetesRelease): PresentImage | undefined =>
      presentOf(inputs, pull, release, createHasher);
    const explainIn = (release: KubernetesRelease): ContainerExplanation | undefined =>
      explainPod(found.object, { ...around, present: () => presentIn(release) })[at];
    const explained = explainIn(inputs.release);
    if (explained === undefined) continue;
    const pod = admittedPod(found, input);
    const said = errorTextOf(pull.policy.image, inputs.message, found.object, input.events);
    // The events repeat it on the page.
    const errorText = said && createMasker().mask(said).text;
    const describeIn = async (release: KubernetesRelease): Promise<Description | undefined> => {
      const present = presentIn(release);
      const record = present?.record === 'unreadable' ? undefined : present?.record;
      return orNothing(
        describeContainer({
          pod,
          policy: pull.policy,
          secrets,
          entries,
          present: present && { imageRef: present.imageRef, record },
          release,
          createHasher,
          errorText,
        }),
      );
    };
    images.push({
      ...toImageView(labelOf(found), explained),
      isBare,
      description: await describeIn(inputs.release),
      dialects: compareDialects(explained.pull, entries),
      releases: await Promise.all(
        RELEASES.map(async (release) => toColumn(release, explainIn(release)?.pull, await describeIn(release))),
      ),
    });
  }
  return images;
}

/** What kubelet cannot be asked at all has no events. */
async function orNothing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isImageError(error)) return undefined;
    throw error;
  }
}

/** As the API server stores it: with policies, and with the secrets of the service account unless it was admitted before. */
function admittedPod(found: Found<object>, { accounts, secrets }: ReadInputs['input']): PodLike {
  const [first] = findPods(found.object, 'Cannot explain');
  const { pod } = defaultPodPullPolicies(first?.pod ?? {});
  if (first?.specAt === 'spec' && Boolean(pod.metadata?.uid)) return pod;
  const { serviceAccount } = surroundingsOf(found, { accounts, secrets });
  if (serviceAccount === undefined) return pod;
  const admission = admitServiceAccount(pod, serviceAccount);
  return admission.allowed ? admission.pod : pod;
}

/** What the node has, with the record that kubelet would have written of the pull. */
function presentOf(
  { node }: Inputs,
  { policy: { image }, lookup, name }: PullExplanation,
  release: KubernetesRelease,
  createHasher: CreateHasher,
): PresentImage | undefined {
  if (node === 'absent' || name === undefined) return undefined;
  const base = { imageRef: PULLED_REF, createHasher, verification: { release } };
  if (node === 'preloaded') return base;
  const used = node === 'pulled-same' ? lookup?.candidates[0] : undefined;
  const foreign = { uid: 'another', namespace: 'another', name: 'another', credentialHash: 'f'.repeat(64) };
  const credentials =
    node === 'pulled-other'
      ? { kubernetesSecrets: [foreign], kubernetesServiceAccounts: [], nodePodsAccessible: false }
      : recordedCredentials(used, createHasher);
  const recorded = { imageRef: PULLED_REF, name: toRecordedName(image, { release }), credentials, at: 0 };
  return { ...base, record: recordPull(undefined, recorded) };
}

function toImageView(
  object: string,
  { namespace, pull, failure: told }: ContainerExplanation,
): Omit<ImageView, 'isBare' | 'description' | 'dialects' | 'releases'> {
  const { policy, name, nameError, runtimeImage, listedBy, secrets, skipped, configError } = pull;
  const { lookup, mustPull, decision, failure } = pull;
  return {
    object,
    namespace,
    container: policy.container,
    kind: policy.kind,
    path: policy.path,
    image: policy.image,
    nameParts: name === undefined ? [] : partsOf(name, policy.image, runtimeImage),
    nameError: nameError && { message: nameError.message, suggestion: nameError.suggestion },
    runtimeImage,
    policy: { policy: policy.policy, reason: policy.reason },
    listedBy,
    secrets,
    skipped: skipped.map((secret) => ({ name: secret.name, reason: secret.reason })),
    configError: configError?.message,
    rungs: rungsOf(lookup),
    rejected: (lookup?.rejected ?? []).map(({ key, entry, reason }) => ({
      key: key ?? entry.pattern,
      source: formatCredentialSource(entry.source),
      reason,
    })),
    mustPull: mustPull && { mustPull: mustPull.mustPull, reason: mustPull.reason },
    decision: decision && { action: decision.action, reason: decision.reason },
    failure,
    told,
    text: formatExplanation(pull),
  };
}

function rungsOf(lookup: LookupResult | undefined): readonly Rung[] {
  return (lookup?.candidates ?? []).map(({ rank, key, entry, rule, cutsSegment }) => ({
    rank,
    key,
    source: formatCredentialSource(entry.source),
    rule,
    cutsSegment,
  }));
}

/** Where Docker Hub has its own images. */
const LIBRARY = 'library/';

/** The parts in their order. What is not written is what Kubernetes and the runtime fill in. */
function partsOf(
  { domain, path, tag, digest }: ImageReference,
  image: string,
  runtimeImage: string | undefined,
): readonly NamePart[] {
  const hasTag = tag !== undefined;
  const defaultTag = digest === undefined ? /:([^:/@]+)$/u.exec(runtimeImage ?? '')?.[1] : undefined;
  const shownTag = tag ?? defaultTag;
  const isShort = path.startsWith(LIBRARY) && !image.includes(LIBRARY);
  const parts: NamePart[] = [{ part: 'registry', text: domain, isImplied: !image.startsWith(`${domain}/`) }];
  if (isShort) parts.push({ part: 'repository', text: LIBRARY, isImplied: true });
  parts.push({ part: 'repository', text: isShort ? path.slice(LIBRARY.length) : path, isImplied: false });
  if (shownTag !== undefined)
    parts.push({ part: 'tag', text: shownTag, isImplied: !hasTag || !image.includes(`:${shownTag}`) });
  if (digest !== undefined) parts.push({ part: 'digest', text: digest, isImplied: false });
  return parts;
}

function listFindings(
  { input, entries }: ReadInputs,
  { nodeConfig }: Inputs,
  images: readonly ImageView[],
): readonly FindingView[] {
  const of = (object: string, findings: readonly LintFinding[]): readonly FindingView[] =>
    findings.map((finding) => ({ ...finding, object }));
  const configs = [
    ...input.dockerConfigs.map(({ bytes }) => of('Docker config', lintDockerConfig(bytes))),
    ...(nodeConfig.trim() === '' ? [] : [of('config.json of the node', lintDockerConfig(nodeConfig))]),
  ];
  const secrets = input.secrets.filter((secret) => isPullSecret(secret, input));
  return [
    ...configs.flat(),
    ...secrets.flatMap((secret) => of(labelOf(secret), lintForImages(secret, images))),
    ...input.pods.flatMap((pod) => {
      const around = surroundingsOf(pod, input);
      return of(
        labelOf(pod),
        lintPod(pod.object, { ...around, nodeConfig: entries.length === 0 ? undefined : entries }),
      );
    }),
  ];
}

/** A secret, looked at for each image of a pod that lists it: only so is a key seen that misses by a little. */
function lintForImages(
  { object, namespace, name }: Found<SecretLike>,
  images: readonly ImageView[],
): readonly LintFinding[] {
  const users = images.filter((image) => image.namespace === namespace && image.secrets.found.includes(name));
  const wanted = users.length === 0 ? [undefined] : users.map(({ image }) => image);
  const findings = wanted.flatMap((image) => lintPullSecret(object, { image }));
  // Of a pod the same is told by its own findings.
  const own = findings.filter(({ code }) => users.length === 0 || code !== 'IMAGE_NOT_COVERED');
  return [...new Map(own.map((finding) => [JSON.stringify(finding), finding])).values()];
}

/**
 * A hasher for one answer: it numbers what it is given. Kubelet's hashes of credentials are only compared with each other here, and
 * are shown to nobody.
 */
function createNumbering(): CreateHasher {
  const numbers = new Map<string, number>();
  return (algorithm) => {
    let text = '';
    return {
      update(chunk) {
        text += `${chunk.join()},`;
      },
      digest() {
        const number = numbers.get(text) ?? numbers.size + 1;
        numbers.set(text, number);
        const length = { sha256: 64, sha384: 96, sha512: 128 }[algorithm];
        return parseDigest(`${algorithm}:${number.toString(16).padStart(length, '0')}`);
      },
    };
  };
}
