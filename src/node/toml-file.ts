import { parse } from 'smol-toml';
import { InvalidConfigError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import { readBounded } from './read-bounded.js';

/** The largest file that is read. */
const MAX_BYTES = 4 * 1024 * 1024;

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
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readBounded(path, MAX_BYTES);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw configError(path, `the system answers ${/^[A-Z]+$/.test(String(code)) ? code : 'with an error'}`);
  }
  if (bytes === undefined) throw configError(path, 'it is no regular file of at most 4 MiB');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw configError(path, 'it is not in UTF-8');
  }
}

function parseToml(text: string, path: string): TomlTable {
  try {
    return parse(text);
  } catch (error) {
    // The parser's own message quotes the lines around the fault.
    const { line } = error as { readonly line?: unknown };
    throw configError(path, typeof line === 'number' ? `line ${line} is not TOML` : 'it is not TOML');
  }
}

/** @param because - must not quote the document: a header or a URL in it may hold a credential */
export function configError(path: string, because: string): InvalidConfigError {
  const message = `Cannot use ${quote(path)}: ${because}`;
  return new InvalidConfigError(message, { upstream: because, offset: undefined });
}
