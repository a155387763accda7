import type { CallOptions } from '../clock/index.js';
import type { Secret } from '../docker-config/index.js';
import type { Keyring } from '../keyring/index.js';

/**
 * A variable that a plugin gets in its environment.
 *
 * @public
 */
export interface PluginVariable {
  /** The name of the variable. */
  readonly name: string;
  /** The value of the variable; it counts as a secret. */
  readonly value: Secret;
}

/**
 * How a plugin works with tokens of service accounts.
 *
 * @public
 */
export interface TokenAttributes {
  /** The audience that a token of the service account is requested for. */
  readonly serviceAccountTokenAudience: string;
  /** Whether a pod without a service account gets nothing from this plugin; else it is asked without a token. */
  readonly requireServiceAccount: boolean;
  /** Whether an answer is good for the service account, or for the one token only. */
  readonly cacheType: 'ServiceAccount' | 'Token';
  /** Annotations that the service account must have, or the plugin is not asked. The plugin gets them. */
  readonly requiredServiceAccountAnnotationKeys: readonly string[];
  /** Annotations that the plugin gets, too, where the service account has them. */
  readonly optionalServiceAccountAnnotationKeys: readonly string[];
}

/**
 * One plugin of kubelet's configuration.
 *
 * @public
 */
export interface CredentialProvider {
  /** The name of the program in kubelet's directory of plugins. */
  readonly name: string;
  /** Patterns of the images that it is asked for. */
  readonly matchImages: readonly string[];
  /** How long an answer is kept that does not say it itself, in milliseconds; 0 for not at all. */
  readonly defaultCacheDurationMs: number;
  /** The version of the protocol, such as `credentialprovider.kubelet.k8s.io/v1`. */
  readonly apiVersion: string;
  /** The arguments that the program is run with. */
  readonly args: readonly string[];
  /** Variables that the program gets besides those of kubelet; where both have a name, these count. */
  readonly env: readonly PluginVariable[];
  /** How the plugin works with tokens of service accounts; `undefined` when it gets none. */
  readonly tokenAttributes: TokenAttributes | undefined;
}

/**
 * Kubelet's configuration of credential plugins, checked; the order counts.
 *
 * @public
 */
export interface CredentialProviderConfig {
  /** The plugins, in the order in which they are asked. */
  readonly providers: readonly CredentialProvider[];
}

/**
 * What a plugin is run with.
 *
 * @public
 */
export interface PluginCall {
  /** The name of the program. */
  readonly provider: string;
  /** The arguments that the program is run with. */
  readonly args: readonly string[];
  /** Goes over what the process inherits; of equal names the last counts. */
  readonly env: readonly PluginVariable[];
  /** Gives the request, whole. It is a function because the request may hold the token of a service account. */
  readonly stdin: () => string;
}

/**
 * Runs a plugin, and gives what it printed once it ended with status 0. `createExecPlugin` of `kubepull/node` is one.
 *
 * It rejects with `ERR_CREDENTIAL_PROVIDER`. It brings its own time limit: kubelet's is a minute, and does not depend on
 * the pod that asks. The signal is aborted when the last look-up that waits for the answer has given up; the plugin ends
 * then, so that it takes nobody's place.
 *
 * @public
 */
export type ExecPlugin = (call: PluginCall, options?: CallOptions) => Promise<Uint8Array>;

/**
 * The pod that an image is pulled for.
 *
 * @public
 */
export interface PodIdentity {
  /** The namespace of the pod. */
  readonly namespace: string;
  /** The name of the pod. */
  readonly name: string;
  /** The UID of the pod. */
  readonly uid: string;
  /** Empty for a static pod. */
  readonly serviceAccountName: string;
}

/**
 * What plugins with `tokenAttributes` need of the API server.
 *
 * @public
 */
export interface ServiceAccountAccess {
  /** Reads a service account. */
  get(
    account: { readonly namespace: string; readonly name: string },
    options: CallOptions,
  ): Promise<{ readonly uid: string; readonly annotations: Readonly<Record<string, string>> }>;
  /** Requests a token that is bound to the pod. Kubelet asks for the default lifetime, one hour. */
  createToken(request: ServiceAccountTokenRequest, options: CallOptions): Promise<Secret>;
}

/**
 * The token that a plugin needs.
 *
 * @public
 */
export interface ServiceAccountTokenRequest {
  /** The namespace of the service account. */
  readonly namespace: string;
  /** The name of the service account. */
  readonly serviceAccountName: string;
  /** A precondition: the account must still be this one. */
  readonly serviceAccountUid: string;
  /** The audience of the token. */
  readonly audience: string;
  /** The pod that the token is bound to: it is not valid once that pod is deleted. */
  readonly pod: { readonly name: string; readonly uid: string };
}

/**
 * The keyring of all plugins. By itself it looks up for a pod without service account, as a static pod is one.
 *
 * @public
 */
export interface CredentialProviderKeyring extends Keyring {
  /** The same plugins and the same cache, on behalf of a pod. */
  forPod(pod: PodIdentity): Keyring;
}
