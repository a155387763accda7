import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import picomatch from 'picomatch/posix.js';
import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { ImageReference } from '../reference/index.js';
import { CLASS, expandPattern, findFlaw, repairPattern } from './pattern.js';

/**
 * What rules look at: a parsed reference, of which only the name counts. Tags and digests are not matched.
 *
 * @public
 */
export type RuleSubject = Pick<ImageReference, 'name'>;

/**
 * The rule that decided: which list it stands in, where, and its text.
 *
 * @public
 */
export interface DecidingRule {
  /** The list that it stands in; `mirrors` for routes to mirrors. */
  readonly list: 'allow' | 'deny' | 'mirrors';
  /** Place in the list, from 0. */
  readonly index: number;
  /** The pattern as it was written. */
  readonly pattern: string;
}

/** The rules of one list, ready to be tried on names. */
export interface RuleSet {
  /** The first rule of the list that matches. The cost grows with the parts of the name, not with the literal rules. */
  find(subject: RuleSubject): DecidingRule | undefined;
}

/** DNS allows a host of 253 characters, and a port adds 6; a path has 255 at most. */
const MAX_HOST = 259;
const MAX_NAME = MAX_HOST + 1 + 255;
/** Other names of Docker Hub, which the grammar of references keeps as they are. */
const HUB = ['index.docker.io', 'registry-1.docker.io'];
/** A host that a URL parser gives back as it is. */
const PLAIN_HOST = /^(?:[a-z\d-]+\.)+[a-z][a-z\d-]*$/;

const SUBJECT = {
  ref: /* @__PURE__ */ is.shape({ name: is.text }, 'a reference, such as parseReference() gives'),
};

/** Whether a name is longer than any registry's can be; it is not tried on patterns. */
export function isTooLong(ref: RuleSubject): boolean {
  check('Cannot apply rules', { ref }, SUBJECT);
  const { name } = ref;
  return name.length > MAX_NAME || name.indexOf('/') > MAX_HOST;
}

interface Glob {
  readonly index: number;
  matches(name: string): boolean;
}

/**
 * Compiles a list of patterns. Literal names and prefixes stand in maps, and a glob under what comes before its first
 * special character, so that a name meets only the globs of its own host and folder. A glob in the host stands under the
 * domain that comes behind it.
 *
 * @throws ImageError `ERR_OPTION_INVALID` for a pattern that can match no name, or that a hostile name could make slow
 */
export function compileRules(list: DecidingRule['list'], patterns: readonly string[]): RuleSet {
  const exact = new Map<string, number>();
  const below = new Map<string, number>();
  const globs = new Map<string, Glob[]>();
  const hostGlobs = new Map<string, Glob[]>();
  const addFirst = (map: Map<string, number>, key: string, index: number): void => {
    if (!map.has(key)) map.set(key, index);
  };
  patterns.forEach((pattern, index) => {
    for (const alternative of alternativesOf(pattern)) {
      const { prefix, rest } = splitLiteral(alternative);
      if (rest === '') addFirst(exact, prefix, index);
      else if (rest === '**') addFirst(below, prefix, index);
      else {
        const [map, key] = prefix === '' ? [hostGlobs, domainOf(rest)] : [globs, prefix];
        const beside = map.get(key) ?? [];
        beside.push({ index, matches: compileGlob(pattern, alternative) });
        map.set(key, beside);
      }
    }
  });
  const findIn = (name: string, least: number): number => {
    let best = Math.min(least, exact.get(name) ?? Infinity, below.get('') ?? Infinity, below.get(name) ?? Infinity);
    const tryOn = (list: readonly Glob[] = []): void => {
      for (const { index, matches } of list) {
        if (index >= best) break;
        if (matches(name)) best = index;
      }
    };
    for (const domain of domainsOf(name)) tryOn(hostGlobs.get(domain));
    for (const prefix of prefixesOf(name)) {
      best = Math.min(best, below.get(prefix) ?? Infinity);
      tryOn(globs.get(prefix));
    }
    return best;
  };
  return {
    find({ name }) {
      const index = spellingsOf(name).reduce((least, spelling) => findIn(spelling, least), Infinity);
      const pattern = patterns[index];
      return pattern === undefined ? undefined : { list, index, pattern };
    },
  };
}

