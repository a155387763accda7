import { encodeUtf8 } from './utf8.js';
import { invalidCharacter } from './json-text.js';

/** Where the reading of a document stands. */
export interface Cursor {
  readonly text: string;
  readonly maxDepth: number;
  readonly maxValues: number;
  values: number;
  at: number;
  /** Go's text for the fault at `at`; once set, everything unwinds. */
  fault: string | undefined;
  hugeNumber: string | undefined;
  /**
   * Every key and value in the order of the document, two numbers for each: where it begins, and where it ends. Of a list or
   * an object the second is the place here of what comes behind all that it holds. So nothing is read twice, whoever asks.
   */
  tape: Int32Array;
  /** How much of the tape is written. */
  used: number;
}

export function createCursor(text: string, limits: Pick<Cursor, 'maxDepth' | 'maxValues'>): Cursor {
  const tape = new Int32Array(Math.max(64, text.length >> 3));
  return { text, ...limits, values: 0, at: 0, fault: undefined, hugeNumber: undefined, tape, used: 0 };
}

/** The fault of a document with more values than the caller allows; Go has none like it. */
export const TOO_MANY_VALUES = 'too many values';
const END = 'unexpected end of JSON input';
export const QUOTE = 0x22;
const COMMA = 0x2c;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
export const LIST = 0x5b;
const BACKSLASH = 0x5c;
const LIST_END = 0x5d;
export const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
/** No number with fewer digits before its point is too large for a float64. */
const MAX_DIGITS = 308;

/** How many values JSON has: one for each comma, one for the whole, and one for each container that is not empty. */
export function countJsonValues(text: string): number {
  let values = 1;
  let opened = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= 0x20) continue;
    if (opened && code !== LIST_END && code !== OBJECT_END) values += 1;
    opened = code === LIST || code === OBJECT;
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

/** Checks a whole document, and notes the first fault. Nesting costs no stack. */
export function checkDocument(cursor: Cursor): void {
  const { text } = cursor;
  /** By depth, where what is open stands on the tape; for a list the complement of it. */
  const open: number[] = [];
  for (;;) {
    const first = beginValue(cursor, open.length);
    if (first === undefined) return;
    if (first === OBJECT || first === LIST) {
      open.push(first === OBJECT ? cursor.used : ~cursor.used);
      write(cursor, cursor.at - 1);
      cursor.at = skipSpace(text, cursor.at);
      if (text.charCodeAt(cursor.at) !== (first === OBJECT ? OBJECT_END : LIST_END)) {
        if (first === OBJECT && !checkKey(cursor)) return;
        continue;
      }
      cursor.at += 1;
      close(cursor, open);
    }
    // A value is complete, and with it all that close behind it.
    for (;;) {
      cursor.at = skipSpace(text, cursor.at);
      const innermost = open.at(-1);
      if (innermost === undefined) {
        if (cursor.at < text.length) unexpected(cursor, 'after top-level value');
        return;
      }
      const inObject = innermost >= 0;
      const next = text.charCodeAt(cursor.at);
      if (next !== COMMA && next !== (inObject ? OBJECT_END : LIST_END)) {
        return unexpected(cursor, inObject ? 'after object key:value pair' : 'after array element');
      }
      cursor.at += 1;
      if (next !== COMMA) close(cursor, open);
      else if (inObject && !checkKey(cursor)) return;
      else break;
    }
  }
}

/** Puts on the tape what begins at `start` and ends where the cursor is. */
function write(cursor: Cursor, start: number): void {
  const { used } = cursor;
  if (used + 2 > cursor.tape.length) {
    const longer = new Int32Array(cursor.tape.length * 2);
    longer.set(cursor.tape);
    cursor.tape = longer;
  }
  cursor.tape[used] = start;
  cursor.tape[used + 1] = cursor.at;
  cursor.used = used + 2;
}

function close({ tape, used }: Cursor, open: number[]): void {
  const place = open.pop() ?? 0;
  tape[(place >= 0 ? place : ~place) + 1] = used;
}

/** Checks a scalar whole, or goes behind the bracket that opens a list or an object. Gives the first character. */
function beginValue(cursor: Cursor, depth: number): number | undefined {
  const { text } = cursor;
  cursor.at = skipSpace(text, cursor.at);
  cursor.values += 1;
  if (cursor.values > cursor.maxValues) return fault(cursor, TOO_MANY_VALUES);
  const start = cursor.at;
  const first = text.charCodeAt(start);
  if (first === OBJECT || first === LIST) {
    if (depth >= cursor.maxDepth) return broken(cursor, 'exceeded max depth');
    cursor.at += 1;
    return first;
  }
  const isRight =
    first === QUOTE
      ? checkString(cursor)
      : first === MINUS || isDigit(first)
        ? checkNumber(cursor)
        : checkLiteral(cursor, first);
  if (!isRight) return undefined;
  write(cursor, start);
  return first;
}

