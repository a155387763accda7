import { isAbsolute, join } from 'node:path';
import { type EndpointCapability, mirrorEndpoint } from '../../mirrors/index.js';
import { parseReference } from '../../reference/index.js';
import { configError } from '../files/config-file.js';
import type { TomlTable } from './toml-file.js';
import { isListOf, isText, type TomlFields, tomlFields } from './toml-fields.js';

/** A host as `hosts.toml` describes it. */
export interface HostEntry {
  /** As {@link mirrorEndpoint} takes it; `undefined` for the image's own registry, wherever that is. */
  readonly url: string | undefined;
  /** Where the API begins, when the file gives it whole. */
  readonly apiPath: string | undefined;
  readonly capabilities: readonly EndpointCapability[];
  readonly tls: HostTls;
  /** Names of settings that are understood and have no effect. */
  readonly ignored: readonly string[];
}

/** TLS settings, with absolute paths. */
export interface HostTls {
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
    ignored: ['header', 'dial_timeout'].filter((name) => table[name] !== undefined),
  };
}

function readCapabilities(names: readonly string[], path: string): readonly EndpointCapability[] {
  const lower = names.map((name) => name.toLowerCase());
  if (!lower.every((name) => CAPABILITIES.includes(name))) throw configError(path, 'it has a capability that is none');
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
    mirrorEndpoint(url, parseReference('app'));
  } catch {
    throw configError(path, 'a host must be a plain http or https URL without user info, query, fragment and escapes');
  }
  const { origin, pathname } = new URL(url);
  const apiPath = pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
  if (whole && !apiPath.split('/').includes('v2')) return { url: origin, apiPath };
  return { url: `${origin}${apiPath}${whole || apiPath.endsWith('/v2') ? '' : '/v2'}`, apiPath: undefined };
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
