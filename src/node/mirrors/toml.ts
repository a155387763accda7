import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryEndpoints } from '../../mirrors/index.js';
import { configError, readConfigFile } from '../files/config-file.js';
import type { RegistryTls } from '../transport/options.js';

/**
 * A setting of a configuration file that has no effect here.
 *
 * @public
 */
export interface IgnoredSetting {
  /** The file that it stands in. */
  readonly path: string;
  /** The setting's name, such as `dial_timeout`. */
  readonly setting: string;
  /** Why it has no effect, in words. */
  readonly reason: string;
}

/**
 * What a configuration of mirrors says: the options for a pull and for its transport.
 *
 * @public
 */
export interface MirrorConfig {
  /** The option `endpoints` of a pull. */
  readonly endpoints: RegistryEndpoints;
  /** The option `tls` of `createNodeRuntime` and `createUndiciTransport`. */
  readonly tls: Readonly<Record<string, RegistryTls>>;
  /** What could not be honoured, for a log; it holds no value. */
  readonly ignored: readonly IgnoredSetting[];
}

/** Collects TLS settings by host. A transport has one for each, so of several that differ the first counts. */
export interface TlsMap {
  /** @param given - the setting as the file at `path` gives it, to see whether two are the same */
  add(host: string, tls: RegistryTls, given: unknown, path: string): void;
  record(): Readonly<Record<string, RegistryTls>>;
}

export function createTlsMap(ignored: IgnoredSetting[]): TlsMap {
  const byHost = new Map<string, { readonly tls: RegistryTls; readonly given: string }>();
  return {
    add(host, tls, setting, path) {
      const given = JSON.stringify(setting);
      const before = byHost.get(host);
      if (before === undefined) byHost.set(host, { tls, given });
      else if (before.given !== given)
        ignored.push({ path, setting: 'TLS', reason: 'another file has other settings for the same host' });
    },
    record: () => Object.fromEntries([...byHost].map(([host, { tls }]) => [host, tls])),
  };
}

/** A table of a TOML document; its values are not checked yet. It has no prototype. */
export type TomlTable = Readonly<Record<string, unknown>>;

/**
 * Reads a TOML file.
 *
 * @returns `undefined` when there is no such file
 * @throws {@link InvalidConfigError} when it cannot be read or parsed; with the file and the line, never with its text
 */
export async function readTomlFile(path: string): Promise<TomlTable | undefined> {
  const text = await readTextFile(path);
  return text === undefined ? undefined : parseToml(text, path);
}

/** The text of a configuration file; `undefined` when there is none. */
export async function readTextFile(path: string): Promise<string | undefined> {
  const bytes = await readConfigFile(path);
  try {
    return bytes && new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw configError(path, 'it is not in UTF-8');
  }
}

/** Dots of one line: each part of a key makes a table in a table. What nests in brackets the library bounds by itself. */
const MAX_DOTS = 1000;

/** The parser is loaded at the first file: most who import this read none. */
export async function parseToml(text: string, path: string): Promise<TomlTable> {
  const dotted = text.split('\n').findIndex((line) => line.split('.', MAX_DOTS + 2).length > MAX_DOTS + 1);
  if (dotted !== -1) throw configError(path, `line ${dotted + 1} has more than ${MAX_DOTS} dots`);
  const { parse } = await import('smol-toml');
  try {
    return parse(text);
  } catch (error) {
    // The parser's own message quotes the lines around the fault.
    const { line } = error as { readonly line?: unknown };
    throw configError(path, typeof line === 'number' ? `line ${line} is not TOML` : 'it is not TOML');
  }
}

/** Reads the fields of one file's tables; what has the wrong type is an error that names the field and nothing else. */
export interface TomlFields {
  text(table: TomlTable, key: string): string | undefined;
  flag(table: TomlTable, key: string): boolean | undefined;
  texts(table: TomlTable, key: string): readonly string[] | undefined;
  table(table: TomlTable, key: string): TomlTable | undefined;
  tables(table: TomlTable, key: string): readonly TomlTable[];
}

export function tomlFields(path: string): TomlFields {
  const read =
    <T>(is: (value: unknown) => value is T, kind: string) =>
    (table: TomlTable, key: string): T | undefined => {
      const value = table[key];
      if (value === undefined || is(value)) return value;
      throw configError(path, `${key} must be ${kind}`);
    };
  const tables = read(isListOf(isTable), 'a list of tables');
  return {
    text: read(isText, 'a string'),
    flag: read((value) => typeof value === 'boolean', 'true or false'),
    texts: read(isListOf(isText), 'a list of strings'),
    table: read(isTable, 'a table'),
    tables: (table, key) => tables(table, key) ?? [],
  };
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

export function isListOf<T>(is: (value: unknown) => value is T): (value: unknown) => value is readonly T[] {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(is);
}

/** The paths of the `.conf` files in a folder of drop-ins, in order; none when there is no such folder. */
export async function listDropIns(directory: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.conf'));
    return names.toSorted().map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw configError(directory, 'it cannot be listed');
  }
}
