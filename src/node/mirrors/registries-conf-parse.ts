import { configError } from '../files/config-file.js';
import type { TomlTable } from './toml-file.js';
import { type TomlFields, tomlFields } from './toml-fields.js';

/** Where a `[[registry]]` or a mirror of it is. */
export interface RegistryLocation {
  /** What takes the place of the prefix in an image's name; empty to leave the name as it is. */
  readonly location: string;
  readonly insecure: boolean;
  readonly pullFrom: 'all' | 'digest-only' | 'tag-only';
}

/** A `[[registry]]` table. */
export interface RegistryTable extends RegistryLocation {
  /** The file that it stands in. */
  readonly path: string;
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly RegistryLocation[];
}

/** What one file says. */
export interface RegistriesFile {
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
  if (pullFrom !== 'all' && pullFrom !== '') throw configError(path, 'pull-from-mirror has a value that is none');
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
