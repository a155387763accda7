import { quote } from '../internal/index.js';

/** What is wrong with a pattern, and the one that may have been meant. */
export interface PatternFlaw {
  readonly flaw: string;
  readonly instead?: string | undefined;
}

/** A class of characters, such as `[a-z]` or `[[:digit:]]`; an escaped bracket begins none. */
export const CLASS: RegExp = /(?<!\\)\[[!^]?(?:\[:[a-z]+:\]|[\w.:-])+\]/;

const MAX_PATTERN = 1024;
const MAX_ALTERNATIVES = 256;
/**
 * picomatch makes a backtracking regular expression of a pattern. Each star that has another one in its segment, and each
 * double star behind the first, multiplies the ways to try by the length of a segment. With two, and names no longer than
 * a registry's, the slowest takes some 20 ms.
 */
const MAX_FREE_STARS = 2;
const MAX_REPAIRS = 8;
const COMPONENT = /^[a-z\d]+(?:(?:\.|_|__|-+)[a-z\d]+)*$/;
const ADDRESS = /^\\\[[\da-f:.]+\\\](?::\d+)?$/i;
const HUB = /^(?:index|registry-1)\.docker\.io$/i;

/**
 * The patterns without braces that a pattern stands for.
 *
 * @returns what is wrong with it instead, when it cannot be read
 */
export function expandPattern(pattern: unknown): readonly string[] | string {
  if (typeof pattern !== 'string') return 'it is no text';
  const flaw = findTextFlaw(pattern);
  if (flaw !== undefined) return flaw;
  // A host that is an address of IPv6 would be a class of one character.
  const text = pattern.replace(/(^|[{,])\[((?:[\da-f]*:){2,}[\da-f]*)\](?=$|[:/,}])/gi, String.raw`$1\[$2\]`);
  const parser = { text, at: 0 };
  const alternatives = expandSequence(parser, 0);
  if (typeof alternatives === 'string') return alternatives;
  if (alternatives.some((alternative) => countFreeStars(alternative) > MAX_FREE_STARS))
    return 'it has too many stars to be matched in bounded time; write it as several rules';
  return alternatives;
}

