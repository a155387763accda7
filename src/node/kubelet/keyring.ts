import { type CallOptions, type Clock, systemClock } from '../../clock/index.js';
import {
  createCredentialProviderKeyring,
  type CredentialProviderConfigOptions,
  type CredentialProviderKeyring,
  type PodIdentity,
  type ServiceAccountAccess,
} from '../../credential-provider/index.js';
import { podIdentityKind } from '../../credential-provider/inner.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { createFlights } from '../../internal/index.js';
import {
  createKeyring,
  type Keyring,
  type LookupResult,
  type SourceReport,
  joinKeyrings,
} from '../../keyring/index.js';
import { withSources } from '../../keyring/inner.js';
import type { MatchOptions } from '../../match/index.js';
import { checkMatchOptions } from '../../match/inner.js';
import type { ImageName } from '../../reference/index.js';
import { imageNameText } from '../../reference/inner.js';
import type { Tracing } from '../../tracing/index.js';
import { createDiagnosticsTracing } from '../diagnostics.js';
import {
  checkPlaces,
  type NodeConfigPlace,
  type NodeConfigPlaces,
  type NodeDockerConfig,
  readNodeDockerConfig,
  reportUnused,
} from './config-files.js';
import { readCredentialProviderConfig } from './credential-provider-files.js';
import { checkPlugin, createExecPlugin, type ExecPluginOptions } from './exec-plugin.js';

/** Kubelet looks at its docker config again after five minutes. */
const FILE_LIFETIME_MS = 5 * 60_000;

/**
 * How to find kubelet's plugins.
 *
 * @public
 */
export interface NodePluginOptions extends ExecPluginOptions, CredentialProviderConfigOptions {
  /** Kubelet's `--image-credential-provider-config`: a file or a directory. */
  readonly configPath: string;
  /**
   * Reads service accounts and requests their tokens, for plugins with `tokenAttributes`.
   *
   * @defaultValue none: those plugins are asked only where they need no service account
   */
  readonly serviceAccounts?: ServiceAccountAccess | undefined;
}

/**
 * Where a node has its credentials.
 *
 * @public
 */
export interface NodeKeyringOptions extends NodeConfigPlaces, MatchOptions {
  /** Where kubelet's credential plugins are, and how they are run. @defaultValue no plugins */
  readonly plugins?: NodePluginOptions | undefined;
  /** Measures how long answers of plugins, and the docker config, are kept. @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /** Watches the runs of plugins. @defaultValue {@link createDiagnosticsTracing} */
  readonly tracing?: Tracing | undefined;
}

/**
 * The node's own keyring. By itself it looks up for a pod without service account.
 *
 * @public
 */
export interface NodeKeyring extends Keyring {
  /** The same keyring on behalf of a pod, which plugins may ask for. */
  forPod(pod: PodIdentity): Keyring;
}

/**
 * Makes the keyring of a node as kubelet has it: the docker config on disk, read again every five minutes, then the
 * credential plugins. A pod's pull secrets go before it: `joinKeyrings(createKeyring(entries), node.forPod(pod))`.
 *
 * @param options - kubelet's directories, and its plugins
 * @returns the keyring; `sources` of its answers says what became of each file and plugin
 * @throws {@link InvalidConfigError} for a plugin configuration that ends the kubelet, too
 * @throws {@link ImageError} `ERR_CREDENTIAL_PROVIDER` when a plugin is not in `binDir`, or not executable
 * @example
 * ```ts
 * import { openNodeKeyring } from 'kubepull/node';
 * import { parseImageName } from 'kubepull/reference';
 *
 * const keyring = await openNodeKeyring({
 *   plugins: { configPath: '/etc/kubernetes/credential-providers', binDir: '/opt/credential-providers' },
 * });
 * const { candidates, sources } = await keyring.lookup(parseImageName('registry.example.com/team/app'));
 * ```
 * @see NewExternalCredentialProviderDockerKeyring and RegisterCredentialProviderPlugins in kubernetes
 * pkg/credentialprovider/plugin
 * @public
 */
export async function openNodeKeyring(options: NodeKeyringOptions = {}): Promise<NodeKeyring> {
  checkOptions(options);
  const { clock = systemClock, tracing = createDiagnosticsTracing() } = options;
  const files = createFileKeyring(options, clock);
  const plugins = options.plugins && (await loadPlugins(options.plugins, { clock, tracing }));
  return {
    ...(plugins === undefined ? files : joinKeyrings(files, plugins)),
    forPod(pod) {
      check('Cannot look up credentials', { pod }, { pod: podIdentityKind });
      return plugins === undefined ? files : joinKeyrings(files, plugins.forPod(pod));
    },
  };
}

/** How plugins are run is checked by those who run them. */
function checkOptions(options: NodeKeyringOptions): void {
  checkPlaces(options);
  checkMatchOptions(options);
  check<Omit<NodeKeyringOptions, keyof NodeConfigPlaces | keyof MatchOptions>>('Cannot open a keyring', options, {
    plugins: is.optional(
      is.shape({
        configPath: is.text,
        binDir: is.text,
        serviceAccounts: is.optional(is.having('an access to service accounts', 'get', 'createToken')),
      }),
    ),
    clock: is.optional(is.clock),
    tracing: is.optional(is.tracing),
  });
}

async function loadPlugins(
  options: NodePluginOptions,
  watch: { readonly clock: Clock; readonly tracing: Tracing },
): Promise<CredentialProviderKeyring> {
  const { config } = await readCredentialProviderConfig(options.configPath, options);
  for (const { name } of config.providers) await checkPlugin(options.binDir, name);
  return createCredentialProviderKeyring(config, {
    exec: createExecPlugin(options),
    serviceAccounts: options.serviceAccounts,
    ...watch,
  });
}

interface ReadFiles {
  readonly found: NodeDockerConfig;
  readonly keyring: Keyring;
  readonly readAt: number;
}

function createFileKeyring(options: NodeKeyringOptions, clock: Clock): Keyring {
  let kept: ReadFiles | undefined;
  const flights = createFlights<ReadFiles>();
  const read = async (): Promise<ReadFiles> => {
    const found = await readNodeDockerConfig(options);
    kept = { found, keyring: createKeyring(found.entries, options), readAt: clock.monotonic() };
    return kept;
  };
  return {
    async lookup(image: ImageName, call?: CallOptions): Promise<LookupResult> {
      imageNameText(image);
      // The check takes as long as the look-up in memory.
      if (call !== undefined) check<CallOptions>('Cannot look up credentials', call, is.callOptions);
      const signal = call?.signal;
      signal?.throwIfAborted();
      const fresh = kept !== undefined && clock.monotonic() - kept.readAt < FILE_LIFETIME_MS ? kept : undefined;
      const files = fresh ?? (await flights.share('', read, signal));
      const sources = files.found.places.map((place) => reportOf(place, files.found, fresh !== undefined));
      return withSources(await files.keyring.lookup(image), sources);
    },
  };
}

function reportOf(place: NodeConfigPlace, found: NodeDockerConfig, cached: boolean): SourceReport {
  if (place.outcome !== 'used') return reportUnused(place);
  const source = { kind: 'file', path: place.path } as const;
  const detail = `${found.entries.length} entries`;
  return { source, outcome: cached ? 'cached' : 'fetched', detail, error: undefined };
}
