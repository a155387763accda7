import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { registryOrigin } from '../../mirrors/index.js';
import { checkPlainHttp, type IgnoredSetting, type MirrorConfig } from './mirror-config.js';
import { endpointsOf, findRegistry } from './registries-conf-match.js';
import { parseRegistriesConf, type RegistriesFile, type RegistryTable } from './registries-conf-parse.js';
import { configError } from '../files/config-file.js';
import { readTomlFile } from './toml-file.js';
import type { RegistryTls } from '../transport/options.js';

/**
 * Where podman's `registries.conf` is.
 *
 * @public
 */
export interface RegistriesConfOptions {
  /** @defaultValue `/etc/containers/registries.conf` */
  readonly path?: string | undefined;
  /**
   * Directories whose `*.conf` files, by name, replace what was read before them.
   *
   * @defaultValue `['/etc/containers/registries.conf.d']`
   */
  readonly dropInDirectories?: readonly string[] | undefined;
  /**
   * Of the hosts (`host` or `host:port`) that a file says to be insecure, those to speak plain HTTP with; the others are
   * asked over unverified TLS, and over plain HTTP only without a credential.
   *
   * @defaultValue none
   */
  readonly plainHttp?: readonly string[] | undefined;
}

/**
 * What `registries.conf` says.
 *
 * @public
 */
export interface RegistriesConf extends MirrorConfig {
  /** Registries that podman looks for short names in. Kubernetes does not: `nginx` is an image of Docker Hub. */
  readonly unqualifiedSearchRegistries: readonly string[];
}

/**
 * Reads podman's registry configuration, version 2, with its drop-in files. The files are read once, now.
 *
 * The `[[registry]]` table with the longest prefix decides: its mirrors in order, then its location; `blocked` refuses the
 * pull. Credentials are looked up by the location that is asked, as podman does. Since a transport has one setting for a
 * host, `insecure` holds for the whole host, and only when all that the files say of the host is insecure.
 *
 * @param options - see {@link RegistriesConfOptions}
 * @returns the endpoints for a pull, and the TLS settings for its transport
 * @throws {@link InvalidConfigError} when a file cannot be read or used: with its path, and the line when it is not TOML
 * @example
 * ```ts
 * import { pullImage } from 'kubepull/puller';
 * import { createNodeRuntime, openOciLayout, readRegistriesConf } from 'kubepull/node';
 *
 * const { endpoints, tls } = await readRegistriesConf();
 * await using runtime = createNodeRuntime({ tls });
 * const store = await openOciLayout('../layout');
 * const { endpoint } = await pullImage('registry.example.com/app:1', { runtime, store, endpoints });
 * console.log(endpoint.origin);
 * ```
 * @see FindRegistry in go.podman.io/image/v5/pkg/sysregistriesv2
 * @public
 */
export async function readRegistriesConf(options: RegistriesConfOptions = {}): Promise<RegistriesConf> {
  const { plainHttp = [] } = options;
  checkPlainHttp(plainHttp);
  const ignored: IgnoredSetting[] = [];
  const files = await readFiles(options, ignored);
  const registries = mergeRegistries(files);
  return {
    endpoints: (ref) => {
      const table = findRegistry(registries, ref);
      return table === undefined ? [] : endpointsOf(table, ref, plainHttp);
    },
    tls: insecureHosts(registries, ignored),
    ignored,
    unqualifiedSearchRegistries: files.findLast((file) => file.searchRegistries !== undefined)?.searchRegistries ?? [],
  };
}

async function readFiles(
  options: RegistriesConfOptions,
  ignored: IgnoredSetting[],
): Promise<readonly RegistriesFile[]> {
  const { path = '/etc/containers/registries.conf', dropInDirectories = ['/etc/containers/registries.conf.d'] } =
    options;
  const paths = [path, ...(await Promise.all(dropInDirectories.map(listDropIns))).flat()];
  const files: RegistriesFile[] = [];
  for (const file of paths) {
    const document = await readTomlFile(file);
    if (document === undefined) continue;
    const parsed = parseRegistriesConf(document, file);
    files.push(parsed);
    for (const setting of parsed.ignored)
      ignored.push({ path: file, setting, because: 'it is for tools that a user calls with short names' });
  }
  return files;
}

async function listDropIns(directory: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.conf'));
    return names.toSorted().map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw configError(directory, 'it cannot be listed');
  }
}

/** A table of a later file takes the place of that with the same prefix; within one file the first counts. */
function mergeRegistries(files: readonly RegistriesFile[]): readonly RegistryTable[] {
  const byPrefix = new Map<string, RegistryTable>();
  for (const { registries } of files) {
    const ofFile = new Map<string, RegistryTable>();
    for (const registry of registries) if (!ofFile.has(registry.prefix)) ofFile.set(registry.prefix, registry);
    for (const [prefix, registry] of ofFile) byPrefix.set(prefix, registry);
  }
  return [...byPrefix.values()];
}

/** Hosts whose certificates are not verified. A host that is also to be spoken to securely keeps its verification. */
function insecureHosts(
  registries: readonly RegistryTable[],
  ignored: IgnoredSetting[],
): Readonly<Record<string, RegistryTls>> {
  const places = registries.flatMap(({ path, mirrors, ...registry }) =>
    [registry, ...mirrors].map(({ location, insecure }) => ({ path, insecure, host: hostOf(location) })),
  );
  const secure = new Set(places.filter(({ insecure }) => !insecure).map(({ host }) => host));
  const found = new Map<string, RegistryTls>();
  for (const { path, insecure, host } of places) {
    const because =
      host === undefined ? 'it is for more than one host' : 'another table has the same host, and is secure';
    if (insecure && (host === undefined || secure.has(host))) ignored.push({ path, setting: 'insecure', because });
    else if (insecure && host !== undefined) found.set(host, { insecureSkipVerify: true });
  }
  return Object.fromEntries(found);
}

/** The host that a transport dials for a location; `undefined` when that has none. */
function hostOf(location: string): string | undefined {
  const [domain = ''] = location.split('/');
  try {
    return new URL(registryOrigin(domain)).host;
  } catch {
    return undefined;
  }
}
