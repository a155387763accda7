import { check } from '../errors/inner.js';
import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import { decidePullPolicy, type PullPolicyDecision } from './decide-pull-policy.js';
import { changeAt, podKind, workloadKind, copyWith, mapPodImages, SPEC_PATHS } from '../kubernetes/inner.js';
import { type ImageUserKind, type PodLike, type PodSpecLike, type WorkloadLike } from '../kubernetes/index.js';

/**
 * The pull policy of one container or image volume of a pod.
 *
 * @public
 */
export interface ContainerPullPolicy extends PullPolicyDecision<string> {
  /** The name of the container, or of the image volume. */
  readonly container: string;
  /** The kind of container, or `volume` for an image volume. */
  readonly kind: ImageUserKind;
  /** Where it stands in the object, such as `spec.initContainers[0]` or `spec.volumes[1].image`. */
  readonly path: string;
}

/**
 * A pod with every pull policy filled in.
 *
 * @public
 */
export interface DefaultedPod<P extends PodLike> {
  /** A new object; what did not change is shared with the input. */
  readonly pod: P;
  /** Init containers, containers, ephemeral containers, then image volumes, each in its order. */
  readonly decisions: readonly ContainerPullPolicy[];
}

/**
 * Fills in the pull policies that a pod leaves out, as the API server does when it reads one.
 *
 * Init containers, containers, ephemeral containers and image volumes follow the same rule. A policy that is there
 * stays, even if there is no such policy.
 *
 * @param pod - a pod of any origin; it is not changed
 * @returns the pod with policies, and for each container the decision and its reason
 * @example
 * ```ts
 * import { defaultPodPullPolicies } from 'kubepull/pull-policy';
 *
 * const { pod, decisions } = defaultPodPullPolicies({ spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] } });
 * decisions[0]?.policy; // 'IfNotPresent', also in pod.spec.containers[0].imagePullPolicy
 * ```
 * @see SetDefaults_Container in kubernetes pkg/apis/core/v1/defaults.go, v1.32
 * @public
 */
export function defaultPodPullPolicies<P extends PodLike>(pod: P): DefaultedPod<P> {
  check('Cannot default pull policies', { pod }, { pod: podKind });
  if (!pod.spec) return { pod: copyWith(pod, {}), decisions: [] };
  const { spec, decisions } = defaultSpec(pod.spec, 'spec');
  return { pod: copyWith(pod, { spec } as Partial<P>), decisions };
}

function defaultSpec<S extends PodSpecLike>(
  spec: S,
  at: string,
): { readonly spec: S; readonly decisions: readonly ContainerPullPolicy[] } {
  const decisions: ContainerPullPolicy[] = [];
  const defaulted = mapPodImages(spec, at, ({ kind, name, image, policy, path }) => {
    const decision = decidePullPolicy(image, policy);
    decisions.push({ ...decision, container: name, kind, path });
    return decision.reason === 'explicit' ? undefined : { policy: decision.policy };
  });
  return { spec: defaulted, decisions };
}

/**
 * An object with every pull policy of its pod template filled in.
 *
 * @public
 */
export interface DefaultedWorkload<W extends WorkloadLike> {
  /** A new object; what did not change is shared with the input. */
  readonly object: W;
  /** As of {@link DefaultedPod}, with paths from the top of the object. */
  readonly decisions: readonly ContainerPullPolicy[];
}

/**
 * Fills in the pull policies of any object that holds a pod's spec, as the API server does when it reads one: Pod,
 * PodTemplate, ReplicationController, ReplicaSet, Deployment, StatefulSet, DaemonSet, Job and CronJob.
 *
 * The controller that makes pods from a template does not decide again, so these are the policies of its pods. An object
 * without `kind`, as lists of the API hold them, is recognised by its shape.
 *
 * @param object - the object; it is not changed
 * @returns the object with policies, and the decisions
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for another kind: the API server does not look into it
 * @example
 * ```ts
 * import { defaultWorkloadPullPolicies } from 'kubepull/pull-policy';
 *
 * const deployment = { kind: 'Deployment', spec: { template: { spec: { containers: [{ name: 'web', image: 'nginx' }] } } } };
 * defaultWorkloadPullPolicies(deployment).decisions[0]?.path; // 'spec.template.spec.containers[0]'
 * ```
 * @see SetObjectDefaults_Deployment and its like in kubernetes pkg/apis/apps/v1/zz_generated.defaults.go, v1.32
 * @public
 */
export function defaultWorkloadPullPolicies<W extends WorkloadLike>(object: W): DefaultedWorkload<W> {
  check('Cannot default pull policies', { object }, { object: workloadKind });
  const kind = object.kind ?? guessKind(object);
  const path = SPEC_PATHS.get(kind);
  if (path === undefined) {
    const message = `Cannot default pull policies of kind ${quote(kind)}: the API server knows no pod template in it`;
    throw new ImageError('ERR_OPTION_INVALID', message);
  }
  const decisions: ContainerPullPolicy[] = [];
  const result = changeAt(object, path, (spec) => {
    const defaulted = defaultSpec(spec as PodSpecLike, path.join('.'));
    for (const decision of defaulted.decisions) decisions.push(decision);
    return defaulted.spec;
  });
  return { object: result as W, decisions };
}

function guessKind({ template, spec }: WorkloadLike): string {
  if (template) return 'PodTemplate';
  if (spec?.jobTemplate) return 'CronJob';
  return spec?.template ? 'Deployment' : 'Pod';
}
