import { env as processEnv } from 'node:process';
import type { CallOptions } from '../../clock/index.js';
import type { DockerConfig, DockerConfigEntry } from '../../docker-config/index.js';
import { isImageError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { untilAbort } from '../../internal/index.js';
import {
  createKeyring,
  type Keyring,
  type LookupResult,
  type SourceReport,
  joinKeyrings,
} from '../../keyring/index.js';
import { withSources } from '../../keyring/inner.js';
import type { MatchOptions } from '../../match/index.js';
import type { ImageName } from '../../reference/index.js';
import { imageNameText } from '../../reference/inner.js';
import { type ReadPlace, reportUnused } from '../kubelet/config-files.js';
import { findDockerConfigs } from './config-files.js';
import { envKind, getFromHelper, type HelperRuntime } from './helper.js';

/**
 * Where Docker's credentials are looked for.
 *
 * @public
 */
export interface DockerKeyringOptions {
  /**
   * The variables that say where: `DOCKER_AUTH_CONFIG`, `REGISTRY_AUTH_FILE`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME`,
   * `DOCKER_CONFIG`, `HOME` and, for helpers, `PATH`.
   *
   * @defaultValue those of this process
   */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /**
   * How long a credential helper may take.
   *
   * @defaultValue 60,000 ms
   */
  readonly helperTimeoutMs?: number | undefined;
}

/** The key of Docker Hub, for files and helpers. */
export const HUB = 'https://index.docker.io/v1/';
export const HUB_NAMES: readonly string[] = [HUB, 'index.docker.io', 'docker.io', 'registry-1.docker.io'];
const AS_DOCKER: MatchOptions = { dialect: 'docker' };

/**
 * Makes the keyring of a person's machine, which kubelet knows nothing of: the places of Docker and podman, with their
 * credential helpers, identity tokens and registry tokens.
 *
 * Keys are matched in the dialect `docker` of `kubepull/match`: without globs, by whole segments of the path, and with no
 * offer of Docker Hub's entry to a registry such as `localhost`. The most specific key comes first.
 *
 * In a file a helper for the registry (`credHelpers`, else `credsStore`) counts alone, as with Docker: when it fails, no
 * other entry of the file takes its place. A file that cannot be read or decoded stops nothing: `sources` of an answer
 * tells.
 *
 * @param options - see {@link DockerKeyringOptions}
 * @returns the keyring over the files as they are now; helpers are run at each look-up
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a `helperTimeoutMs` that is not a whole number from 1
 * @example
 * ```ts
 * import { loadDockerKeyring } from 'kubepull/node';
 * import { parseImageName } from 'kubepull/reference';
 *
 * const keyring = await loadDockerKeyring();
 * const { candidates, sources } = await keyring.lookup(parseImageName('nginx'));
 * ```
 * @public
 */
export async function loadDockerKeyring(options: DockerKeyringOptions = {}): Promise<Keyring> {
  check<DockerKeyringOptions>('Cannot open the keyring of Docker', options, {
    env: envKind,
    helperTimeoutMs: is.optional(is.timeoutMs),
  });
  const { env = processEnv } = options;
  const files = await findDockerConfigs(env);
  return joinKeyrings(...files.map((file) => fileKeyring(file, options, env)));
}

function fileKeyring(file: ReadPlace<DockerConfig>, options: DockerKeyringOptions, env: NodeJS.ProcessEnv): Keyring {
  const { path, value: config } = file;
  const looked: SourceReport =
    config === undefined
      ? reportUnused(file)
      : {
          source: { kind: 'file', path },
          outcome: 'fetched',
          detail: `${config.entries.length} entries`,
          error: undefined,
        };
  const keyring = createKeyring(config?.entries ?? [], AS_DOCKER);
  return {
    async lookup(image: ImageName, call: CallOptions = {}): Promise<LookupResult> {
      imageNameText(image);
      check<CallOptions>('Cannot look up credentials', call, is.callOptions);
      const { signal } = call;
      signal?.throwIfAborted();
      const server = HUB_NAMES.includes(image.domain) ? HUB : image.domain;
      const helper = config && helperFor(config, server);
      if (helper === undefined) return withSources(keyring.lookup(image), [looked]);
      const runtime = { env, timeoutMs: options.helperTimeoutMs, signal };
      const asked = await untilAbort(askHelper(helper, server, runtime), signal);
      return withSources(createKeyring(asked.entries, AS_DOCKER).lookup(image), [looked, asked.report]);
    },
  };
}

/** The helper that keeps a registry's credential. */
export function helperFor({ credHelpers, credsStore }: DockerConfig, server: string): string | undefined {
  const names = server === HUB ? HUB_NAMES : [server];
  return credHelpers.find(({ pattern }) => names.includes(pattern))?.helper ?? (credsStore || undefined);
}

async function askHelper(
  helper: string,
  server: string,
  runtime: HelperRuntime,
): Promise<{ readonly entries: readonly DockerConfigEntry[]; readonly report: SourceReport }> {
  const source = { kind: 'helper', helper } as const;
  try {
    const credential = await getFromHelper(helper, server, runtime);
    if (credential === undefined)
      return { entries: [], report: { source, outcome: 'fetched', detail: 'it has no credential', error: undefined } };
    const report: SourceReport = { source, outcome: 'fetched', detail: 'one credential', error: undefined };
    return { entries: [{ pattern: server, credential, source }], report };
  } catch (error) {
    if (!isImageError(error)) throw error;
    return { entries: [], report: { source, outcome: 'failed', detail: error.message, error } };
  }
}