/** Goes behind `"key":`. */
function checkKey(cursor: Cursor): boolean {
  const { text } = cursor;
  const start = skipSpace(text, cursor.at);
  cursor.at = start;
  if (text.charCodeAt(start) !== QUOTE) return no(unexpected(cursor, 'looking for beginning of object key string'));
  if (!checkString(cursor)) return false;
  write(cursor, start);
  cursor.at = skipSpace(text, cursor.at);
  if (text.charCodeAt(cursor.at) !== COLON) return no(unexpected(cursor, 'after object key'));
  cursor.at += 1;
  return true;
}

function checkString(cursor: Cursor): boolean {
  const { text } = cursor;
  for (let at = cursor.at + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      cursor.at = at + 1;
      return true;
    }
    if (code < 0x20) {
      cursor.at = at;
      return no(broken(cursor, 'in string literal'));
    }
    if (code !== BACKSLASH) continue;
    cursor.at = at + 1;
    if (!checkEscape(cursor)) return false;
    at = cursor.at - 1;
  }
  cursor.at = text.length;
  return no(fault(cursor, END));
}

function checkEscape(cursor: Cursor): boolean {
  const letter = cursor.text.charAt(cursor.at);
  if (letter === '' || !'"\\/bfnrtu'.includes(letter)) return no(broken(cursor, 'in string escape code'));
  cursor.at += 1;
  for (let digit = letter === 'u' ? 0 : 4; digit < 4; digit += 1) {
    const code = cursor.text.charCodeAt(cursor.at) | 0x20;
    const isHex = isDigit(cursor.text.charCodeAt(cursor.at)) || (code >= 0x61 && code <= 0x66);
    if (!isHex) return no(broken(cursor, 'in \\u hexadecimal character escape'));
    cursor.at += 1;
  }
  return true;
}

function checkNumber(cursor: Cursor): boolean {
  const { text } = cursor;
  const start = cursor.at;
  if (text.charCodeAt(start) === MINUS) cursor.at += 1;
  if (text.charCodeAt(cursor.at) === ZERO) cursor.at += 1;
  else if (!checkDigits(cursor, 'in numeric literal')) return false;
  let digits = cursor.at - start;
  if (text.charCodeAt(cursor.at) === POINT) {
    cursor.at += 1;
    if (!checkDigits(cursor, 'after decimal point in numeric literal')) return false;
  }
  if ((text.charCodeAt(cursor.at) | 0x20) === 0x65) {
    cursor.at += 1;
    const sign = text.charCodeAt(cursor.at);
    if (sign === PLUS || sign === MINUS) cursor.at += 1;
    const exponent = cursor.at;
    if (!checkDigits(cursor, 'in exponent of numeric literal')) return false;
    if (sign !== MINUS) digits += cursor.at - exponent > 3 ? MAX_DIGITS : Number(text.slice(exponent, cursor.at));
  }
  // The first is told, and the sign may count as a digit: only what is near the limit costs a conversion.
  if (digits <= MAX_DIGITS || cursor.hugeNumber !== undefined) return true;
  const number = text.slice(start, cursor.at);
  if (!Number.isFinite(Number(number))) cursor.hugeNumber = number;
  return true;
}

function checkDigits(cursor: Cursor, context: string): boolean {
  const start = cursor.at;
  while (isDigit(cursor.text.charCodeAt(cursor.at))) cursor.at += 1;
  return cursor.at > start || no(broken(cursor, context));
}

function checkLiteral(cursor: Cursor, first: number): boolean {
  const word = first === 0x74 ? 'true' : first === 0x66 ? 'false' : first === 0x6e ? 'null' : undefined;
  if (word === undefined) return no(unexpected(cursor, 'looking for beginning of value'));
  for (const letter of word) {
    if (cursor.text[cursor.at] !== letter) return no(broken(cursor, `in literal ${word} (expecting '${letter}')`));
    cursor.at += 1;
  }
  return true;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;) {
    at += 1;
    code = text.charCodeAt(at);
  }
  return at;
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

function no(_fault: undefined): false {
  return false;
}