function findTextFlaw(pattern: string): string | undefined {
  if (pattern === '') return 'it is empty';
  if (pattern.length > MAX_PATTERN) return `it has more than ${MAX_PATTERN} characters`;
  if (pattern.includes('..')) return 'no image name has two dots in a row, and ranges in braces are not supported';
  if (pattern.startsWith('!')) return 'a rule cannot be negated; use the other list';
  const foreign = /[^\w.:/*?{},!^[\]\\@-]|@(?!\w)/u.exec(pattern)?.[0];
  if (foreign !== undefined) return `${quote(foreign)} is in no image name and has no meaning in rules`;
  if (pattern.replaceAll('\\\\', '').endsWith('\\')) return 'it ends in a backslash';
  if (/\\(?![[\]])/.test(pattern)) return 'a backslash may stand before [ and ] only, and no image name has one';
  return undefined;
}

interface Parser {
  readonly text: string;
  at: number;
}

const UNBALANCED = 'its brackets do not match';

/** Reads up to the end of the text or of the alternative. The nesting is no deeper than the text is long. */
function expandSequence(parser: Parser, depth: number): readonly string[] | string {
  let found: readonly string[] = [''];
  while (parser.at < parser.text.length) {
    const rest = parser.text.slice(parser.at);
    if (depth > 0 && /^[,}]/.test(rest)) return found;
    if (rest.startsWith('{')) {
      const choices = expandBraces(parser, depth + 1);
      if (typeof choices === 'string') return choices;
      if (found.length * choices.length > MAX_ALTERNATIVES)
        return `it stands for more than ${MAX_ALTERNATIVES} patterns; write it as several rules`;
      found = found.flatMap((before) => choices.map((choice) => before + choice));
      continue;
    }
    const piece = /^(?:\\.|[^{},!^[\]\\])+/.exec(rest)?.[0] ?? (rest.search(CLASS) === 0 ? CLASS.exec(rest)?.[0] : '');
    if (piece === undefined || piece === '') return flawAt(rest);
    if (piece.startsWith('[') && !isClass(piece)) return `${quote(piece)} is no class of characters`;
    found = found.map((before) => before + piece);
    parser.at += piece.length;
  }
  return depth === 0 ? found : UNBALANCED;
}

function expandBraces(parser: Parser, depth: number): readonly string[] | string {
  const choices: string[] = [];
  let count = 0;
  do {
    parser.at += 1;
    const choice = expandSequence(parser, depth);
    if (typeof choice === 'string') return choice;
    for (const one of choice) choices.push(one);
    count += 1;
    if (choices.length > MAX_ALTERNATIVES)
      return `it stands for more than ${MAX_ALTERNATIVES} patterns; write it as several rules`;
  } while (parser.text[parser.at] === ',');
  parser.at += 1;
  return count === 1 ? 'its braces have one alternative only' : choices;
}

function flawAt(rest: string): string {
  if (rest.startsWith(',')) return 'a comma may stand in braces only; write a rule for each pattern';
  return /^[!^]/.test(rest) ? `${quote(rest.slice(0, 1))} may stand at the start of a class only` : UNBALANCED;
}

/** Whether the engine takes it: it refuses `[z-a]`. */
function isClass(text: string): boolean {
  try {
    return classOf(text) !== undefined;
  } catch {
    return false;
  }
}

function classOf(text: string): RegExp {
  const inner = text
    .slice(1, -1)
    .replace(/^!/, '^')
    .replaceAll(/\[:[a-z]+:\]/g, String.raw`\w.:-`);
  return new RegExp(`^[${inner}]$`, 'i');
}

function countFreeStars(pattern: string): number {
  const segments = pattern.split('/').map((segment) => segment.split(/\*+/).length - 1);
  const globstars = pattern.split('/').filter((segment) => segment.includes('**')).length;
  return segments.reduce((sum, stars) => sum + Math.max(0, stars - 1), 0) + Math.max(0, globstars - 1);
}

/** The pattern that a flawed one can be put right to; `undefined` when nothing plain is left. */
export function repairPattern(pattern: string): string | undefined {
  let text = pattern;
  for (let tries = 0; tries < MAX_REPAIRS; tries += 1) {
    const flaw = findFlaw(text);
    if (flaw === undefined) return text.includes('/') || text === '**' ? text : `${text}/**`;
    if (flaw.instead === undefined) return undefined;
    text = flaw.instead;
  }
  return undefined;
}

/**
 * Why a pattern without braces can match no image: a rule that does nothing must not look like one that does.
 *
 * @param pattern - with backslashes before brackets that are meant as such
 */
export function findFlaw(pattern: string): PatternFlaw | undefined {
  const scheme = /^[a-z][a-z\d+.-]*:\/\//i.exec(pattern)?.[0];
  if (scheme !== undefined) return { flaw: 'a name has no scheme', instead: pattern.slice(scheme.length) };
  const at = pattern.indexOf('@');
  if (at !== -1) return { flaw: 'it has a digest, and rules look at names only', instead: pattern.slice(0, at) };
  if (pattern.startsWith('/')) return { flaw: 'a name begins with its registry', instead: pattern.replace(/^\/+/, '') };
  if (pattern.endsWith('/')) return { flaw: 'no name ends in a slash', instead: `${trimEnd(pattern, '/')}/**` };
  if (pattern.includes('//')) return { flaw: 'no name has an empty part', instead: pattern.replaceAll(/\/+/g, '/') };
  const [host = '', ...path] = pattern.split('/');
  return path.length === 0 ? findLoneFlaw(host) : (findHostFlaw(host, path) ?? findPathFlaw(host, path));
}

/** Of a pattern without a slash, which no name is: it may stand for a whole host, where it can be nothing else. */
function findLoneFlaw(text: string): PatternFlaw | undefined {
  if (text === '**' || ADDRESS.test(text) || /^localhost(?::\d+)?$/i.test(text)) return undefined;
  if (text === '') return { flaw: 'it is empty' };
  if (text.startsWith('.')) return { flaw: 'no host begins with a dot', instead: `*${text}` };
  if (HUB.test(text)) return { flaw: 'images of Docker Hub are named docker.io', instead: 'docker.io' };
  if (/^(?:[\w*?-]|\.(?!$)|\[[^\]]*\])+\.[a-z\d-]+(?::\d+)?$/i.test(text)) return undefined;
  const [name = '', tag] = text.split(':');
  if (tag !== undefined && /^\d+$/.test(tag))
    return { flaw: 'it may be a host and port, or an image and tag', instead: `${text}/**` };
  if (tag !== undefined) {
    const flaw = 'it has a tag, and rules look at names only';
    return /^\**$/.test(name) ? { flaw } : { flaw, instead: name };
  }
  if (text === '*') return { flaw: 'a star stays within one part of a name', instead: '**' };
  if (text.startsWith('*')) return { flaw: 'a star stays within one part of a name', instead: `**/${text}` };
  const bare = trimEnd(text, '*');
  if (text.includes('.'))
    return { flaw: 'it has no slash, as every name has', instead: `${bare.endsWith('.') ? text : bare}/**` };
  return { flaw: 'a name begins with its registry', instead: `docker.io/library/${text}` };
}

