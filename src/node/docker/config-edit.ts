import { applyEdits, type FormattingOptions, modify } from 'jsonc-parser';
import { type DockerConfig, parseDockerConfig } from '../../docker-config/index.js';
import { InvalidConfigError } from '../../errors/index.js';
import { quote, readJson } from '../../internal/index.js';
import { HUB, HUB_NAMES } from './keyring.js';

/** A docker config with nothing in it. */
export const EMPTY = '{}';

/** An editor that misreads a file would lose credentials, so what is ambiguous is left alone. */
export function checkText(path: string, text: string): DockerConfig {
  const parsed = readJson(text);
  if (!parsed.ok || parsed.node.kind !== 'object') throw refuse(path, 'it is not a JSON object');
  const named = parsed.node.members.filter(({ key }) => key.toLowerCase() === 'auths');
  const [auths] = named;
  if (named.length > 1 || (auths !== undefined && auths.key !== 'auths')) throw refuse(path, 'its auths are ambiguous');
  if (auths?.value.kind === 'object') {
    const keys = auths.value.members.map(({ key }) => key);
    if (new Set(keys).size < keys.length) throw refuse(path, 'it has an entry twice');
  }
  try {
    return parseDockerConfig(text, { mode: 'docker' });
  } catch {
    throw refuse(path, 'it is not a docker config');
  }
}

/**
 * Puts an entry into the text of a docker config, or takes it away, and leaves the rest as it stands.
 *
 * @param entry - `undefined` takes the entry away, under whatever name of the server
 * @throws {@link InvalidConfigError} for a text that cannot be changed for sure
 */
export function edit(path: string, server: string, text: string, entry: object | undefined): string {
  const names = namesOf(path, text);
  const unwanted = entry === undefined ? aliasesOf(server).filter((name) => names.includes(name)) : [];
  let changed = entry === undefined ? text : setEntry(text, server, entry);
  for (const name of unwanted)
    changed = applyEdits(changed, modify(changed, ['auths', name], undefined, formatOf(text)));
  if (changed === text) return text;
  const left = namesOf(path, changed);
  if (left.includes(server) !== (entry !== undefined) || unwanted.some((name) => left.includes(name)))
    throw refuse(path, 'it cannot be changed safely');
  return changed;
}

/** Go writes `null` for an object that has nothing in it. */
function setEntry(text: string, server: string, entry: object): string {
  const root: unknown = JSON.parse(text);
  const isNull = typeof root === 'object' && root !== null && 'auths' in root && root.auths === null;
  const edits = isNull
    ? modify(text, ['auths'], { [server]: entry }, formatOf(text))
    : modify(text, ['auths', server], entry, formatOf(text));
  return applyEdits(text, edits);
}

/** The keys under which Docker looks for what it is to forget. */
function aliasesOf(server: string): readonly string[] {
  return server === HUB ? HUB_NAMES : [server, `http://${server}`, `https://${server}`];
}

function namesOf(path: string, text: string): readonly string[] {
  return checkText(path, text).entries.map(({ pattern }) => pattern);
}

/** As the file is written; a new one as Docker writes it, with tabs, and one on a single line stays that. */
function formatOf(text: string): { readonly formattingOptions?: FormattingOptions } {
  if (text !== EMPTY && !text.includes('\n')) return {};
  const indent = /^( +)"/m.exec(text)?.[1]?.length;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  return { formattingOptions: { insertSpaces: indent !== undefined, tabSize: indent ?? 1, eol } };
}

export function refuse(path: string, reason: string): InvalidConfigError {
  const message = `Cannot change ${quote(path)}: ${reason}, so it is left as it is`;
  return new InvalidConfigError(message, { upstream: reason, offset: undefined });
}
