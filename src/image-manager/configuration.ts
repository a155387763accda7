import { ImageError, InvalidConfigError } from '../errors/index.js';
import { aggregate } from '../internal/index.js';
import {
  type AllowlistRelease,
  type CredentialVerificationPolicy,
  DEFAULT_VERIFICATION_POLICY,
  parseAllowlist,
  requiresCredentialVerification,
  type VerificationOptions,
} from '../image-access/index.js';

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
   * Pulls that may be begun at once after a quiet time.
   *
   * @defaultValue {@link DEFAULT_REGISTRY_BURST}
   */
  readonly registryBurst?: number | undefined;
  /**
   * For which images that are present a pod must show credentials.
   *
   * @defaultValue `'NeverVerifyPreloadedImages'`
   */
  readonly imagePullCredentialsVerificationPolicy?: CredentialVerificationPolicy | undefined;
  /** Images exempted by `NeverVerifyAllowlistedImages`. @defaultValue none */
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

/** Checks as kubelet does at its start: all faults of numbers at once, then those of the verification policy. */
export function checkConfiguration(
  configuration: PullConfiguration & { readonly allowlistRelease?: AllowlistRelease | undefined },
): CheckedConfiguration {
  const { registryPullQPS: qps = DEFAULT_REGISTRY_PULL_QPS, registryBurst: burst = DEFAULT_REGISTRY_BURST } =
    configuration;
  const faults = [...numberFaults(configuration, qps, burst), ...parallelFaults(configuration)];
  if (faults.length > 0) throw refuseConfiguration(aggregate(faults));
  const { KubeletEnsureSecretPulledImages: verifies = true, RuntimeClassInImageCriApi: usesRuntimeClass = false } =
    configuration.featureGates ?? {};
  const verification = verifies ? checkVerification(configuration) : undefined;
  return { parallel: parallelPulls(configuration), qps, burst, verification, usesRuntimeClass };
}

export function refuseConfiguration(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot create the image manager: ${reason}`);
}

function numberFaults({ maxParallelImagePulls: parallel }: PullConfiguration, qps: number, burst: number): string[] {
  const named = [
    ['maxParallelImagePulls', parallel],
    ['registryBurst', burst],
    ['registryPullQPS', qps],
  ] as const;
  const odd = named.find(([, value]) => value !== undefined && !Number.isSafeInteger(value));
  if (odd !== undefined) return [`invalid configuration: ${odd[0]} ${String(odd[1])} must be a whole number`];
  return [
    ...(burst < 0
      ? [`invalid configuration: registryBurst (--registry-burst) ${burst} must not be a negative number`]
      : []),
    ...(qps < 0
      ? [`invalid configuration: registryPullQPS (--registry-qps) ${qps} must not be a negative number`]
      : []),
  ];
}

function parallelFaults({ serializeImagePulls, maxParallelImagePulls: parallel }: PullConfiguration): string[] {
  if (parallel === undefined || !Number.isSafeInteger(parallel)) return [];
  if (parallel < 1) return [`invalid configuration: maxParallelImagePulls ${parallel} must be a positive number`];
  if (serializeImagePulls !== true || parallel === 1) return [];
  const unless = 'unless SerializeImagePulls (--serialize-image-pulls) is set to false';
  return [`invalid configuration: maxParallelImagePulls cannot be larger than 1 ${unless}`];
}

/** One at a time is what kubelet does when it is told neither. */
function parallelPulls({ serializeImagePulls, maxParallelImagePulls: parallel = Infinity }: PullConfiguration): number {
  const serial = serializeImagePulls ?? (parallel === Infinity || parallel < 2);
  return serial ? 1 : parallel;
}

function checkVerification(
  configuration: PullConfiguration & { readonly allowlistRelease?: AllowlistRelease | undefined },
): VerificationOptions {
  const policy = configuration.imagePullCredentialsVerificationPolicy ?? DEFAULT_VERIFICATION_POLICY;
  try {
    const allowlist = parseAllowlist(configuration.preloadedImagesVerificationAllowlist ?? []);
    const verification = { policy, allowlist, release: configuration.allowlistRelease };
    // Any question does: it refuses a policy that does not exist.
    requiresCredentialVerification('', false, verification);
    return verification;
  } catch (error) {
    if (error instanceof InvalidConfigError) throw error;
    throw refuseConfiguration(`unknown image pull credential verification policy: ${policy}`);
  }
}
