import { type CallOptions, type Clock, systemClock } from '../clock/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { untilAbort } from '../internal/index.js';
import { createKeyring, type LookupResult } from '../keyring/index.js';
import { withSources } from '../keyring/inner.js';
import type { ImageName } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import type { Tracing } from '../tracing/index.js';
import { createProvider, type Provider } from './provider.js';
import type {
  CredentialProviderConfig,
  CredentialProviderKeyring,
  ExecPlugin,
  PodIdentity,
  ServiceAccountAccess,
} from './types.js';

/**
 * What the plugins are run with.
 *
 * @public
 */
export interface CredentialProviderOptions {
  /** Runs the plugins; `createExecPlugin` of `kubepull/node` makes such a function. */
  readonly exec: ExecPlugin;
  /**
   * For plugins with `tokenAttributes`; without it they are asked only where they need no service account.
   *
   * @defaultValue none
   */
  readonly serviceAccounts?: ServiceAccountAccess | undefined;
  /** Measures how long the answer of a plugin is kept. @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /** Watches the runs of plugins. @defaultValue none */
  readonly tracing?: Tracing | undefined;
}

/**
 * Makes the keyring of kubelet's credential plugins.
 *
 * Every plugin whose `matchImages` fit is asked, one after the other; the answers of all go into one order, descending
 * by key, where of equal keys the plugin that is configured first comes first. A plugin that fails gives nothing and
 * hides nothing; `sources` of the answer tells. Answers are cached as the plugins say.
 *
 * @param config - of {@link parseCredentialProviderConfig}
 * @param options - see {@link CredentialProviderOptions}
 * @returns the keyring; its look-up rejects when it is aborted, and for arguments of the wrong kind
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a configuration or an option of the wrong kind
 * @example
 * ```ts
 * import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
 * import { createExecPlugin } from 'kubepull/node';
 * import { parseImageName } from 'kubepull/reference';
 *
 * const plugins = createCredentialProviderKeyring(parseCredentialProviderConfig(document), {
 *   exec: createExecPlugin({ binDir: '/usr/libexec/kubernetes/kubelet-plugins/credential-provider/exec' }),
 * });
 * const { candidates, sources } = await plugins.lookup(parseImageName('registry.example.com/app:1'));
 * ```
 * @see NewExternalCredentialProviderDockerKeyring in kubernetes pkg/credentialprovider/plugin/plugins.go
 * @public
 */
export function createCredentialProviderKeyring(
  config: CredentialProviderConfig,
  options: CredentialProviderOptions,
): CredentialProviderKeyring {
  check('Cannot use credential provider config', { config }, { config: configKind });
  check<CredentialProviderOptions>('Cannot use credential provider config', options, {
    exec: is.callable,
    serviceAccounts: is.optional(is.having('an object', 'get', 'createToken')),
    clock: is.optional(is.clock),
    tracing: is.optional(is.tracing),
  });
  const { exec, serviceAccounts, clock = systemClock, tracing } = options;
  const runtime = { exec, serviceAccounts, clock, tracing };
  const providers = config.providers.map((provider) => createProvider(provider, runtime));
  return {
    lookup: (image, call = {}) => lookup(providers, image, undefined, call),
    forPod(pod) {
      check('Cannot look up credentials', { pod }, { pod: podIdentityKind });
      return { lookup: (image, call = {}) => lookup(providers, image, pod, call) };
    },
  };
}

const texts = /* @__PURE__ */ is.listOf(is.text);

const configKind = /* @__PURE__ */ is.shape(
  {
    providers: /* @__PURE__ */ is.listOf(
      /* @__PURE__ */ is.shape({
        name: is.text,
        matchImages: texts,
        defaultCacheDurationMs: is.finite,
        apiVersion: is.text,
        args: texts,
        env: /* @__PURE__ */ is.listOf(/* @__PURE__ */ is.shape({ name: is.text, value: is.secret })),
        tokenAttributes: /* @__PURE__ */ is.optional(
          /* @__PURE__ */ is.shape({
            serviceAccountTokenAudience: is.text,
            requireServiceAccount: is.bool,
            cacheType: /* @__PURE__ */ is.oneOf('ServiceAccount', 'Token'),
            requiredServiceAccountAnnotationKeys: texts,
            optionalServiceAccountAnnotationKeys: texts,
          }),
        ),
      }),
    ),
  },
  'what parseCredentialProviderConfig() gives',
);

export const podIdentityKind: is.Kind = /* @__PURE__ */ is.shape({
  namespace: is.text,
  name: is.text,
  uid: is.text,
  serviceAccountName: is.text,
});

async function lookup(
  providers: readonly Provider[],
  image: ImageName,
  pod: PodIdentity | undefined,
  options: CallOptions,
): Promise<LookupResult> {
  imageNameText(image);
  check<CallOptions>('Cannot look up credentials', options, is.callOptions);
  const provided = [];
  for (const provider of providers) {
    options.signal?.throwIfAborted();
    provided.push(await untilAbort(provider.provide(image, pod, options), options.signal));
  }
  const result = createKeyring(provided.flatMap(({ entries }) => entries)).lookup(image);
  return withSources(
    result,
    provided.map(({ report }) => report),
  );
}
