import { ImageError, InvalidConfigError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import {
  type AllowlistPattern,
  type CredentialVerificationPolicy,
  DEFAULT_VERIFICATION_POLICY,
  parseAllowlist,
  type VerificationOptions,
} from '../image-access/index.js';
import { aggregate, goQuote, printable } from '../internal/index.js';
import type { ReleaseOptions } from '../kubernetes/index.js';

/** Kubelet's `registryPullQPS` when its configuration does not say. @public */
export const DEFAULT_REGISTRY_PULL_QPS = 5;

/** Kubelet's `registryBurst` when its configuration does not say. @public */
export const DEFAULT_REGISTRY_BURST = 10;

/**
 * The fields of a `KubeletConfiguration` that concern pulls, under their own names.
 *
 * @public
 */
export interface PullConfiguration {
  /**
   * Whether images are pulled one after the other.
   *
   * @defaultValue `true`, or `false` when `maxParallelImagePulls` is 2 or more
   */
  readonly serializeImagePulls?: boolean | undefined;
  /**
   * How many images are pulled at the same time, at most.
   *
   * @defaultValue no limit, when images are not pulled one after the other
   */
  readonly maxParallelImagePulls?: number | undefined;
  /**
   * Pulls per second; 0 for no limit. A pull beyond it fails at once.
   *
   * @defaultValue {@link DEFAULT_REGISTRY_PULL_QPS}
   */
  readonly registryPullQPS?: number | undefined;
  /**
   * Pulls that may be begun at once after a quiet time; 0 counts as not set.
   *
   * @defaultValue {@link DEFAULT_REGISTRY_BURST}
   */
  readonly registryBurst?: number | undefined;
  /**
   * For which images that are present a pod must show credentials. An empty text counts as not set.
   *
   * @defaultValue `'NeverVerifyPreloadedImages'`
   */
  readonly imagePullCredentialsVerificationPolicy?: CredentialVerificationPolicy | '' | undefined;
  /** Images exempted by `NeverVerifyAllowlistedImages`; may be set with that policy only. @defaultValue none */
  readonly preloadedImagesVerificationAllowlist?: readonly string[] | undefined;
  /** Feature gates. @defaultValue those of kubelet 1.35 */
  readonly featureGates?: ImageFeatureGates | undefined;
}

/**
 * Kubelet's feature gates that concern pulls.
 *
 * @public
 */
export interface ImageFeatureGates {
  /**
   * Whether records of pulls are kept, and credentials are verified for images that are present.
   *
   * @defaultValue `true`
   */
  readonly KubeletEnsureSecretPulledImages?: boolean | undefined;
  /**
   * Whether the handler of the pod's RuntimeClass is given to the runtime.
   *
   * @defaultValue `false`
   */
  readonly RuntimeClassInImageCriApi?: boolean | undefined;
}

/** The configuration with what follows from it. */
export interface CheckedConfiguration {
  /** Pulls at the same time; `Infinity` for no limit. */
  readonly parallel: number;
  readonly qps: number;
  readonly burst: number;
  /** `undefined` while the gate is off. */
  readonly verification: VerificationOptions | undefined;
  readonly usesRuntimeClass: boolean;
}

/**
 * Checks as kubelet does at its start, and gives all faults at once. Where Go cannot tell a zero value from none, it is the
 * default here as well.
 *
 * @see ValidateKubeletConfiguration in kubernetes pkg/kubelet/apis/config/validation/validation.go, v1.36
 */
export function checkConfiguration(configuration: PullConfiguration & ReleaseOptions): CheckedConfiguration {
  checkKinds(configuration);
  const { registryPullQPS, registryBurst } = configuration;
  const qps = registryPullQPS ?? DEFAULT_REGISTRY_PULL_QPS;
  const burst = registryBurst === 0 ? DEFAULT_REGISTRY_BURST : (registryBurst ?? DEFAULT_REGISTRY_BURST);
  const access = checkAccess(configuration);
  const faults = [...numberFaults(configuration, qps, burst), ...parallelFaults(configuration), ...access.faults];
  if (faults.length > 0) throw refuseConfiguration(aggregate(faults.map((fault) => `invalid configuration: ${fault}`)));
  const usesRuntimeClass = configuration.featureGates?.RuntimeClassInImageCriApi ?? false;
  return { parallel: parallelPulls(configuration), qps, burst, verification: access.verification, usesRuntimeClass };
}

/** Numbers are judged with kubelet's words. YAML may have `null` for what is not set. */
function checkKinds(configuration: PullConfiguration): void {
  check<Omit<PullConfiguration, 'maxParallelImagePulls' | 'registryPullQPS' | 'registryBurst'>>(ACTION, configuration, {
    serializeImagePulls: is.nullable(is.bool),
    imagePullCredentialsVerificationPolicy: is.nullable(is.text),
    preloadedImagesVerificationAllowlist: is.nullable(is.listOf(is.text)),
    featureGates: is.nullable(
      is.shape({
        KubeletEnsureSecretPulledImages: is.nullable(is.bool),
        RuntimeClassInImageCriApi: is.nullable(is.bool),
      }),
    ),
  });
}

const ACTION = 'Cannot create the image manager';

/** Longer than any fault that is not somebody's text. */
const MAX_REASON = 4_096;

export function refuseConfiguration(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `${ACTION}: ${printable(reason, MAX_REASON)}`);
}

