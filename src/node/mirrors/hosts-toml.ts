import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { env } from 'node:process';
import { rootCertificates } from 'node:tls';
import { createSecret } from '../../docker-config/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import {
  type EndpointCapability,
  createMirrorEndpoint,
  type RegistryEndpoint,
  type RegistryEndpoints,
  getRegistryOrigin,
  createUpstreamEndpoint,
} from '../../mirrors/index.js';
import { type ImageReference, parseReference } from '../../reference/index.js';
import { configError } from '../files/config-file.js';
import type { RegistryTls } from '../transport/options.js';
import {
  createTlsMap,
  type IgnoredSetting,
  isListOf,
  isText,
  type MirrorConfig,
  readTextFile,
  readTomlFile,
  type TlsMap,
  type TomlFields,
  tomlFields,
  type TomlTable,
} from './toml.js';

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
 * `header` is sent to its host only; the TLS settings of a host hold for its token server and its redirects, too, and `ca`
 * adds to what Node trusts, `NODE_EXTRA_CA_CERTS` included. `dial_timeout` has no effect, a second `client` pair neither;
 * `ignored` tells. Unlike containerd, nothing
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
 * const store = await openOciLayout('./layout');
 * const { endpoint } = await pullImage('nginx:1.27', { runtime, store, endpoints });
 * console.log(endpoint.origin);
 * ```
 * @see ConfigureHosts in containerd core/remotes/docker/config/hosts.go
 * @public
 */
export async function readHostsToml(options: HostsTomlOptions = {}): Promise<MirrorConfig> {
  const kinds = { directories: is.optional(is.listOf(is.text)), plainHttp: is.optional(is.plainHttp) };
  check<HostsTomlOptions>('Cannot read mirrors', options, kinds);
  const { directories = ['/etc/containerd/certs.d', '/etc/docker/certs.d'], plainHttp = [] } = options;
  const ignored: IgnoredSetting[] = [];
  const tls = createTlsMap(ignored);
  const roots: HostDirectories[] = [];
  for (const directory of directories) roots.push(await readRoot(directory, { tls, ignored, plainHttp }));
  return { endpoints: endpointsFrom(roots, plainHttp), tls: tls.record(), ignored };
}

/** What the files are read into. */
interface Collected {
  readonly tls: TlsMap;
  readonly ignored: IgnoredSetting[];
  readonly plainHttp: readonly string[];
}

async function readRoot(root: string, collected: Collected): Promise<HostDirectories> {
  const found = new Map<string, readonly HostEntry[]>();
  for (const name of await listDirectories(root)) {
    const directory = join(root, name);
    const path = join(directory, 'hosts.toml');
    const document = await readTomlFile(path);
    const entries =
      document === undefined ? [await findCertificates(directory)] : parseHostsToml(document, directory, path);
    found.set(name, entries);
    for (const entry of entries) await addTls(entry, name, path, collected);
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
  { url, tls, header, ignored: names }: HostEntry,
  directory: string,
  path: string,
  { tls: map, ignored, plainHttp }: Collected,
): Promise<void> {
  const ignore = (setting: string, reason: string): void => void ignored.push({ path, setting, reason });
  for (const name of names) ignore(name, 'a pull has no such setting for one registry');
  if (tls.client.length > 1) ignore('client', 'only the first pair is used');
  const settings = await readHostTls(tls, path);
  const headers = Object.fromEntries(Object.entries(header).map(([name, value]) => [name, createSecret(value)]));
  const hasHeaders = Object.keys(header).length > 0;
  if (settings === undefined && !hasHeaders) return;
  const host = url === undefined ? hostOfDirectory(directory) : new URL(url).host;
  if (host === undefined) {
    if (settings !== undefined) ignore('TLS', 'it is for registries that no file names');
    if (hasHeaders) ignore('header', 'it is for registries that no file names');
    return;
  }
  const inClear = url === undefined ? plainHttp.includes(host) : url.startsWith('http://');
  if (settings !== undefined || !inClear)
    map.add(host, { ...settings, ...(hasHeaders && !inClear ? { headers } : {}) }, [tls, header], path);
  if (hasHeaders && inClear) map.add(`http://${host}`, { headers }, header, path);
}

/** The registry that a directory is for; `undefined` when it is for any, or for none. */
function hostOfDirectory(name: string): string | undefined {
  const host = name.replace(/^(.+)_(\d+)_$/, '$1:$2');
  try {
    return name === '_default' ? undefined : new URL(getRegistryOrigin(host)).host;
  } catch {
    return undefined;
  }
}

