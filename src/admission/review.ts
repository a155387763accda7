import { ImageError } from '../errors/index.js';
import { check, type Kinds } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { aggregate, encodeBase64, encodeUtf8, goQuote, hideUserInfo, invalid, printable } from '../internal/index.js';
import type { ImageUser, PodLike, WorkloadLike } from '../kubernetes/index.js';
import { findPods, podImages, podKind, releaseKind, SPEC_PATHS, workloadKind } from '../kubernetes/inner.js';
import { type LeftImage, pinImages } from '../pin/index.js';
import {
  type AlwaysPullImagesOptions,
  defaultWorkloadPullPolicies,
  mutateAlwaysPullImages,
  validateAlwaysPullImages,
  validatePullPolicies,
} from '../pull-policy/index.js';
import { decideImage } from '../rules/index.js';
import { rulesKind } from '../rules/inner.js';
import type {
  AdmissionAnswer,
  AdmissionRequestLike,
  AdmissionResponse,
  AdmissionReviewLike,
  AdmissionRules,
  AdmissionStatus,
  PinnedAdmissionRules,
} from './types.js';
import { createPatch, type Operation, type Patch, type Pointer } from 'rfc6902';

const ACTION = 'Cannot review an admission request';
const API_VERSION = 'admission.k8s.io/v1';
/** A client may be shown no more of all warnings; the API server cuts single ones at this length where they are many. */
const MAX_WARNING = 256;

const text = /* @__PURE__ */ is.nullable(is.text);
const flag = /* @__PURE__ */ is.optional(is.bool);
const RULE_KINDS: Kinds<Omit<AdmissionRules, 'phase'>> = {
  images: /* @__PURE__ */ is.optional(rulesKind),
  alwaysPullImages: flag,
  defaultPolicies: flag,
  validatePolicies: flag,
  release: /* @__PURE__ */ is.optional(releaseKind),
};

/**
 * Answers an AdmissionReview of the API server: with pull policies filled in or forced, and with a refusal of images that an operator's
 * rules do not allow. Nothing is asked and nothing is kept; whatever serves HTTPS can be the webhook.
 *
 * Pods, and templates of every kind of workload that the API server has, are looked at when they are created or updated, and pods
 * that get ephemeral containers. All else is allowed as it is: other kinds, deletions, subresources without images. An image that an
 * update leaves in place is not judged again, so a pod that was there before the rules can still be labelled; `AlwaysPullImages`
 * acts on pods only, and on an update only when it brings a new image, as the plugin does.
 *
 * @param review - the body of the request, parsed
 * @param rules - what is wanted of images, and which of the two kinds of webhook it is
 * @returns the answer, with a JSON Patch where something changes
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is no AdmissionReview of version v1
 * @example
 * ```ts
 * import { review } from 'kubepull/admission';
 * import { createImageRules } from 'kubepull/rules';
 *
 * const images = createImageRules({ allow: ['registry.example.com/**'] });
 * const { response } = review(
 *   {
 *     apiVersion: 'admission.k8s.io/v1',
 *     kind: 'AdmissionReview',
 *     request: {
 *       uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
 *       kind: { group: '', version: 'v1', kind: 'Pod' },
 *       resource: { group: '', version: 'v1', resource: 'pods' },
 *       operation: 'CREATE',
 *       object: { kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [{ name: 'web', image: 'nginx' }] } },
 *     },
 *   },
 *   { phase: 'validating', images },
 * );
 * response.status?.message;
 * // 'pods "web" is forbidden: spec.containers[0].image: Invalid value: "nginx": it is allowed by no rule'
 * ```
 * @see Admit in kubernetes plugin/pkg/admission/alwayspullimages/admission.go, ToStatusErr in apiserver
 * pkg/admission/plugin/webhook/errors/statuserror.go, v1.36
 * @public
 */
export function review(review: AdmissionReviewLike, rules: AdmissionRules): AdmissionAnswer {
  check<AdmissionRules>(ACTION, rules, { ...RULE_KINDS, phase: is.oneOf('mutating', 'validating') });
  const request = readRequest(review);
  const subject = subjectOf(request);
  if (subject === undefined) return answer(request, { allowed: true });
  const outcome = rules.phase === 'mutating' ? mutate(subject, subject.object, rules) : validate(subject, rules);
  return answer(request, outcome);
}

/**
 * The same as {@link review} for a mutating webhook that also puts digests behind tags, which it has to ask for.
 *
 * What the rules refuse is refused before anything is asked. The pod of a controller has the image of its template, so a template
 * that is pinned gives pods that need no question.
 *
 * @param review - the body of the request, parsed
 * @param rules - what is wanted of images, how digests are found, and a signal: a webhook has ten seconds, or what its
 * configuration says
 * @returns the answer
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is no AdmissionReview of version v1; the signal's reason when it is
 * aborted
 * @example
 * ```ts
 * import { type AdmissionReviewLike, reviewPinned } from 'kubepull/admission';
 *
 * declare const body: AdmissionReviewLike;
 * const resolve = () => `sha256:${'0'.repeat(64)}`;
 * const { response } = await reviewPinned(body, { resolve, signal: AbortSignal.timeout(8_000) });
 * response.patchType; // 'JSONPatch'
 * ```
 * @public
 */
