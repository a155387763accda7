import { checkDocument, createCursor, LIST, OBJECT, QUOTE } from './json-grammar.js';
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
 * The whole document is checked at once, and nothing is built of it but a tape of where its values stand: what a list or an
 * object holds is read when it is asked for. So a document costs what is looked at, and not what a stranger has put into it.
 * Nesting costs no stack.
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
  const cursor = createCursor(text, { maxDepth, maxValues });
  checkDocument(cursor);
  const { fault, at, hugeNumber, tape } = cursor;
  // What is lone must not pair with an escaped half, so it goes before any string is read.
  if (fault === undefined) return { ok: true, node: nodeAt({ text: wellFormed(text), tape }, 0), hugeNumber };
  return { ok: false, upstream: fault, offset: encodeUtf8(text.slice(0, at)).length };
}

/** A document that was checked; the tape says where each key and value stands. */
interface Checked {
  readonly text: string;
  readonly tape: Int32Array;
}

/** A list or an object of a document, and what it holds, once that was asked for. */
interface Unread<Held> {
  readonly document: Checked;
  readonly place: number;
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

function unread<Node extends JsonNode>(kind: Node, document: Checked, place: number): Node {
  const node = Object.create(kind) as { -readonly [K in keyof Unread<unknown>]: Unread<unknown>[K] };
  node.document = document;
  node.place = place;
  node.held = undefined;
  return node as unknown as Node;
}

function heldBy<Held>(node: Unread<Held>, read: (node: Unread<Held>) => readonly Held[]): readonly Held[] {
  const held = node.held ?? read(node);
  (node as { held: readonly Held[] }).held = held;
  return held;
}

const NULL: JsonNode = { kind: 'null' };

/** The value at a place of the tape. What it holds is read at the first look at it. */
function nodeAt(document: Checked, place: number): JsonNode {
  const { text, tape } = document;
  const start = tape[place] ?? 0;
  const first = text.charCodeAt(start);
  if (first === QUOTE) return { kind: 'string', value: textAt(document, place) };
  if (first === LIST) return unread(UNREAD_LIST, document, place);
  if (first === OBJECT) return unread(UNREAD_OBJECT, document, place);
  if (first === 0x6e) return NULL;
  if (first === 0x74 || first === 0x66) return { kind: 'boolean', value: first === 0x74 };
  return { kind: 'number', text: text.slice(start, tape[place + 1]) };
}

/** The text between the quotes of a key or a string. */
function textAt({ text, tape }: Checked, place: number): string {
  return unquoteJson(text.slice((tape[place] ?? 0) + 1, (tape[place + 1] ?? 0) - 1));
}

/** The place behind a value and all that it holds. */
function placeBehind({ text, tape }: Checked, place: number): number {
  const first = text.charCodeAt(tape[place] ?? 0);
  return first === LIST || first === OBJECT ? (tape[place + 1] ?? 0) : place + 2;
}

function readItems({ document, place }: Unread<JsonNode>): readonly JsonNode[] {
  const items: JsonNode[] = [];
  const end = placeBehind(document, place);
  for (let at = place + 2; at < end; at = placeBehind(document, at)) items.push(nodeAt(document, at));
  return items;
}

function readMembers({ document, place }: Unread<JsonMember>): readonly JsonMember[] {
  const members: JsonMember[] = [];
  walkMembers(document, place, (key, value) => void members.push({ key, value }));
  return members;
}

function walkMembers(document: Checked, place: number, visit: (key: string, value: JsonNode) => void): void {
  const end = placeBehind(document, place);
  for (let at = place + 2; at < end; at = placeBehind(document, at + 2))
    visit(textAt(document, at), nodeAt(document, at + 2));
}

/** Visits the members of an object one by one, and keeps none of them: there may be very many. */
export function eachMember(
  node: JsonNode & { readonly kind: 'object' },
  visit: (key: string, value: JsonNode) => void,
): void {
  const { document, place } = node as unknown as Unread<JsonMember>;
  walkMembers(document, place, visit);
}

/** How many members an object has, without a look at them. */
export function countMembers(node: JsonNode & { readonly kind: 'object' }): number {
  const { document, place } = node as unknown as Unread<JsonMember>;
  let count = 0;
  const end = placeBehind(document, place);
  for (let at = place + 2; at < end; at = placeBehind(document, at + 2)) count += 1;
  return count;
}

/** A member of an object; of a key that comes twice, the last, as Go reads it. `undefined` for anything else. */
export function memberOf(node: JsonNode | undefined, key: string): JsonNode | undefined {
  return node?.kind === 'object' ? node.members.findLast((member) => member.key === key)?.value : undefined;
}
