// The head of an HTTP/1.1 answer, and chunks: read as strictly as they are written, because two readers of one answer must
// not see two answers. This file is in the worker, so it imports nothing.

/** Stands as code in the error for an answer that is not HTTP/1.1. */
export const ANSWER_INVALID = 'ERR_KUBEPULL_ANSWER_INVALID';
/** The code that undici has for the same, so that both are explained alike. */
export const HEAD_TOO_LONG = 'UND_ERR_HEADERS_OVERFLOW';

/** How long a body is. */
export type Framing =
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** It ends where the connection does. */
  | { readonly kind: 'close' };

/** What an answer begins with. */
export interface AnswerHead {
  readonly status: number;
  /** Lower-case names, in the order of the answer. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly framing: Framing;
  /** Whether the connection may bring another answer, as far as the server says. */
  readonly persistent: boolean;
}

const [LF, CR] = [0x0a, 0x0d];
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const HEADER = /^([!#$%&'*+.^_`|~\dA-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)$/;
/** What no blob has: 16 digits are more than the numbers that are exact. */
const LENGTH = /^\d{1,15}$/;
const BEGINNING = 'HTTP/1.';

/**
 * Finds the end of a head.
 *
 * @param from - how far it was looked through before
 * @returns the offset behind it; `undefined` when it has not all come
 * @throws the error for what cannot become a head any more
 */
export function findHeadEnd(bytes: Uint8Array, from: number, maxBytes: number): number | undefined {
  for (let at = from; at < bytes.length; at += 1) {
    if (at >= maxBytes) throw headFault(HEAD_TOO_LONG);
    const byte = bytes[at];
    if (at < BEGINNING.length && byte !== BEGINNING.codePointAt(at)) throw headFault(ANSWER_INVALID);
    if ((byte === LF) !== (at > 0 && bytes[at - 1] === CR)) throw headFault(ANSWER_INVALID);
    if (byte === LF && bytes[at - 2] === LF) return at + 1;
  }
  return undefined;
}

/**
 * Reads a whole head.
 *
 * @throws the error for one that is not by the letter of RFC 9112, or that leaves two readings
 */
export function parseHead(bytes: Uint8Array): AnswerHead {
  const [first = '', ...lines] = latin1(bytes.subarray(0, bytes.length - 4)).split('\r\n');
  const [, minor, status] = STATUS_LINE.exec(first) ?? [];
  if (status === undefined) throw headFault(ANSWER_INVALID);
  const headers = lines.map((line): readonly [string, string] => {
    const [, name, value = ''] = HEADER.exec(line) ?? [];
    if (name === undefined) throw headFault(ANSWER_INVALID);
    return [name.toLowerCase(), trimBlanks(value)];
  });
  const valuesOf = (wanted: string): readonly string[] =>
    headers.filter(([name]) => name === wanted).map(([, value]) => value);
  const connection = valuesOf('connection').join(',').toLowerCase().split(',');
  return {
    status: Number(status),
    headers,
    framing: framingOf(Number(status), valuesOf('content-length'), valuesOf('transfer-encoding')),
    persistent: minor === '1' && !connection.some((option) => option.trim() === 'close'),
  };
}

/** Without the blanks around it, in one pass: a pattern would look at the end of a long run of them once for each of it. */
function trimBlanks(value: string): string {
  const isBlank = (at: number): boolean => value[at] === ' ' || value[at] === '\t';
  let [from, to] = [0, value.length];
  while (from < to && isBlank(from)) from += 1;
  while (to > from && isBlank(to - 1)) to -= 1;
  return value.slice(from, to);
}

function framingOf(status: number, lengths: readonly string[], codings: readonly string[]): Framing {
  const [length, coding] = [lengths[0], codings[0]];
  if (lengths.length > 1 || codings.length > 1) throw headFault(ANSWER_INVALID);
  if (length !== undefined && (coding !== undefined || !LENGTH.test(length))) throw headFault(ANSWER_INVALID);
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') throw headFault(ANSWER_INVALID);
  if (status < 200 || status === 204 || status === 304) return { kind: 'length', bytes: 0 };
  if (coding !== undefined) return { kind: 'chunked' };
  return length === undefined ? { kind: 'close' } : { kind: 'length', bytes: Number(length) };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Takes the chunks of a body apart. */
export interface Dechunker {
  /** Whether the last chunk, and what stands behind it, has come. */
  readonly done: boolean;
  /** The content in these bytes, as parts of them. Fails when they are no chunks. */
  push(bytes: Uint8Array): readonly Uint8Array[];
}

const SIZE_LINE = /^([\dA-Fa-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
/** A line between chunks, extensions included; and all lines behind the last one. */
const MAX_LINE = 1024;
const MAX_TRAILERS = 16 * 1024;

export function createDechunker(): Dechunker {
  let state: 'size' | 'content' | 'end' | 'trailers' | 'done' = 'size';
  let line = '';
  let left = 0;
  let trailers = 0;

  const endLine = (text: string): void => {
    if (state === 'size') {
      const [, size] = SIZE_LINE.exec(text) ?? [];
      if (size === undefined) throw headFault(ANSWER_INVALID);
      left = Number.parseInt(size, 16);
      state = left === 0 ? 'trailers' : 'content';
    } else if (state === 'end') {
      if (text !== '') throw headFault(ANSWER_INVALID);
      state = 'size';
    } else if (text === '') state = 'done';
    else if (!HEADER.test(text)) throw headFault(ANSWER_INVALID);
  };
  const takeByte = (byte: number): void => {
    line += String.fromCodePoint(byte);
    trailers += state === 'trailers' ? 1 : 0;
    if (line.length > MAX_LINE || trailers > MAX_TRAILERS) throw headFault(ANSWER_INVALID);
    if ((byte === LF) !== (line.at(-2) === '\r')) throw headFault(ANSWER_INVALID);
    if (byte !== LF) return;
    const text = line.slice(0, -2);
    line = '';
    endLine(text);
  };
  return {
    get done() {
      return state === 'done';
    },
    push(bytes) {
      const content: Uint8Array[] = [];
      for (let at = 0; at < bytes.length && state !== 'done';) {
        if (state !== 'content') {
          takeByte(bytes[at] ?? 0);
          at += 1;
          continue;
        }
        const part = bytes.subarray(at, at + left);
        content.push(part);
        at += part.length;
        left -= part.length;
        if (left === 0) state = 'end';
      }
      return content;
    },
  };
}

function headFault(code: string): Error {
  return Object.assign(new Error(code), { code });
}