export async function reviewPinned(review: AdmissionReviewLike, rules: PinnedAdmissionRules): Promise<AdmissionAnswer> {
  check<PinnedAdmissionRules>(ACTION, rules, {
    ...RULE_KINDS,
    ...is.callOptions,
    resolve: is.callable,
    concurrency: is.optional(is.wholeFrom(1)),
    unresolved: is.optional(is.oneOf('refuse', 'warn')),
  });
  const { resolve, unresolved = 'refuse', signal, concurrency } = rules;
  signal?.throwIfAborted();
  const request = readRequest(review);
  const subject = subjectOf(request);
  if (subject === undefined) return answer(request, { allowed: true });
  const refused = judge(subject, rules);
  if (refused !== undefined) return answer(request, refused);
  const only = (image: string): boolean => !subject.oldImages.has(image);
  const { object, left } = await pinImages(subject.object, resolve, { signal, concurrency, only });
  const lost = left.filter(({ reason }) => reason === 'not-found' || reason === 'failed');
  if (lost.length > 0 && unresolved === 'refuse')
    return answer(
      request,
      forbid(lost.map((one) => refusal(subject, one.path, one.image, `it has no digest: ${one.message}`))),
    );
  return answer(request, withWarnings(mutate(subject, object, rules), lost.map(warningOf)));
}

function warningOf({ path, image, message }: LeftImage): string {
  return printable(`${path}: ${goQuote(image)} is not pinned: ${message}`, MAX_WARNING);
}

type Outcome = Omit<AdmissionResponse, 'uid'>;

function answer({ uid }: AdmissionRequestLike, outcome: Outcome): AdmissionAnswer {
  return { apiVersion: API_VERSION, kind: 'AdmissionReview', response: { uid, ...outcome } };
}

/** The groups of the kinds that have a pod in them. Another group may have a kind of the same name. */
const GROUPS: Readonly<Record<string, string>> = {
  ReplicaSet: 'apps',
  Deployment: 'apps',
  StatefulSet: 'apps',
  DaemonSet: 'apps',
  Job: 'batch',
  CronJob: 'batch',
};

function readRequest(body: AdmissionReviewLike): AdmissionRequestLike {
  check(ACTION, { review: body }, { review: is.object });
  const { apiVersion, kind, request } = body;
  check(ACTION, { apiVersion, kind }, { apiVersion: is.oneOf(API_VERSION), kind: is.oneOf('AdmissionReview') });
  check(ACTION, { request }, { request: REQUEST });
  return request as AdmissionRequestLike;
}

