import { ImageError, RequestRefusedError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { quote } from '../../internal/index.js';
import { type RegistryEndpoint, getRegistryOrigin, createUpstreamEndpoint } from '../../mirrors/index.js';
import { formatReference, type ImageReference, parseReference } from '../../reference/index.js';
import { configError } from '../files/config-file.js';
import type { RegistryTls } from '../transport/options.js';
import {
  listDropIns,
  type IgnoredSetting,
  type MirrorConfig,
  readTomlFile,
  type TomlFields,
  tomlFields,
  type TomlTable,
} from './toml.js';

/**
 * Where podman's `registries.conf` is.
 *
 * @public
 */
export interface RegistriesConfOptions {
  /** The main file, read before the drop-in files. @defaultValue `/etc/containers/registries.conf` */
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
 * const store = await openOciLayout('./layout');
 * const { endpoint } = await pullImage('registry.example.com/app:1', { runtime, store, endpoints });
 * console.log(endpoint.origin);
 * ```
 * @see FindRegistry in go.podman.io/image/v5/pkg/sysregistriesv2
 * @public
 */
export async function readRegistriesConf(options: RegistriesConfOptions = {}): Promise<RegistriesConf> {
  const [path, dropInDirectories] = [is.optional(is.text), is.optional(is.listOf(is.text))];
  const kinds = { path, dropInDirectories, plainHttp: is.optional(is.plainHttp) };
  check<RegistriesConfOptions>('Cannot read mirrors', options, kinds);
  const { plainHttp = [] } = options;
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
      ignored.push({ path: file, setting, reason: 'it is for tools that a user calls with short names' });
  }
  return files;
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
    const reason =
      host === undefined ? 'it is for more than one host' : 'another table has the same host, and is secure';
    if (insecure && (host === undefined || secure.has(host))) ignored.push({ path, setting: 'insecure', reason });
    // Spoken to in the clear, it may still lead to a token server over TLS.
    else if (insecure && host !== undefined)
      for (const key of [host, `http://${host}`]) found.set(key, { insecureSkipVerify: true });
  }
  return Object.fromEntries(found);
}

/** The host that a transport dials for a location; `undefined` when that has none. */
function hostOf(location: string): string | undefined {
  const [domain = ''] = location.split('/');
  try {
    return new URL(getRegistryOrigin(domain)).host;
  } catch {
    return undefined;
  }
}

/** The table with the longest prefix that the image's name begins with; of equally long ones, that without wildcard. */
export function findRegistry(registries: readonly RegistryTable[], ref: ImageReference): RegistryTable | undefined {
  const text = formatReference(ref);
  const rank = ({ prefix }: RegistryTable): number => prefix.length + (prefix.startsWith('*') ? 0 : 0.5);
  return registries
    .filter(({ prefix }) => prefixLength(text, prefix) !== undefined)
    .toSorted((a, b) => rank(b) - rank(a))[0];
}

/** How much of an image's name a prefix stands for; `undefined` when the name does not begin with it. */
function prefixLength(text: string, prefix: string): number | undefined {
  if (!prefix.startsWith('*.'))
    return endsPart(text, prefix.length) && text.startsWith(prefix) ? prefix.length : undefined;
  const suffix = prefix.slice(1);
  const at = text.indexOf(suffix);
  if (at === -1 || text.slice(0, at).includes('/')) return undefined;
  const length = at + suffix.length;
  return endsPart(text, length) ? length : undefined;
}

function endsPart(text: string, at: number): boolean {
  return at === text.length || ':/@'.includes(text[at] ?? '-');
}

/**
 * Where a table sends an image: its mirrors that are for such a reference, then the registry itself.
 *
 * @param plainHttp - hosts that are spoken to over plain HTTP only, when they are insecure
 * @throws {@link RequestRefusedError} when the registry is blocked
 */
export function endpointsOf(
  table: RegistryTable,
  ref: ImageReference,
  plainHttp: readonly string[],
): readonly RegistryEndpoint[] {
  if (table.blocked) throw blocked(table, ref);
  const kind = ref.digest === undefined ? 'tag-only' : 'digest-only';
  const mirrors = table.mirrors.filter(({ pullFrom }) => pullFrom === 'all' || pullFrom === kind);
  return [
    ...mirrors.flatMap((mirror) => endpointsAt(mirror, table.prefix, ref, { plainHttp, upstream: false })),
    ...endpointsAt(table, table.prefix, ref, { plainHttp, upstream: true }),
  ];
}

/**
 * An insecure place is asked over TLS first. What fails there is asked again over plain HTTP, as podman does, but without
 * a credential: who is in the middle could make TLS fail to see it.
 */
function endpointsAt(
  place: RegistryLocation,
  prefix: string,
  ref: ImageReference,
  { plainHttp, upstream }: { readonly plainHttp: readonly string[]; readonly upstream: boolean },
): readonly RegistryEndpoint[] {
  const there = rewrite(place, prefix, ref);
  const secure = { ...createUpstreamEndpoint(there), upstream };
  if (!place.insecure) return [secure];
  const plain = { ...createUpstreamEndpoint(there, { plainHttp: true }), upstream };
  return plainHttp.includes(there.domain) ? [plain] : [secure, { ...plain, anonymous: true }];
}

function rewrite({ location }: RegistryLocation, prefix: string, ref: ImageReference): ImageReference {
  if (location === '') return ref;
  const text = formatReference(ref);
  const wanted = `${location}${text.slice(prefixLength(text, prefix) ?? 0)}`;
  const there = parseReference(wanted);
  // A location without a host would become one on Docker Hub.
  if (formatReference(there) !== wanted) throw unusable(ref, 'the location that registries.conf gives has no host');
  if (there.tag !== ref.tag || there.digest !== ref.digest)
    throw unusable(ref, 'the location that registries.conf gives has another tag or digest');
  return there;
}

