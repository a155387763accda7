import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  mirrorEndpoint,
  type RegistryEndpoint,
  type RegistryEndpoints,
  registryOrigin,
  upstreamEndpoint,
} from '../../mirrors/index.js';
import type { ImageReference } from '../../reference/index.js';
import { type HostEntry, parseHostsToml } from './hosts-toml-parse.js';
import { findCertificates, readHostTls } from './hosts-toml-tls.js';
import { checkPlainHttp, createTlsMap, type IgnoredSetting, type MirrorConfig, type TlsMap } from './mirror-config.js';
import { configError } from '../files/config-file.js';
import { readTomlFile } from './toml-file.js';

/**
 * Where containerd's `hosts.toml` files are.
 *
 * @public
 */
export interface HostsTomlOptions {
  /**
   * containerd's `config_path`, split at its colons. The first directory that has something for a registry decides.
   *
   * @defaultValue `['/etc/containerd/certs.d', '/etc/docker/certs.d']`
   */
  readonly directories?: readonly string[] | undefined;
  /** Registries (`host` or `host:port`) to speak plain HTTP with where no URL in a file says how. @defaultValue none */
  readonly plainHttp?: readonly string[] | undefined;
}

/** What a directory says, by the name of the directory in it. */
type HostDirectories = ReadonlyMap<string, readonly HostEntry[]>;

/**
 * Reads containerd's registry configuration: a directory for each registry, named `host`, `host:port` or `host_port_`, or
 * `_default` for all others, with a `hosts.toml` in it, or certificates as Docker wants them (`*.crt`, and `*.cert` with
 * its `*.key`). The files are read once, now.
 *
 * Hosts are asked in the file's order, then `server`, which is the image's own registry unless the file names another.
 * `header` and `dial_timeout` have no effect, a second `client` pair neither; `ignored` tells. Unlike containerd, nothing
 * is spoken to over plain HTTP that is not written with `http://` or listed in `plainHttp`, not even localhost, and a
 * malformed file is an error instead of being passed over.
 *
 * @param options - see {@link HostsTomlOptions}
 * @returns the endpoints for a pull, and the TLS settings for its transport
 * @throws {@link InvalidConfigError} when a file cannot be read or used: with its path, and the line when it is not TOML
 * @example
 * ```ts
 * import { pullImage } from 'kubepull/puller';
 * import { createNodeRuntime, openOciLayout, readHostsToml } from 'kubepull/node';
 *
 * const { endpoints, tls } = await readHostsToml({ directories: ['/etc/containerd/certs.d'] });
 * await using runtime = createNodeRuntime({ tls });
 * const store = await openOciLayout('../layout');
 * const { endpoint } = await pullImage('nginx:1.27', { runtime, store, endpoints });
 * console.log(endpoint.origin);
 * ```
 * @see ConfigureHosts in containerd core/remotes/docker/config/hosts.go
 * @public
 */
export async function readHostsToml(options: HostsTomlOptions = {}): Promise<MirrorConfig> {
  const { directories = ['/etc/containerd/certs.d', '/etc/docker/certs.d'], plainHttp = [] } = options;
  checkPlainHttp(plainHttp);
  const ignored: IgnoredSetting[] = [];
  const tls = createTlsMap(ignored);
  const roots: HostDirectories[] = [];
  for (const directory of directories) roots.push(await readRoot(directory, tls, ignored));
  return { endpoints: endpointsFrom(roots, plainHttp), tls: tls.record(), ignored };
}

async function readRoot(root: string, tls: TlsMap, ignored: IgnoredSetting[]): Promise<HostDirectories> {
  const found = new Map<string, readonly HostEntry[]>();
  for (const name of await listDirectories(root)) {
    const directory = join(root, name);
    const path = join(directory, 'hosts.toml');
    const document = await readTomlFile(path);
    const entries =
      document === undefined ? [await findCertificates(directory)] : parseHostsToml(document, directory, path);
    found.set(name, entries);
    for (const entry of entries) await addTls(entry, name, path, tls, ignored);
  }
  return found;
}

async function listDirectories(root: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(root)).toSorted();
    const kinds = await Promise.all(names.map((name) => stat(join(root, name))));
    return names.filter((_, at) => kinds[at]?.isDirectory());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw configError(root, 'it cannot be listed');
  }
}

async function addTls(
  { url, tls, ignored: names }: HostEntry,
  directory: string,
  path: string,
  map: TlsMap,
  ignored: IgnoredSetting[],
): Promise<void> {
  const ignore = (setting: string, because: string): void => void ignored.push({ path, setting, because });
  for (const name of names) ignore(name, 'a pull has no such setting for one registry');
  if (tls.client.length > 1) ignore('client', 'only the first pair is used');
  const read = await readHostTls(tls, path);
  if (read === undefined) return;
  const host = url === undefined ? hostOfDirectory(directory) : new URL(url).host;
  if (host === undefined) ignore('TLS', 'it is for registries that no file names');
  else map.add(host, read, tls, path);
}

/** The registry that a directory is for; `undefined` when it is for any, or for none. */
function hostOfDirectory(name: string): string | undefined {
  const host = name.replace(/^(.+)_(\d+)_$/, '$1:$2');
  try {
    return name === '_default' ? undefined : new URL(registryOrigin(host)).host;
  } catch {
    return undefined;
  }
}

function endpointsFrom(roots: readonly HostDirectories[], plainHttp: readonly string[]): RegistryEndpoints {
  return (ref) => {
    const entries = roots.map((root) => findEntries(root, ref.domain)).find((found) => found !== undefined) ?? [];
    const own = upstreamEndpoint(ref, { plainHttp: plainHttp.includes(ref.domain) });
    return entries.map((entry) => (entry.url === undefined ? own : endpointOf(entry, entry.url, ref)));
  };
}

function findEntries(root: HostDirectories, domain: string): readonly HostEntry[] | undefined {
  const names = [domain.replace(/(?!^):([^:]*)$/, '_$1_'), domain, '_default'];
  return names.map((name) => root.get(name)).find((entries) => entries !== undefined);
}

/** A host that is the image's own registry is told no namespace, as containerd does. */
function endpointOf({ apiPath, capabilities }: HostEntry, url: string, ref: ImageReference): RegistryEndpoint {
  const made = mirrorEndpoint(url, ref, { capabilities });
  const endpoint = apiPath === undefined ? made : { ...made, apiPath };
  const { origin } = upstreamEndpoint(ref, { plainHttp: url.startsWith('http://') });
  return origin === endpoint.origin ? { ...endpoint, namespace: undefined, upstream: true } : endpoint;
}
