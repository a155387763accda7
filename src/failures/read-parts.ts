import { hideUserInfo } from '../internal/index.js';
import { type ImageReference, safeParseReference } from '../reference/index.js';

/** What a text names, as far as it names it in whole: of what is cut off nothing is taken. */
export interface TextParts {
  /** The first image that can be read. */
  readonly image: ImageReference | undefined;
  /** The other images that can be read, in their order: the same with its registry, or that of another attempt. */
  readonly others: readonly ImageReference[];
  /** Whether something stands where an image should, and cannot be read. */
  readonly hasUnreadable: boolean;
  /** What was probably meant by it. */
  readonly suggestion: string | undefined;
  /** The server that was asked, with its port. */
  readonly host: string | undefined;
  /** The server of a request of the registry API, by a URL that does not name another registry. */
  readonly registryHost: string | undefined;
  /** The text in lower case, without images, addresses and names of containers, which may be any words. */
  readonly words: string;
}

/** A place in the text, and what stands there. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly kind: 'image' | 'url' | 'lookup' | 'ping' | 'name';
  readonly value: string;
}

/** @param text - on one line, without control characters */
export function readParts(text: string): TextParts {
  const lower = text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
  const spans = [...findQuoted(text, lower), ...findTokens(text, lower), ...findUrls(text, lower)].toSorted(
    (a, b) => a.start - b.start,
  );
  const images = spans.flatMap(({ kind, value }) => (kind === 'image' ? [value] : []));
  // What has a space in it is two texts that met at a quote, and the first may be cut off in a password.
  const parsed = images.filter((value) => !value.includes(' ')).map((value) => safeParseReference(value));
  const [image, ...others] = parsed.flatMap((result) => (result.ok ? [result.value] : []));
  const url = spans.flatMap(({ kind, value }) => (kind === 'url' ? [readUrl(value)] : []))[0];
  return {
    image,
    others,
    hasUnreadable: image === undefined && images.length > 0,
    suggestion:
      image === undefined ? parsed.flatMap((result) => (result.ok ? [] : [result.error.suggestion]))[0] : undefined,
    host: url?.host ?? findHost(spans, 'lookup') ?? findHost(spans, 'ping'),
    registryHost: url?.isRegistry === true ? url.host : undefined,
    words: withoutImages(without(lower, spans), images),
  };
}

/** Words in front of a quoted image, or of a quoted name of something else. */
const QUOTED = /\b(?:image(?: name| tag| reference)?|reference|pullimage|cannot pull|(for|pod|container))[ =]/g;

/** Quoted images. The quotes may be escaped, as in a log, but both in the same way. */
function* findQuoted(text: string, lower: string): Generator<Span> {
  const isOdd = (text.split('"').length - 1) % 2 === 1;
  const last = text.lastIndexOf('"');
  const nextQuote = createFinder(text, '"');
  for (const match of lower.matchAll(QUOTED)) {
    const slashes = match.index + match[0].length;
    const open = skipSlashes(text, slashes);
    if (text[open] !== '"') continue;
    const close = nextQuote(open + 1);
    const depth = open - slashes;
    const inner = text.slice(open + 1, close - depth);
    const isWhole =
      close < text.length && text.slice(close - depth, close) === text.slice(slashes, open) && !inner.endsWith('\\');
    // Of an odd number the last may close what was around a text that is cut off.
    // Before a letter a quote opens another text, which met this one.
    if (!isWhole || inner === '' || (isOdd && close === last) || /\w/.test(text[close + 1] ?? '')) continue;
    yield { start: open + 1, end: close - depth, kind: match[1] === undefined ? 'image' : 'name', value: inner };
  }
}

function skipSlashes(text: string, from: number): number {
  let at = from;
  while (text[at] === '\\') at += 1;
  return at;
}

/** Words in front of an image or host without quotes, and what has to be behind it. */
const TOKENS: readonly (readonly [before: string, kind: Span['kind'], behind: readonly string[]])[] = [
  ['docker://', 'image', [': ', ' is ']],
  ['manifest for ', 'image', [' not found', ' is not found']],
  ['pull access denied for ', 'image', [', ']],
  ['image pull failed for ', 'image', [' because', ', ']],
  ['repository ', 'image', [' not found: does not exist', ' not found']],
  ['not found in repository ', 'image', [')']],
  ['dial tcp: lookup ', 'lookup', [' on ', ': ']],
  ['pinging container registry ', 'ping', [': ']],
  ['pinging docker registry ', 'ping', [': ']],
];
const MANIFEST = 'reading manifest ';

