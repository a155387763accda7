import { parse } from 'smol-toml';
import { configError, readConfigFile } from '../files/config-file.js';

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

function parseToml(text: string, path: string): TomlTable {
  try {
    return parse(text);
  } catch (error) {
    // The parser's own message quotes the lines around the fault.
    const { line } = error as { readonly line?: unknown };
    throw configError(path, typeof line === 'number' ? `line ${line} is not TOML` : 'it is not TOML');
  }
}
