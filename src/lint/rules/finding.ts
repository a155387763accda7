import type { DockerConfigEntry } from '../../docker-config/index.js';
import type { SecretLike, ServiceAccountLike } from '../../pull-secrets/index.js';
import type { LintCode } from './codes.js';

/**
 * How bad a finding is: an `error` makes an entry, a secret or an image useless; a `warning` is probably not what was
 * meant; an `info` is worth knowing.
 *
 * @public
 */
export type LintSeverity = 'error' | 'warning' | 'info';

/**
 * A rule of the linters.
 *
 * @public
 */
export interface LintRule {
  /** The code of the rule. */
  readonly code: LintCode;
  /** How bad its findings are. */
  readonly severity: LintSeverity;
  /** What is wrong, in general. */
  readonly title: string;
  /** What to do about it. */
  readonly cure: string;
}

/**
 * A fault that a linter found. No part of it holds a user name, a password or a token: it is fit for logs.
 *
 * @public
 */
export interface LintFinding {
  /** The code of the rule that found it. */
  readonly code: LintCode;
  /** How bad it is: `error`, `warning` or `info`. */
  readonly severity: LintSeverity;
  /** Where it is, such as `auths["foo.com/*"]` or `spec.containers[0].image`; empty for the whole input. */
  readonly place: string;
  /** What is wrong here. */
  readonly message: string;
  /** What to do about it. */
  readonly cure: string;
  /** What to write instead of the key, image, type or policy at fault, when that is clear. */
  readonly suggestion: string | undefined;
}

/**
 * How {@link lintDockerConfig} looks at a document.
 *
 * @public
 */
export interface LintDockerConfigOptions {
  /**
   * `dockercfg` is the old form without the level `auths`.
   *
   * @defaultValue `'dockerconfigjson'`
   */
  readonly format?: 'dockerconfigjson' | 'dockercfg' | undefined;
  /**
   * An image that the document should have a credential for, such as `r.example/team/app:1`.
   *
   * @defaultValue none: keys are looked at by themselves
   */
  readonly image?: string | undefined;
}

/**
 * How {@link lintPullSecret} looks at a secret.
 *
 * @public
 */
export interface LintPullSecretOptions {
  /** An image that the secret should have a credential for. @defaultValue none: keys are looked at by themselves */
  readonly image?: string | undefined;
}

/**
 * What surrounds the pod that {@link lintPod} looks at.
 *
 * @public
 */
export interface LintPodOptions {
  /** The secrets at hand, of any namespace; without them nothing is said of the secrets that the pod names. */
  readonly secrets?: Iterable<SecretLike> | undefined;
  /** The pod's service account, whose pull secrets a pod without its own gets when it is created. @defaultValue none */
  readonly serviceAccount?: ServiceAccountLike | undefined;
  /** The entries of the node's docker config. @defaultValue none */
  readonly nodeConfig?: readonly DockerConfigEntry[] | undefined;
  /**
   * The nodes of the cluster, with the images that their status lists; without them nothing is said of where an image is.
   *
   * @defaultValue none
   */
  readonly nodes?: Iterable<NodeLike> | undefined;
}

/**
 * What is read of a node. Objects of `@kubernetes/client-node` and parsed JSON fit.
 *
 * @public
 */
export interface NodeLike {
  /** The name and the labels of the node. */
  readonly metadata?:
    | {
        readonly name?: string | undefined;
        readonly labels?: Readonly<Record<string, string>> | undefined;
      }
    | undefined;
  /** The images that the node reports to have. */
  readonly status?:
    | {
        /** Kubelet lists the fifty largest images, unless `nodeStatusMaxImages` says otherwise. */
        readonly images?: readonly { readonly names?: readonly string[] | undefined }[] | undefined;
      }
    | undefined;
}

/**
 * The docker config of a node, for {@link compareNodeConfigs}.
 *
 * @public
 */
export interface NodeConfig {
  /** The name of the node. */
  readonly node: string;
  /** The entries of its docker config. */
  readonly entries: readonly DockerConfigEntry[];
}