function* findTokens(text: string, lower: string): Generator<Span> {
  const nextSpace = createFinder(text, ' ');
  const tokenAt = (start: number, kind: Span['kind'], behind: readonly string[]): Span | undefined => {
    const stop = nextSpace(start);
    for (const ending of behind) {
      const end = ending.startsWith(' ') ? stop : stop - 1;
      if (end <= start || !lower.startsWith(ending, end)) continue;
      const value = text.slice(start, end).replaceAll('\\', '');
      return value.includes('"') ? undefined : { start, end, kind, value };
    }
    return undefined;
  };
  for (const [before, kind, behind] of TOKENS) {
    for (const start of indexesOf(lower, before)) {
      const found = tokenAt(start + before.length, kind, behind);
      if (found !== undefined) yield found;
    }
  }
  for (const start of indexesOf(lower, MANIFEST)) {
    // A tag or a digest, then the repository.
    const tagEnd = nextSpace(start + MANIFEST.length);
    if (!lower.startsWith(' in ', tagEnd)) continue;
    yield { start: start + MANIFEST.length, end: tagEnd, kind: 'name', value: '' };
    const found = tokenAt(tagEnd + ' in '.length, 'image', [': ']);
    if (found !== undefined) yield found;
  }
}

/** Finds a character from a place on, or the end of the text, without looking twice at the same. */
function createFinder(text: string, character: string): (from: number) => number {
  let last = { from: 0, at: -1 };
  return (from) => {
    if (from >= last.from && from <= last.at) return last.at;
    const found = text.indexOf(character, from);
    last = { from, at: found < 0 ? text.length : found };
    return last.at;
  };
}

function* indexesOf(text: string, words: string): Generator<number> {
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + words.length)) yield at;
}

const URL_START = /https?:\/\//g;
/** What stands in front of the address of a request; other addresses are help pages. */
const REQUEST = /(?:\b(?:get|head|post)|request to|status code|endpoint|err) \\{0,8}"?$/;

function* findUrls(text: string, lower: string): Generator<Span> {
  let past = 0;
  const [nextSpace, nextQuote] = [createFinder(text, ' '), createFinder(text, '"')];
  for (const match of lower.matchAll(URL_START)) {
    const start = match.index;
    if (start < past) continue;
    const stop = Math.min(nextSpace(start), nextQuote(start));
    // The colon is of the text.
    const end = text[stop - 1] === ':' ? stop - 1 : stop;
    past = stop;
    const isRequest = REQUEST.test(lower.slice(Math.max(0, start - 30), start));
    yield { start, end, kind: isRequest ? 'url' : 'name', value: text.slice(start, end) };
  }
}

const HOST = /^(?:[a-z\d_](?:[\w.-]{0,252}[a-z\d_])?|\[[a-f\d:.]{2,45}\])(?::\d{1,5})?$/i;

/** A host that is pinged has a dot or a port, unless it is the node; without them it is a word of the message. */
function findHost(spans: readonly Span[], wanted: 'lookup' | 'ping'): string | undefined {
  const isHost = (text: string): boolean => HOST.test(text) && (wanted === 'lookup' || /[.:]|^localhost$/.test(text));
  return spans.find(({ kind, value }) => kind === wanted && isHost(value))?.value.toLowerCase();
}

/** The host of a URL, when a path follows it: what ends with the host may be cut off. */
function readUrl(url: string): { readonly host: string; readonly isRegistry: boolean } | undefined {
  const [, , authority = '', ...path] = hideUserInfo(url.replaceAll('\\', '')).split('/');
  const host = authority.slice(authority.lastIndexOf('@') + 1).toLowerCase();
  if (path.length === 0 || !HOST.test(host)) return undefined;
  return { host, isRegistry: path[0] === 'v2' && !url.includes('?ns=') };
}

function without(lower: string, spans: readonly Span[]): string {
  let text = '';
  let at = 0;
  for (const { start, end } of spans) {
    if (end <= at) continue;
    text += lower.slice(at, Math.max(at, start));
    at = end;
  }
  return text + lower.slice(at);
}

/** An image is repeated without a word in front of it. Of more than a few, the rest is left. */
function withoutImages(text: string, images: readonly string[]): string {
  const names = [...new Set(images)].slice(0, 8).map((image) => image.toLowerCase());
  return names.reduce((rest, name) => (name.length < 4 ? rest : rest.replaceAll(name, '')), text);
}
