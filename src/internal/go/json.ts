import {
  BACKSLASH,
  checkDocument,
  COMMA,
  type Cursor,
  LIST,
  LIST_END,
  OBJECT,
  OBJECT_END,
  QUOTE,
  skipSpace,
} from './json-grammar.js';
import { unquoteJson, wellFormed } from './json-text.js';
import { decodeUtf8, encodeUtf8 } from './utf8.js';

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
  | {
      readonly ok: true;
      readonly node: JsonNode;
      /** The first number that is no float64, wherever it stands. */
      readonly hugeNumber: string | undefined;
    }
  | { readonly ok: false; readonly upstream: string; readonly offset: number };

/**
 * Reads JSON with the grammar and the error texts of Go's encoding/json. `JSON.parse` gives neither: it drops duplicate
 * keys, and its errors quote the input.
 *
 * The whole document is checked at once, and nothing is built of it: what a list or an object holds is read when it is
 * asked for. So a document costs what is looked at, and not what a stranger has put into it. Nesting costs no stack.
 *
 * @param input - text, or bytes: those that are not UTF-8 become U+FFFD inside strings, one for one, as in Go
 * @param options - levels within each other, 64 by default, and values in all
 */
export function readJson(
  input: string | Uint8Array,
  options: { readonly maxDepth?: number; readonly maxValues?: number } = {},
): JsonResult {
  const { maxDepth = 64, maxValues = Infinity } = options;
  const text = typeof input === 'string' ? wellFormed(input) : decodeUtf8(input);
  const cursor: Cursor = { text, maxDepth, maxValues, values: 0, at: 0, fault: undefined, hugeNumber: undefined };
  const start = skipSpace(text, 0);
  checkDocument(cursor);
  const { fault, at, hugeNumber } = cursor;
  if (fault === undefined) return { ok: true, node: nodeAt(text, start, endOf(text, start)), hugeNumber };
  return { ok: false, upstream: fault, offset: encodeUtf8(text.slice(0, at)).length };
}

// The text has been checked, so every token ends where it should.

/** Where a list or an object stands, and what it holds, once that was asked for. */
interface Unread<Held> {
  readonly text: string;
  readonly start: number;
  readonly held: readonly Held[] | undefined;
}

// There may be very many nodes, and a getter of its own takes seven times the memory of an inherited one.
const UNREAD_LIST = {
  kind: 'array' as const,
  get items(): readonly JsonNode[] {
    return heldBy(this as unknown as Unread<JsonNode>, readItems);
  },
};
const UNREAD_OBJECT = {
  kind: 'object' as const,
  get members(): readonly JsonMember[] {
    return heldBy(this as unknown as Unread<JsonMember>, readMembers);
  },
};

function unread<Node extends JsonNode>(kind: Node, text: string, start: number): Node {
  const node = Object.create(kind) as { -readonly [K in keyof Unread<unknown>]: Unread<unknown>[K] };
  node.text = text;
  node.start = start;
  node.held = undefined;
  return node as unknown as Node;
}

function heldBy<Held>(node: Unread<Held>, read: (text: string, start: number) => readonly Held[]): readonly Held[] {
  const held = node.held ?? read(node.text, node.start);
  (node as { held: readonly Held[] }).held = held;
  return held;
}

/** The value that stands from `start` to `end`. What it holds is read at the first look at it. */
function nodeAt(text: string, start: number, end: number): JsonNode {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return { kind: 'string', value: unquoteJson(text.slice(start + 1, end - 1)) };
  if (first === LIST) return unread(UNREAD_LIST, text, start);
  if (first === OBJECT) return unread(UNREAD_OBJECT, text, start);
  if (first === 0x6e) return { kind: 'null' };
  if (first === 0x74 || first === 0x66) return { kind: 'boolean', value: first === 0x74 };
  return { kind: 'number', text: text.slice(start, end) };
}

function readItems(text: string, start: number): readonly JsonNode[] {
  const items: JsonNode[] = [];
  for (let at = skipSpace(text, start + 1); text.charCodeAt(at) !== LIST_END; at = skipComma(text, at)) {
    const end = endOf(text, at);
    items.push(nodeAt(text, at, end));
    at = end;
  }
  return items;
}

function readMembers(text: string, start: number): readonly JsonMember[] {
  const members: JsonMember[] = [];
  for (let at = skipSpace(text, start + 1); text.charCodeAt(at) !== OBJECT_END; at = skipComma(text, at)) {
    const keyEnd = endOf(text, at);
    const key = unquoteJson(text.slice(at + 1, keyEnd - 1));
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOf(text, value);
    members.push({ key, value: nodeAt(text, value, end) });
    at = end;
  }
  return members;
}

function skipComma(text: string, from: number): number {
  const at = skipSpace(text, from);
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at;
}

/** Where the value that begins at `start` ends. */
function endOf(text: string, start: number): number {
  let depth = 0;
  for (let at = start; ;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OBJECT || code === LIST) {
      depth += 1;
      at += 1;
    } else if (code === OBJECT_END || code === LIST_END) {
      depth -= 1;
      at += 1;
    } else at = depth > 0 ? at + 1 : endOfScalar(text, at);
    if (depth === 0) return at;
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) at += code === BACKSLASH ? 2 : 1;
  return at + 1;
}

function endOfScalar(text: string, start: number): number {
  let at = start;
  // Digits, letters, signs and points: all that numbers and literals are made of.
  for (let code = text.charCodeAt(at); code > 0x2a && code !== COMMA && code < 0x7b && code !== LIST_END;) {
    at += 1;
    code = text.charCodeAt(at);
  }
  return at;
}

/** A member of an object; of a key that comes twice, the last, as Go reads it. `undefined` for anything else. */
export function memberOf(node: JsonNode | undefined, key: string): JsonNode | undefined {
  return node?.kind === 'object' ? node.members.findLast((member) => member.key === key)?.value : undefined;
}
