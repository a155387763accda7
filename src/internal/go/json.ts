import { decodeUtf8, encodeUtf8 } from './utf8.js';
import { invalidCharacter, unquoteJson, wellFormed } from './json-text.js';

/** A member of an object, as it stands: keys may occur more than once, and their order is the document's. */
export interface JsonMember {
  readonly key: string;
  readonly value: JsonNode;
}

export type JsonNode =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly members: readonly JsonMember[] };

/** A document, or Go's text for the first fault in it and the byte at which it stands. */
export type JsonResult =
  | { readonly ok: true; readonly node: JsonNode }
  | { readonly ok: false; readonly upstream: string; readonly offset: number };

type Container =
  { readonly kind: 'array'; readonly items: JsonNode[] } | { readonly kind: 'object'; readonly members: JsonMember[] };

interface Cursor {
  readonly text: string;
  readonly maxDepth: number;
  readonly maxValues: number;
  values: number;
  at: number;
  /** Go's text for the fault at `at`; once set, everything unwinds. */
  fault: string | undefined;
}

/** The fault of a document with more values than the caller allows; Go has none like it. */
export const TOO_MANY_VALUES = 'too many values';
const END = 'unexpected end of JSON input';
const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const SPACE = /[ \t\n\r]*/y;
const DIGITS = /[0-9]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const LITERALS: readonly (readonly [string, JsonNode])[] = [
  ['true', { kind: 'boolean', value: true }],
  ['false', { kind: 'boolean', value: false }],
  ['null', { kind: 'null' }],
];

/**
 * Reads JSON with the grammar and the error texts of Go's encoding/json. `JSON.parse` gives neither: it drops duplicate
 * keys, and its errors quote the input. Nesting costs heap, not stack.
 *
 * @param input - text, or bytes: those that are not UTF-8 become U+FFFD inside strings, one for one, as in Go
 * @param options - levels within each other, 64 by default, and values in all: each takes a hundred times the memory of
 * the character that it may be
 */
export function readJson(
  input: string | Uint8Array,
  options: { readonly maxDepth?: number; readonly maxValues?: number } = {},
): JsonResult {
  const { maxDepth = 64, maxValues = Infinity } = options;
  const text = typeof input === 'string' ? wellFormed(input) : decodeUtf8(input);
  // First, since the nodes of what is refused would take many times the memory of its text.
  if (text.length > maxValues && countJsonValues(text) > maxValues)
    return { ok: false, upstream: TOO_MANY_VALUES, offset: 0 };
  const cursor: Cursor = { text, maxDepth, maxValues, values: 0, at: 0, fault: undefined };
  const node = readDocument(cursor);
  if (node !== undefined) return { ok: true, node };
  return { ok: false, upstream: cursor.fault ?? END, offset: encodeUtf8(text.slice(0, cursor.at)).length };
}

/** How many values JSON has: one for each comma, one for the whole, and one for each container that is not empty. */
export function countJsonValues(text: string): number {
  let values = 1;
  let opened = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= 0x20) continue;
    if (opened && code !== CLOSE_ARRAY && code !== CLOSE_OBJECT) values += 1;
    opened = code === OPEN_ARRAY || code === OPEN_OBJECT;
    if (code === COMMA) values += 1;
    else if (code === QUOTE) at = endOfText(text, at);
  }
  return values;
}

