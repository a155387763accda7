import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import {
  aggregate,
  type FieldError,
  forbidden,
  goQuote,
  hasOuterSpace,
  invalid,
  required,
  unsupported,
} from '../internal/index.js';
import type { ImageUser, PodLike, PodSpecLike, ReleaseOptions, VolumeLike } from '../kubernetes/index.js';
import { podImages, podKind, releaseKind, rulesOf } from '../kubernetes/inner.js';

/** What may stand beside `name` in a volume: one of these, or `image`. */
const OTHER_SOURCES =
  'awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir ephemeral fc flexVolume flocker gcePersistentDisk gitRepo glusterfs hostPath iscsi nfs persistentVolumeClaim photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume';

/**
 * How {@link validatePullPolicies} looks at an object.
 *
 * @public
 */
export interface ValidatePullPoliciesOptions extends ReleaseOptions {
  /**
   * Whether the spec is that of a pod, or of a template: only a pod's images may not have outer white space, and up to 1.36
   * only a pod's image volumes need a reference.
   *
   * @defaultValue `'pod'`
   */
  readonly object?: 'pod' | 'template' | undefined;
  /**
   * The pod before an update, which may change images but no policy.
   *
   * @defaultValue the pod is new
   */
  readonly oldPod?: PodLike | undefined;
}

/** The server adds a list of all that would change. */
const FIXED_FIELDS =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/**
 * What the API server says to the images and pull policies of a pod.
 *
 * @public
 */
export interface PullPolicyValidation {
  /** None when the pod is accepted. */
  readonly errors: readonly FieldError[];
  /** What a client is told although the pod is accepted. */
  readonly warnings: readonly string[];
  /** The whole text of the refusal, such as `Pod "web" is invalid: …`; `undefined` when the pod is accepted. */
  readonly message: string | undefined;
}

/**
 * Validates images, pull policies and the names of pull secrets as the API server does, after it filled in defaults.
 *
 * The syntax of an image is not looked at: a pod with a malformed image is accepted, and its container waits with
 * `InvalidImageName`. Pull secrets with an empty or repeated name give warnings only. Of an update that changes a policy the
 * message ends where the server's goes on with a list of all that would change.
 *
 * @param pod - a pod, or a template with `object: 'template'`
 * @param options - what the object is, what it was before, and whose rules count
 * @returns the errors in the API server's order and words, and the warnings
 * @example
 * ```ts
 * import { validatePullPolicies } from 'kubepull/pull-policy';
 *
 * const pod = { metadata: { name: 'web' }, spec: { containers: [{ name: 'web', image: 'nginx', imagePullPolicy: 'always' }] } };
 * validatePullPolicies(pod).message;
 * // Pod "web" is invalid: spec.containers[0].imagePullPolicy: Unsupported value: "always": supported values: …
 * ```
 * @see validatePullPolicy, validateContainerOnlyForPod in kubernetes pkg/apis/core/validation/validation.go, v1.36
 * @public
 */
export function validatePullPolicies(pod: PodLike, options: ValidatePullPoliciesOptions = {}): PullPolicyValidation {
  check('Cannot validate a pod', { pod }, { pod: podKind });
  check('Cannot validate a pod', options, {
    object: is.optional(is.oneOf('pod', 'template')),
    oldPod: is.optional(podKind),
    release: is.optional(releaseKind),
  });
  const isPod = options.object !== 'template';
  const needsReference = isPod || rulesOf(options).templateVolumesNeedReference;
  const spec = pod.spec ?? {};
  const users = podImages(spec);
  const errors = [
    ...(spec.volumes ?? []).flatMap((volume, index) => volumeErrors(volume, `spec.volumes[${index}]`, needsReference)),
    ...ofKind(users, 'regular').flatMap(containerErrors),
    ...ofKind(users, 'init').flatMap(containerErrors),
    ...ofKind(users, 'ephemeral').flatMap((user) => [...containerErrors(user), ...spaceErrors(user)]),
    ...(isPod ? [...ofKind(users, 'regular'), ...ofKind(users, 'init')].flatMap(spaceErrors) : []),
    ...(changesPolicy(users, options.oldPod) ? [forbidden('spec', FIXED_FIELDS)] : []),
  ];
  const name = goQuote(pod.metadata?.name ?? '');
  const message =
    errors.length === 0 ? undefined : `Pod ${name} is invalid: ${aggregate(errors.map((e) => e.message))}`;
  return { errors, warnings: secretWarnings(spec), message };
}

/** Ephemeral containers are added by a request of their own. */
function changesPolicy(users: readonly ImageUser[], oldPod: PodLike | undefined): boolean {
  const before = new Map(podImages(oldPod?.spec).map(({ path, policy }) => [path, policy]));
  return users.some(({ path, policy }) => (before.get(path) ?? policy) !== policy);
}

function ofKind(users: readonly ImageUser[], kind: ImageUser['kind']): readonly ImageUser[] {
  return users.filter((user) => user.kind === kind);
}

function containerErrors({ image, policy, path }: ImageUser): readonly FieldError[] {
  return [...(image === '' ? [required(`${path}.image`)] : []), ...policyErrors(policy, `${path}.imagePullPolicy`)];
}

function policyErrors(policy: string, path: string): readonly FieldError[] {
  const supported = ['Always', 'IfNotPresent', 'Never'];
  if (supported.includes(policy)) return [];
  return [policy === '' ? required(path) : unsupported(path, policy, supported)];
}

function spaceErrors({ image, path }: ImageUser): readonly FieldError[] {
  const detail = 'must not have leading or trailing whitespace';
  return hasOuterSpace(image) ? [invalid(`${path}.image`, image, detail)] : [];
}

function volumeErrors(volume: VolumeLike | null, at: string, needsReference: boolean): readonly FieldError[] {
  const source = volume?.image;
  if (!source) return [];
  if (hasOtherSource(volume)) return [forbidden(`${at}.image`, 'may not specify more than 1 volume type')];
  return [
    ...(needsReference && !source.reference ? [required(`${at}.image.reference`)] : []),
    ...policyErrors(source.pullPolicy ?? '', `${at}.image.pullPolicy`),
  ];
}

function hasOtherSource(volume: object): boolean {
  const others = new Set(OTHER_SOURCES.split(' '));
  return Object.entries(volume).some(([key, value]) => others.has(key) && value !== null && value !== undefined);
}

function secretWarnings(spec: PodSpecLike): readonly string[] {
  const names = (spec.imagePullSecrets ?? []).map((secret) => secret?.name ?? '');
  const seen = new Set<string>();
  const duplicates: string[] = [];
  for (const [index, name] of names.entries()) {
    if (seen.has(name)) duplicates.push(`${nameAt(index)}: duplicate name ${goQuote(name)}`);
    seen.add(name);
  }
  const empty = names.flatMap((name, index) => (name === '' ? [`${nameAt(index)}: invalid empty name ""`] : []));
  return [...duplicates, ...empty];
}

function nameAt(index: number): string {
  return `spec.imagePullSecrets[${index}].name`;
}