function numberFaults({ maxParallelImagePulls: parallel }: PullConfiguration, qps: number, burst: number): string[] {
  const named = [
    ['maxParallelImagePulls', parallel],
    ['registryBurst', burst],
    ['registryPullQPS', qps],
  ] as const;
  const odd = named.find(([, value]) => (value ?? undefined) !== undefined && !Number.isSafeInteger(value));
  if (odd !== undefined) return [`${odd[0]} ${String(odd[1])} must be a whole number`];
  return [
    ...(burst < 0 ? [`registryBurst (--registry-burst) ${burst} must not be a negative number`] : []),
    ...(qps < 0 ? [`registryPullQPS (--registry-qps) ${qps} must not be a negative number`] : []),
  ];
}

function parallelFaults({ serializeImagePulls, maxParallelImagePulls: parallel }: PullConfiguration): string[] {
  if (!isNumber(parallel) || !Number.isSafeInteger(parallel)) return [];
  if (parallel < 1) return [`maxParallelImagePulls ${parallel} must be a positive number`];
  if (serializeImagePulls !== true || parallel === 1) return [];
  const unless = 'unless SerializeImagePulls (--serialize-image-pulls) is set to false';
  return [`maxParallelImagePulls cannot be larger than 1 ${unless}`];
}

/** YAML may have `null` for what is not set. */
function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number';
}

/** One at a time is what kubelet does when it is told neither. */
function parallelPulls({ serializeImagePulls, maxParallelImagePulls }: PullConfiguration): number {
  const parallel = maxParallelImagePulls ?? Infinity;
  const serial = serializeImagePulls ?? (parallel === Infinity || parallel < 2);
  return serial ? 1 : parallel;
}

const GATE = 'KubeletEnsureSecretPulledImages';
const POLICY = 'imagePullCredentialsVerificationPolicy';
const ALLOWLIST = 'preloadedImagesVerificationAllowlist';
const POLICIES: readonly string[] = [
  'NeverVerify',
  'NeverVerifyPreloadedImages',
  'NeverVerifyAllowlistedImages',
  'AlwaysVerify',
] satisfies readonly CredentialVerificationPolicy[];

interface CheckedAccess {
  readonly faults: readonly string[];
  /** `undefined` while the gate is off. */
  readonly verification: VerificationOptions | undefined;
}

function checkAccess(configuration: PullConfiguration & ReleaseOptions): CheckedAccess {
  const { imagePullCredentialsVerificationPolicy: given, featureGates, release } = configuration;
  const patterns = configuration.preloadedImagesVerificationAllowlist ?? [];
  if (featureGates?.[GATE] === false) {
    const unset = [...(given ? [POLICY] : []), ...(patterns.length > 0 ? [ALLOWLIST] : [])];
    const faults = unset.map((name) => `\`${name}\` must not be set if ${GATE} feature gate is not enabled`);
    return { faults, verification: undefined };
  }
  const policy = given || DEFAULT_VERIFICATION_POLICY;
  const { faults, allowlist } = checkAllowlist(patterns, policy, { release });
  return { faults: [...policyFaults(policy), ...faults], verification: { policy, allowlist, release } };
}

function policyFaults(policy: string): readonly string[] {
  if (POLICIES.includes(policy)) return [];
  const given: unknown = policy;
  const [last = '', ...others] = POLICIES.map((name) => goQuote(name)).toReversed();
  const valid = `${others.toReversed().join(', ')} or ${last}`;
  return [`option ${goQuote(String(given))} specified for ${POLICY}. Valid options are ${valid}`];
}

function checkAllowlist(
  patterns: readonly string[],
  policy: string,
  options: ReleaseOptions,
): { readonly faults: readonly string[]; readonly allowlist: readonly AllowlistPattern[] } {
  const needed = 'NeverVerifyAllowlistedImages';
  if (patterns.length > 0 && policy !== needed) {
    // The misspelt name is kubelet's.
    const fault = `can't set \`${ALLOWLIST}\` if \`imagePullCredentialsVertificationPolicy\` is not ${goQuote(needed)}`;
    return { faults: [fault], allowlist: [] };
  }
  try {
    return { faults: [], allowlist: parseAllowlist(patterns, options) };
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    return { faults: [`invalid image pattern in \`${ALLOWLIST}\`: ${error.upstream}`], allowlist: [] };
  }
}