function unusable({ name }: ImageReference, reason: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot pull ${quote(name)}: ${reason}`);
}

function blocked({ location }: RegistryTable, ref: ImageReference): RequestRefusedError {
  const url = `https://${location || ref.domain}`;
  return new RequestRefusedError(`Cannot pull ${quote(ref.name)}: registries.conf blocks the registry`, {
    url,
    rule: 'blocked-registry',
  });
}

/** Where a `[[registry]]` or a mirror of it is. */
interface RegistryLocation {
  /** What takes the place of the prefix in an image's name; empty to leave the name as it is. */
  readonly location: string;
  readonly insecure: boolean;
  readonly pullFrom: 'all' | 'digest-only' | 'tag-only';
}

/** A `[[registry]]` table. */
export interface RegistryTable extends RegistryLocation {
  readonly path: string;
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly RegistryLocation[];
}

/** What one file says. */
interface RegistriesFile {
  readonly registries: readonly RegistryTable[];
  /** `undefined` when the file does not say. */
  readonly searchRegistries: readonly string[] | undefined;
  /** Names of settings that are understood and have no effect. */
  readonly ignored: readonly string[];
}

const OTHER_SETTINGS = ['short-name-mode', 'aliases', 'credential-helpers', 'additional-layer-store-auth-helper'];
const LOCATION =
  /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?(?:\/[a-z0-9._/-]+(?::[\w.-]+)?(?:@[a-z0-9+._-]+:[\da-f]{32,})?)?$/;

/** Reads a `registries.conf` of version 2. */
export function parseRegistriesConf(document: TomlTable, path: string): RegistriesFile {
  if (document['registries'] !== undefined) throw configError(path, 'it is of version 1, which podman gave up');
  const fields = tomlFields(path);
  const registries = fields.tables(document, 'registry').map((table) => readRegistry(table, fields, path));
  checkConflicts(registries, path);
  return {
    registries,
    searchRegistries: fields.texts(document, 'unqualified-search-registries'),
    ignored: OTHER_SETTINGS.filter((name) => document[name] !== undefined),
  };
}

function readRegistry(table: TomlTable, fields: TomlFields, path: string): RegistryTable {
  const location = readLocation(fields.text(table, 'location') ?? '', path);
  const prefix = readPrefix(fields.text(table, 'prefix') ?? '', path) || location;
  if (prefix === '') throw configError(path, 'a registry has neither prefix nor location');
  if (location === '' && !prefix.startsWith('*.')) throw configError(path, 'a registry has a prefix and no location');
  const byDigestOnly = fields.flag(table, 'mirror-by-digest-only') === true;
  return {
    path,
    prefix,
    location,
    insecure: fields.flag(table, 'insecure') === true,
    blocked: fields.flag(table, 'blocked') === true,
    pullFrom: 'all',
    mirrors: fields.tables(table, 'mirror').map((mirror) => readMirror(mirror, byDigestOnly, fields, path)),
  };
}

function readMirror(table: TomlTable, byDigestOnly: boolean, fields: TomlFields, path: string): RegistryLocation {
  const location = readLocation(fields.text(table, 'location') ?? '', path);
  const pullFrom = fields.text(table, 'pull-from-mirror') ?? '';
  if (location === '') throw configError(path, 'a mirror has no location');
  if (byDigestOnly && pullFrom !== '')
    throw configError(
      path,
      'mirror-by-digest-only of a registry and pull-from-mirror of its mirrors exclude each other',
    );
  const insecure = fields.flag(table, 'insecure') === true;
  if (pullFrom === 'digest-only' || pullFrom === 'tag-only') return { location, insecure, pullFrom };
  if (pullFrom !== 'all' && pullFrom !== '') throw configError(path, 'pull-from-mirror has an unknown value');
  return { location, insecure, pullFrom: byDigestOnly ? 'digest-only' : 'all' };
}

function readPrefix(text: string, path: string): string {
  const trimmed = trim(text, path);
  const host = trimmed.startsWith('*.') ? trimmed.slice(2) : undefined;
  if (host === undefined ? isLocation(trimmed) : /^[\w.-]+(?::\d+)?$/.test(host)) return trimmed;
  throw configError(path, 'a prefix must be a host and a repository path, or *. and a host');
}

function readLocation(text: string, path: string): string {
  const trimmed = trim(text, path);
  if (isLocation(trimmed)) return trimmed;
  throw configError(path, 'a location must be a host and a repository path, without user info, query and escapes');
}

function trim(text: string, path: string): string {
  if (/^https?:\/\//.test(text))
    throw configError(path, 'a prefix or location has a scheme, which podman does not take');
  let end = text.length;
  while (text[end - 1] === '/') end -= 1;
  return text.slice(0, end);
}

function isLocation(text: string): boolean {
  return text === '' || LOCATION.test(text);
}

/** One place cannot be blocked and not, or insecure and not; podman refuses the file, too. */
function checkConflicts(registries: readonly RegistryTable[], path: string): void {
  const byLocation = new Map<string, RegistryTable>();
  for (const registry of registries) {
    const { insecure, blocked } = byLocation.get(registry.location) ?? registry;
    if (registry.location !== '' && (insecure !== registry.insecure || blocked !== registry.blocked))
      throw configError(path, 'registries at the same location differ in insecure or blocked');
    byLocation.set(registry.location, registry);
  }
}