function endpointsFrom(roots: readonly HostDirectories[], plainHttp: readonly string[]): RegistryEndpoints {
  return (ref) => {
    const entries = roots.map((root) => findEntries(root, ref.domain)).find((found) => found !== undefined) ?? [];
    const own = createUpstreamEndpoint(ref, { plainHttp: plainHttp.includes(ref.domain) });
    return entries.map((entry) => (entry.url === undefined ? own : endpointOf(entry, entry.url, ref)));
  };
}

function findEntries(root: HostDirectories, domain: string): readonly HostEntry[] | undefined {
  const names = [domain.replace(/(?!^):([^:]*)$/, '_$1_'), domain, '_default'];
  return names.map((name) => root.get(name)).find((entries) => entries !== undefined);
}

/** A host that is the image's own registry is told no namespace, as containerd does. */
function endpointOf({ apiPath, capabilities }: HostEntry, url: string, ref: ImageReference): RegistryEndpoint {
  const made = createMirrorEndpoint(url, ref, { capabilities });
  const endpoint = apiPath === undefined ? made : { ...made, apiPath };
  const { origin } = createUpstreamEndpoint(ref, { plainHttp: url.startsWith('http://') });
  return origin === endpoint.origin ? { ...endpoint, namespace: undefined, upstream: true } : endpoint;
}

/** A host as `hosts.toml` describes it. */
interface HostEntry {
  /** As {@link createMirrorEndpoint} takes it; `undefined` for the image's own registry, wherever that is. */
  readonly url: string | undefined;
  /** Where the API begins, when the file gives it whole. */
  readonly apiPath: string | undefined;
  readonly capabilities: readonly EndpointCapability[];
  readonly tls: HostTls;
  /** What is sent to the host; the values may be secrets. */
  readonly header: Readonly<Record<string, string>>;
  /** Names of settings that are understood and have no effect. */
  readonly ignored: readonly string[];
}

/** TLS settings, with absolute paths. */
interface HostTls {
  readonly ca: readonly string[];
  /** Certificate and key, which may be the same file. */
  readonly client: readonly (readonly [string, string])[];
  readonly skipVerify: boolean;
}

const CAPABILITIES = ['pull', 'resolve', 'push', 'referrers'];

/** Reads a `hosts.toml`: the hosts in the file's order, and the server behind them. */
export function parseHostsToml(document: TomlTable, directory: string, path: string): readonly HostEntry[] {
  const fields = tomlFields(path);
  const hosts = fields.table(document, 'host') ?? {};
  const read = (url: string | undefined, table: TomlTable): HostEntry =>
    readHost(url, table, { fields, directory, path });
  const mirrors = Object.keys(hosts).map((url) => read(url, fields.table(hosts, url) ?? {}));
  const server = fields.text(document, 'server');
  return [...mirrors, read(server === '' ? undefined : server, document)];
}

interface Place {
  readonly fields: TomlFields;
  readonly directory: string;
  readonly path: string;
}

function readHost(server: string | undefined, table: TomlTable, { fields, directory, path }: Place): HostEntry {
  const capabilities = readCapabilities(fields.texts(table, 'capabilities') ?? [], path);
  const place = server === undefined ? undefined : readUrl(server, fields.flag(table, 'override_path') === true, path);
  return {
    url: place?.url,
    apiPath: place?.apiPath,
    // containerd asks an image's own registry for everything, whatever stands in the file.
    capabilities: place === undefined ? ['pull', 'resolve'] : capabilities,
    tls: {
      ca: readPaths(table['ca'], directory, 'ca', path),
      client: readClient(table['client'], directory, path),
      skipVerify: fields.flag(table, 'skip_verify') === true,
    },
    header: readHeader(fields.table(table, 'header') ?? {}, path),
    ignored: ['dial_timeout'].filter((name) => table[name] !== undefined),
  };
}

function readCapabilities(names: readonly string[], path: string): readonly EndpointCapability[] {
  const lower = names.map((name) => name.toLowerCase());
  if (!lower.every((name) => CAPABILITIES.includes(name))) throw configError(path, 'it has an unknown capability');
  return (['pull', 'resolve'] as const).filter((name) => lower.length === 0 || lower.includes(name));
}