/** The patterns without braces that a rule stands for; a host stands for everything in it. */
function alternativesOf(pattern: string): readonly string[] {
  const expanded = expandPattern(pattern);
  if (typeof expanded === 'string') throw invalid(pattern, expanded);
  return expanded.map((alternative) => {
    const flaw = findFlaw(alternative);
    if (flaw !== undefined) {
      const better = flaw.instead === undefined ? undefined : repairPattern(flaw.instead);
      const which = expanded.length === 1 ? '' : `of ${quote(alternative)}: `;
      throw invalid(pattern, `${which}${flaw.flaw}${better === undefined ? '' : `; write ${quote(better)}`}`);
    }
    const [host = '', ...path] = alternative.split('/');
    if (alternative === '**') return alternative;
    return [patternHost(host), ...(path.length === 0 ? ['**'] : path)].join('/');
  });
}

/** The parts before the first one with a special character, and what comes behind them. */
function splitLiteral(alternative: string): { readonly prefix: string; readonly rest: string } {
  const parts = alternative.split('/');
  const at = parts.findIndex(isGlob);
  const literal = at === -1 ? parts : parts.slice(0, at);
  return { prefix: literal.join('/').replaceAll('\\', ''), rest: at === -1 ? '' : parts.slice(at).join('/') };
}

function compileGlob(pattern: string, alternative: string): (name: string) => boolean {
  try {
    const matches = picomatch(alternative, {
      dot: true,
      nonegate: true,
      noextglob: true,
      nobrace: true,
      posix: true,
      strictBrackets: true,
    });
    return (name) => matches(name);
  } catch {
    // picomatch's own message quotes the pattern at length.
    throw invalid(pattern, 'its brackets do not match');
  }
}

/** Nothing, the host, and the host with more and more of the path, but not the whole name. */
function* prefixesOf(name: string): Generator<string, void, undefined> {
  yield '';
  for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) yield name.slice(0, at);
}

/** What the host of a pattern ends in, from the first dot behind its last special character; nothing where there is none. */
function domainOf(pattern: string): string {
  const [host = ''] = pattern.split('/', 1);
  return /[*?\]](?:[\w:-]*)(\.[\w.:-]+)$/.exec(host)?.[1] ?? '';
}

/** Nothing, and all that the host of a name ends in, from each of its dots. */
function* domainsOf(name: string): Generator<string, void, undefined> {
  yield '';
  const end = name.indexOf('/');
  const host = end === -1 ? name : name.slice(0, end);
  for (let at = host.indexOf('.'); at !== -1; at = host.indexOf('.', at + 1)) yield host.slice(at);
}

/** A name as it is written, but for the case of its host, and as it is asked for: the same registry has many spellings. */
function spellingsOf(name: string): readonly string[] {
  const at = name.indexOf('/');
  const [host, path] = at === -1 ? [name, ''] : [name.slice(0, at), name.slice(at)];
  const lower = host.toLowerCase();
  const canonical = canonicalHost(lower);
  return canonical === lower ? [lower + path] : [lower + path, canonical + path];
}

/** The host as a URL has it: in lower case, an address in its one form, and without the port that is the default. */
function canonicalHost(host: string): string {
  if (PLAIN_HOST.test(host) && !HUB.includes(host)) return host;
  const known = URL.canParse(`https://${host}/`) ? new URL(`https://${host}/`).host : host;
  return HUB.includes(known) ? 'docker.io' : known;
}

/** The same for the host of a pattern, in which brackets may be escaped; with special characters it has no one form. */
function patternHost(text: string): string {
  const host = text.toLowerCase();
  if (isGlob(host)) return host;
  return canonicalHost(host.replaceAll('\\', '')).replaceAll(/[[\]]/g, String.raw`\$&`);
}

function isGlob(part: string): boolean {
  return /[*?]/.test(part) || CLASS.test(part);
}

function invalid(pattern: unknown, reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot compile rule ${quote(String(pattern))}: ${reason}`);
}
