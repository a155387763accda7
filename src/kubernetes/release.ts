import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { releaseKind } from './kinds.js';

/**
 * A release of Kubernetes whose kubelet and API server are followed. What differs between them is one table; whatever is not
 * in it is the same in all three.
 *
 * @public
 */
export type KubernetesRelease = '1.35' | '1.36' | '1.37';

/**
 * The newest stable release, which is followed where nothing else is said.
 *
 * @public
 */
export const DEFAULT_RELEASE: KubernetesRelease = '1.36';

/**
 * Which release is followed.
 *
 * @public
 */
export interface ReleaseOptions {
  /** The Kubernetes release whose rules count. @defaultValue {@link DEFAULT_RELEASE} */
  readonly release?: KubernetesRelease | undefined;
}

/** What depends on the release. */
export interface ReleaseRules {
  /**
   * Which name of an image stands in allow lists and in records of pulls: the full one of its repository, or the bare text
   * without tag and digest. Up to 1.35 an allow list is compared with the whole text.
   */
  readonly accessName: 'repository' | 'bare';
  /** When a pull secret that is missing is an event: at every sync of its pod, or only when a pull has failed. */
  readonly missingSecrets: 'every-sync' | 'failed-pull';
  /** Whether an image volume whose image is present is an event, at every sync of its pod. */
  readonly tellsPresentVolumes: boolean;
  /** Whether a template's image volume needs a reference as a pod's does. */
  readonly templateVolumesNeedReference: boolean;
}

const RULES: Readonly<Record<KubernetesRelease, ReleaseRules>> = {
  '1.35': {
    accessName: 'repository',
    missingSecrets: 'every-sync',
    tellsPresentVolumes: true,
    templateVolumesNeedReference: false,
  },
  '1.36': {
    accessName: 'bare',
    missingSecrets: 'every-sync',
    tellsPresentVolumes: true,
    templateVolumesNeedReference: false,
  },
  '1.37': {
    accessName: 'bare',
    missingSecrets: 'failed-pull',
    tellsPresentVolumes: false,
    templateVolumesNeedReference: true,
  },
};

/** The rules of the release that options name. */
export function rulesOf(options: ReleaseOptions): ReleaseRules {
  check<ReleaseOptions>('Cannot follow a release of Kubernetes', options, { release: is.optional(releaseKind) });
  return RULES[options.release ?? DEFAULT_RELEASE];
}