function findHostFlaw(host: string, path: readonly string[]): PatternFlaw | undefined {
  const rest = path.join('/');
  if (host.startsWith('.')) return { flaw: 'no host begins with a dot', instead: `*${host}/${rest}` };
  if (HUB.test(host)) return { flaw: 'images of Docker Hub are named docker.io', instead: `docker.io/${rest}` };
  if (ADDRESS.test(host)) return undefined;
  if (/[\\]/.test(host)) return { flaw: 'its first part is not a host' };
  const port = host.replaceAll(new RegExp(CLASS, 'g'), '?').split(':').slice(1);
  if (port.length > 1 || port.some((digits) => !/^[\d*?]+$/.test(digits))) return { flaw: 'a port has digits only' };
  if (/[-.]$|\.:|-:/.test(host) || host.startsWith('-')) return { flaw: 'its first part is not a host' };
  // What has none of these is a folder of Docker Hub.
  if (/[.:*?A-Z]/.test(host) || host === 'localhost' || anyClass(host, (one) => one.test('.') || one.test(':')))
    return undefined;
  return { flaw: 'its first part is not a host', instead: `docker.io/${host}/${rest}` };
}

function findPathFlaw(host: string, path: readonly string[]): PatternFlaw | undefined {
  const rest = path.join('/');
  if (/:/.test(withoutClasses(rest))) {
    const instead = `${host}/${rest.slice(0, rest.lastIndexOf(':'))}`;
    return {
      flaw: 'it has a tag, and rules look at names only',
      instead: path.at(-1)?.includes(':') ? instead : undefined,
    };
  }
  if (/[A-Z]/.test(rest.replaceAll(/\[:[a-z]+:\]/g, '')))
    return { flaw: 'no name has upper case behind its registry', instead: `${host}/${rest.toLowerCase()}` };
  const [only = ''] = path;
  if (/^docker\.io$/i.test(host) && path.length === 1 && only !== '**')
    return {
      flaw: 'an image of Docker Hub has a folder, which is library for official ones',
      instead: only === '*' ? 'docker.io/**' : `docker.io/library/${only}`,
    };
  const wrong = path.find((part) => !canBePart(part));
  return wrong === undefined ? undefined : { flaw: `no name has the part ${quote(wrong)}` };
}

function canBePart(part: string): boolean {
  if (part.includes('\\')) return false;
  if (anyClass(part, (one) => !Array.from('abcdefghijklmnopqrstuvwxyz0123456789._-').some((c) => one.test(c))))
    return false;
  const plain = withoutClasses(part);
  return /[*?]/.test(plain) ? !/^[._-]|[._-]$/.test(plain) : COMPONENT.test(plain);
}

/** The text with one question mark for each class. */
function withoutClasses(text: string): string {
  return text.replaceAll(new RegExp(CLASS, 'g'), '?');
}

function anyClass(text: string, is: (one: RegExp) => boolean): boolean {
  return Array.from(text.matchAll(new RegExp(CLASS, 'g')), ([one]) => classOf(one)).some(is);
}

function trimEnd(text: string, character: string): string {
  let end = text.length;
  while (text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}