/** containerd appends `/v2` to a path that does not end in it, unless the path is said to be whole. */
function readUrl(
  server: string,
  whole: boolean,
  path: string,
): { readonly url: string; readonly apiPath: string | undefined } {
  const url = /^https?:\/\//.test(server) ? server : `https://${server}`;
  try {
    // Any image will do to see that the URL is one.
    createMirrorEndpoint(url, parseReference('app'));
  } catch {
    throw configError(path, 'a host must be a plain http or https URL without user info, query, fragment and escapes');
  }
  const { origin, pathname } = new URL(url);
  const apiPath = pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
  if (whole && !apiPath.split('/').includes('v2')) return { url: origin, apiPath };
  return { url: `${origin}${apiPath}${whole || apiPath.endsWith('/v2') ? '' : '/v2'}`, apiPath: undefined };
}

/** Headers that say how a message is sent, and whom it is for, are the transport's own. */
const OWN_HEADERS = ['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect'];

/** Of each header its value, or several that are put in one line. */
function readHeader(table: TomlTable, path: string): Readonly<Record<string, string>> {
  const header = Object.entries(table).map(([name, value]) => {
    const values = isText(value) ? [value] : value;
    if (!isListOf(isText)(values)) throw configError(path, 'a header must be a string or a list of strings');
    const text = values.join(', ');
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t -~\u0080-\u00ff]*$/.test(text))
      throw configError(path, 'a header has a name or a value that cannot be sent');
    if (OWN_HEADERS.includes(name.toLowerCase()))
      throw configError(path, `the header ${name.toLowerCase()} cannot be set`);
    return [name.toLowerCase(), text];
  });
  return Object.fromEntries(header) as Readonly<Record<string, string>>;
}

function readPaths(value: unknown, directory: string, name: string, path: string): readonly string[] {
  const paths = isText(value) ? [value] : (value ?? []);
  if (!isListOf(isText)(paths)) throw configError(path, `${name} must be a path or a list of paths`);
  return paths.map((file) => absolute(file, directory));
}

function readClient(value: unknown, directory: string, path: string): HostTls['client'] {
  const pairs = Array.isArray(value) ? value : [value ?? []].flat();
  return pairs.map((pair: unknown) => {
    const [cert, key = '', ...more] = readPaths(pair, directory, 'client', path);
    if (cert === undefined || more.length > 0) throw configError(path, 'client must be a path, or pairs of paths');
    return [cert, key === '' ? cert : key];
  });
}

function absolute(file: string, directory: string): string {
  return file === '' || isAbsolute(file) ? file : join(directory, file);
}

/** What a directory without a `hosts.toml` is for: the registry's certificate authorities, and our own certificates. */
async function findCertificates(directory: string): Promise<HostEntry> {
  const names = (await readdir(directory)).toSorted();
  const client = names
    .filter((name) => name.endsWith('.cert'))
    .map((cert) => [cert, cert.replace(/cert$/, 'key')] as const)
    .filter(([, key]) => names.includes(key));
  return {
    url: undefined,
    apiPath: undefined,
    capabilities: ['pull', 'resolve'],
    tls: {
      ca: names.filter((name) => name.endsWith('.crt')).map((name) => join(directory, name)),
      client: client.map(([cert, key]) => [join(directory, cert), join(directory, key)]),
      skipVerify: false,
    },
    header: {},
    ignored: [],
  };
}

/** Reads the files that TLS settings name; `undefined` when there is nothing to set. */
async function readHostTls({ ca, client, skipVerify }: HostTls, path: string): Promise<RegistryTls | undefined> {
  const [pair] = client;
  if (ca.length === 0 && pair === undefined && !skipVerify) return undefined;
  const read = (file: string): Promise<string> => readPem(file, path);
  const own = await Promise.all(ca.map(read));
  const [cert, key] = pair === undefined ? [] : await Promise.all(pair.map(read));
  return {
    // containerd trusts these besides the system's own.
    ...(own.length === 0 ? {} : { ca: [...(await trustedAnyway()), ...own] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key: createSecret(key) }),
    ...(skipVerify ? { insecureSkipVerify: true } : {}),
  };
}

/** What Node trusts without being told: its own list, and what the operator added to it when it was started. */
async function trustedAnyway(): Promise<readonly string[]> {
  const extra = env['NODE_EXTRA_CA_CERTS'];
  // Node itself starts without a file that it cannot read.
  const added = extra ? await readTextFile(extra).catch(() => undefined) : undefined;
  return [...rootCertificates, ...(added === undefined ? [] : [added])];
}

async function readPem(file: string, path: string): Promise<string> {
  const text = await readTextFile(file);
  if (text === undefined) throw configError(path, 'a file of certificates or keys that it names is not there');
  return text;
}