/** Where the string that begins at a quote ends. */
function endOfText(text: string, quote: number): number {
  for (let at = text.indexOf('"', quote + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - slashes - 1) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}

function readDocument(cursor: Cursor): JsonNode | undefined {
  const open: Container[] = [];
  const keys: string[] = [];
  for (;;) {
    let node = beginValue(cursor, open.length);
    if (node === undefined) return undefined;
    if (isContainer(node) && !closesAtOnce(cursor, node)) {
      open.push(node);
      if (node.kind === 'object' && !readKey(cursor, keys)) return undefined;
      continue;
    }
    // A value is complete: hand it to its container, and that to its own while brackets close.
    for (let more = false; !more;) {
      const parent = open.at(-1);
      if (parent === undefined) return atEnd(cursor) ? node : undefined;
      if (parent.kind === 'array') parent.items.push(node);
      else parent.members.push({ key: keys.pop() ?? '', value: node });
      const next = afterElement(cursor, parent);
      if (next === undefined || (next === ',' && parent.kind === 'object' && !readKey(cursor, keys))) return undefined;
      more = next === ',';
      if (!more) {
        open.pop();
        node = parent;
      }
    }
  }
}

function isContainer(node: JsonNode | Container): node is Container {
  return node.kind === 'array' || node.kind === 'object';
}

/** A scalar whole, or an empty container whose content follows. */
function beginValue(cursor: Cursor, depth: number): JsonNode | Container | undefined {
  const first = skipSpace(cursor);
  cursor.values += 1;
  if (cursor.values > cursor.maxValues) return fault(cursor, TOO_MANY_VALUES);
  if (first === '"') {
    const value = readString(cursor);
    return value === undefined ? undefined : { kind: 'string', value };
  }
  if (first === '{' || first === '[') {
    if (depth >= cursor.maxDepth) return broken(cursor, 'exceeded max depth');
    cursor.at += 1;
    return first === '{' ? { kind: 'object', members: [] } : { kind: 'array', items: [] };
  }
  const literal = LITERALS.find(([word]) => word.charAt(0) === first);
  if (literal !== undefined) return readLiteral(cursor, ...literal);
  if (/^[-0-9]$/.test(first)) return readNumber(cursor);
  return unexpected(cursor, 'looking for beginning of value');
}

function closesAtOnce(cursor: Cursor, container: Container): boolean {
  const closes = skipSpace(cursor) === (container.kind === 'array' ? ']' : '}');
  if (closes) cursor.at += 1;
  return closes;
}

/** Reads `"key":` and leaves the key for the value that follows. */
function readKey(cursor: Cursor, keys: string[]): true | undefined {
  if (skipSpace(cursor) !== '"') return unexpected(cursor, 'looking for beginning of object key string');
  const key = readString(cursor);
  if (key === undefined) return undefined;
  if (skipSpace(cursor) !== ':') return unexpected(cursor, 'after object key');
  cursor.at += 1;
  keys.push(key);
  return true;
}

function afterElement(cursor: Cursor, container: Container): string | undefined {
  const next = skipSpace(cursor);
  const [close, context] =
    container.kind === 'array' ? [']', 'after array element'] : ['}', 'after object key:value pair'];
  if (next !== ',' && next !== close) return unexpected(cursor, context);
  cursor.at += 1;
  return next;
}

function atEnd(cursor: Cursor): boolean {
  if (skipSpace(cursor) !== '') unexpected(cursor, 'after top-level value');
  return cursor.fault === undefined;
}

function readString(cursor: Cursor): string | undefined {
  const { text } = cursor;
  const start = cursor.at;
  cursor.at += 1;
  for (;;) {
    const next = skip(cursor, PLAIN);
    if (next === '') return fault(cursor, END);
    if (next !== '"' && next !== '\\') return unexpected(cursor, 'in string literal');
    cursor.at += 1;
    if (next === '"') return unquoteJson(text.slice(start + 1, cursor.at - 1));
    if (!readEscape(cursor)) return undefined;
  }
}

function readEscape(cursor: Cursor): true | undefined {
  const code = cursor.text.charAt(cursor.at);
  if (!/^["\\/bfnrtu]$/.test(code)) return broken(cursor, 'in string escape code');
  cursor.at += 1;
  for (let digit = code === 'u' ? 0 : 4; digit < 4; digit += 1) {
    const hex = cursor.text.charAt(cursor.at);
    if (!/^[0-9a-fA-F]$/.test(hex)) return broken(cursor, 'in \\u hexadecimal character escape');
    cursor.at += 1;
  }
  return true;
}

function readNumber(cursor: Cursor): JsonNode | undefined {
  const { text } = cursor;
  const start = cursor.at;
  if (text[start] === '-') cursor.at += 1;
  if (text[cursor.at] === '0') cursor.at += 1;
  else if (!readDigits(cursor, 'in numeric literal')) return undefined;
  if (text[cursor.at] === '.') {
    cursor.at += 1;
    if (!readDigits(cursor, 'after decimal point in numeric literal')) return undefined;
  }
  if (/^[eE]$/.test(text.charAt(cursor.at))) {
    cursor.at += 1;
    if (/^[+-]$/.test(text.charAt(cursor.at))) cursor.at += 1;
    if (!readDigits(cursor, 'in exponent of numeric literal')) return undefined;
  }
  return { kind: 'number', text: text.slice(start, cursor.at) };
}

function readDigits(cursor: Cursor, context: string): true | undefined {
  const start = cursor.at;
  skip(cursor, DIGITS);
  return cursor.at > start ? true : broken(cursor, context);
}

function readLiteral(cursor: Cursor, word: string, node: JsonNode): JsonNode | undefined {
  for (const letter of word) {
    if (cursor.text[cursor.at] !== letter) return broken(cursor, `in literal ${word} (expecting '${letter}')`);
    cursor.at += 1;
  }
  return node;
}

function skip(cursor: Cursor, run: RegExp): string {
  run.lastIndex = cursor.at;
  run.test(cursor.text);
  cursor.at = run.lastIndex;
  return cursor.text.charAt(cursor.at);
}

function skipSpace(cursor: Cursor): string {
  return skip(cursor, SPACE);
}

/** A fault between tokens: at the end of the input Go says so. */
function unexpected(cursor: Cursor, context: string): undefined {
  return cursor.at < cursor.text.length ? broken(cursor, context) : fault(cursor, END);
}

/** A fault inside a token: Go's scanner puts a space behind the input and complains of that. */
function broken(cursor: Cursor, context: string): undefined {
  const bytes = encodeUtf8(String.fromCodePoint(cursor.text.codePointAt(cursor.at) ?? 0x20));
  return fault(cursor, invalidCharacter(bytes[0] ?? 0, context));
}

function fault(cursor: Cursor, upstream: string): undefined {
  cursor.fault ??= upstream;
}
