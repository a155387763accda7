import { check, is } from '../errors/inner.js';
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
import { api, type ImageUser, podImages } from '../kubernetes/inner.js';
import type { PodLike, PodSpecLike, VolumeLike } from '../kubernetes/index.js';

/** What may stand beside `name` in a volume: one of these, or `image`. */
const OTHER_SOURCES =
  'awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir ephemeral fc flexVolume flocker gcePersistentDisk gitRepo glusterfs hostPath iscsi nfs persistentVolumeClaim photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume';

/**
 * How {@link validatePullPolicies} looks at an object.
 *
 * @public
 */
export interface ValidatePullPoliciesOptions {
  /**
   * Whether the spec is that of a pod, or of a template: only a pod's images may not have outer white space, and only
   * a pod's image volumes need a reference.
   *
   * @defaultValue `'pod'`
   */
  readonly object?: 'pod' | 'template' | undefined;
}

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
 * `InvalidImageName`. Pull secrets with an empty or repeated name give warnings only.
 *
 * @param pod - a pod, or a template with `object: 'template'`
 * @param options - what the object is
 * @returns the errors in the API server's order and words, and the warnings
 * @example
 * ```ts
 * import { validatePullPolicies } from 'kubepull/pull-policy';
 *
 * const pod = { metadata: { name: 'web' }, spec: { containers: [{ name: 'web', image: 'nginx', imagePullPolicy: 'always' }] } };
 * validatePullPolicies(pod).message;
 * // Pod "web" is invalid: spec.containers[0].imagePullPolicy: Unsupported value: "always": supported values: …
 * ```
 * @see validatePullPolicy, validateContainerOnlyForPod in kubernetes pkg/apis/core/validation/validation.go, v1.33
 * @public
 */
export function validatePullPolicies(pod: PodLike, options: ValidatePullPoliciesOptions = {}): PullPolicyValidation {
  check('Cannot validate a pod', { pod }, { pod: api.pod });
  check('Cannot validate a pod', options, { object: is.optional(is.oneOf('pod', 'template')) });
  const isPod = options.object !== 'template';
  const spec = pod.spec ?? {};
  const users = podImages(spec);
  const errors = [
    ...(spec.volumes ?? []).flatMap((volume, index) => volumeErrors(volume, `spec.volumes[${index}]`, isPod)),
    ...ofKind(users, 'regular').flatMap(containerErrors),
    ...ofKind(users, 'init').flatMap(containerErrors),
    ...ofKind(users, 'ephemeral').flatMap((user) => [...containerErrors(user), ...spaceErrors(user)]),
    ...(isPod ? [...ofKind(users, 'regular'), ...ofKind(users, 'init')].flatMap(spaceErrors) : []),
  ];
  const name = goQuote(pod.metadata?.name ?? '');
  const message =
    errors.length === 0 ? undefined : `Pod ${name} is invalid: ${aggregate(errors.map((e) => e.message))}`;
  return { errors, warnings: secretWarnings(spec), message };
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

function volumeErrors(volume: VolumeLike | null, at: string, isPod: boolean): readonly FieldError[] {
  const source = volume?.image;
  if (!source) return [];
  if (hasOtherSource(volume)) return [forbidden(`${at}.image`, 'may not specify more than 1 volume type')];
  return [
    ...(isPod && !source.reference ? [required(`${at}.image.reference`)] : []),
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