const REQUEST = /* @__PURE__ */ is.shape(
  {
    uid: is.filledText,
    kind: /* @__PURE__ */ is.shape({ group: text, version: text, kind: is.text }),
    resource: /* @__PURE__ */ is.shape({ group: text, version: text, resource: is.text }),
    subResource: text,
    name: text,
    namespace: text,
    operation: /* @__PURE__ */ is.oneOf('CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
    object: /* @__PURE__ */ is.nullable(is.object),
    oldObject: /* @__PURE__ */ is.nullable(is.object),
  },
  'the request of an AdmissionReview',
);

/** A request that is about images. */
interface Subject {
  readonly request: AdmissionRequestLike;
  readonly object: object;
  readonly oldObject: object | undefined;
  readonly isPod: boolean;
  readonly pod: PodLike;
  /** Where the spec stands in the object. */
  readonly specAt: string;
  readonly users: readonly ImageUser[];
  /** The images that are there already. */
  readonly oldImages: ReadonlySet<string>;
}

function subjectOf(request: AdmissionRequestLike): Subject | undefined {
  const { kind, operation, subResource, object, oldObject } = request;
  const isKnown = SPEC_PATHS.has(kind.kind) && (GROUPS[kind.kind] ?? '') === (kind.group ?? '');
  const isPod = kind.kind === 'Pod';
  const hasImages = !subResource || (isPod && subResource === 'ephemeralcontainers');
  if (!isKnown || !hasImages || operation === 'DELETE' || operation === 'CONNECT') return undefined;
  const old = operation === 'UPDATE' ? (oldObject ?? undefined) : undefined;
  const { pod, specAt } = readPod(object, kind.kind);
  const users = podImages(pod.spec, specAt);
  const oldImages = new Set(
    old === undefined ? [] : podImages(readPod(old, kind.kind).pod.spec).map(({ image }) => image),
  );
  return { request, object: object as object, oldObject: old, isPod, pod, specAt, users, oldImages };
}

function readPod(object: unknown, kind: string): { readonly pod: PodLike; readonly specAt: string } {
  check<Readonly<Record<string, unknown>>>(ACTION, { object }, { object: kind === 'Pod' ? podKind : workloadKind });
  const [found] = findPods({ ...(object as object), kind }, ACTION);
  if (found === undefined) throw new ImageError('ERR_OPTION_INVALID', `${ACTION}: there is no pod in the object`);
  const { pod, specAt } = found;
  return { pod: { metadata: pod.metadata, spec: pod.spec }, specAt };
}

/** What the operator's rules say to the images that are new; the API server itself refuses an image that is missing. */
function judge(subject: Subject, { images }: Pick<AdmissionRules, 'images'>): Outcome | undefined {
  if (images === undefined) return undefined;
  const refusals = subject.users.flatMap(({ image, kind, path }) => {
    if (image === '' || subject.oldImages.has(image)) return [];
    const { allowed, message } = decideImage(image, images);
    const field = kind === 'volume' ? `${path}.reference` : `${path}.image`;
    return allowed ? [] : [refusal(subject, field, hideUserInfo(image), message)];
  });
  return refusals.length === 0 ? undefined : forbid(refusals);
}

/** As the API server's plugins say it. */
function refusal({ request, pod }: Subject, path: string, image: string, message: string): string {
  const { resource, name } = request;
  const qualified = resource.group ? `${resource.resource}.${resource.group}` : resource.resource;
  const shown = name || pod.metadata?.name || pod.metadata?.generateName || 'Unknown';
  return `${qualified} ${goQuote(shown)} is forbidden: ${invalid(path, image, message).message}`;
}

function forbid(texts: readonly string[]): Outcome {
  return refuse({ status: 'Failure', code: 403, reason: 'Forbidden', message: aggregate(texts) });
}

function refuse(status: AdmissionStatus): Outcome {
  return { allowed: false, status };
}

function withWarnings(outcome: Outcome, warnings: readonly string[]): Outcome {
  return warnings.length === 0 ? outcome : { ...outcome, warnings };
}

function mutate(subject: Subject, object: object, rules: Omit<AdmissionRules, 'phase'>): Outcome {
  const refused = judge(subject, rules);
  if (refused !== undefined) return refused;
  let changed = object;
  if (rules.defaultPolicies === true) changed = defaultWorkloadPullPolicies(changed as WorkloadLike).object;
  if (rules.alwaysPullImages === true && subject.isPod)
    changed = mutateAlwaysPullImages(changed as PodLike, alwaysPullOptions(subject)).pod;
  const patch = createJsonPatch(subject.object, changed);
  if (patch.length === 0) return { allowed: true };
  return { allowed: true, patchType: 'JSONPatch', patch: encodeBase64(encodeUtf8(JSON.stringify(patch))) };
}

function alwaysPullOptions({ request, oldObject }: Subject): AlwaysPullImagesOptions {
  return { oldPod: oldObject, subresource: request.subResource ?? undefined };
}

/** First what the API server's own validation says, then the plugins. */
function validate(subject: Subject, rules: AdmissionRules): Outcome {
  const { invalid: message, warnings } = rules.validatePolicies === true ? findInvalid(subject, rules) : NOTHING;
  if (message !== undefined)
    return withWarnings(refuse({ status: 'Failure', code: 422, reason: 'Invalid', message }), warnings);
  const always =
    rules.alwaysPullImages === true && subject.isPod
      ? validateAlwaysPullImages(subject.pod, alwaysPullOptions(subject)).errors
      : [];
  return withWarnings((always.length > 0 ? forbid(always) : judge(subject, rules)) ?? { allowed: true }, warnings);
}

interface Invalid {
  readonly invalid: string | undefined;
  readonly warnings: readonly string[];
}

const NOTHING: Invalid = { invalid: undefined, warnings: [] };

function findInvalid({ request, pod, oldObject, isPod, specAt }: Subject, { release }: AdmissionRules): Invalid {
  const oldPod = isPod ? oldObject : undefined;
  const result = validatePullPolicies(pod, { object: isPod ? 'pod' : 'template', oldPod, release });
  // What is said of a pod's spec holds for a template's, at its place.
  const placed = ({ message }: { readonly message: string }): string => specAt + message.slice('spec'.length);
  const { kind, group } = request.kind;
  const name = goQuote(request.name || pod.metadata?.name || '');
  const warnings = result.warnings.map((message) => placed({ message }));
  if (result.errors.length === 0) return { invalid: undefined, warnings };
  return {
    invalid: `${group ? `${kind}.${group}` : kind} ${name} is invalid: ${aggregate(result.errors.map(placed))}`,
    warnings,
  };
}

/**
 * The JSON Patch from an object to a copy of it with members changed. Lists of the same length are compared item by item: the library's
 * search for the shortest change of a list takes the square of its length, and nothing here adds or removes items.
 */
function createJsonPatch(from: unknown, to: unknown): Patch {
  return createPatch(from, to, diff);
}

function diff(from: unknown, to: unknown, at: Pointer): Operation[] | undefined {
  // What is the same is not looked into, however deep it nests: a copy shares all that did not change.
  if (from === to) return [];
  if (!Array.isArray(from) || !Array.isArray(to) || from.length !== to.length) return undefined;
  return from.flatMap((item: unknown, index) =>
    createJsonPatch(item, to[index]).map((step) => ({ ...step, path: at.add(String(index)).toString() + step.path })),
  );
}
