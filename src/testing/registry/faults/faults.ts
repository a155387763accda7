import { type Answer, bytesAnswer } from '../http/answer.js';
import type { DeliveryFault, FaultAction, FaultFraming, AnswerFault, RangeLie } from './fault-action.js';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

/** How a connection ends before the answer is whole. */
export interface Interruption {
  readonly how: 'stall' | 'cut' | 'rst';
  /** `undefined` when not even the headers are sent. */
  readonly afterBytes: number | undefined;
}

/** An answer as it will really be sent. */
export interface Plan {
  readonly answer: Answer;
  readonly delayMs: number;
  readonly framing: FaultFraming;
  readonly drip: Extract<DeliveryFault, { kind: 'drip' }> | undefined;
  readonly raw: Extract<DeliveryFault, { kind: 'raw' }> | undefined;
  readonly interruption: Interruption | undefined;
}

/** Lets actions change an answer and its delivery, one after the other. */
export function planAnswer(answer: Answer, actions: readonly FaultAction[]): Plan {
  return actions.reduce<Plan>(applyAction, {
    answer,
    delayMs: 0,
    framing: 'length',
    drip: undefined,
    raw: undefined,
    interruption: undefined,
  });
}

function applyAction(plan: Plan, action: FaultAction): Plan {
  switch (action.kind) {
    case 'delay':
      return { ...plan, delayMs: plan.delayMs + action.ms };
    case 'drip':
      return { ...plan, drip: action };
    case 'raw':
      return { ...plan, raw: action };
    case 'stall':
    case 'cut':
    case 'rst':
      return { ...plan, interruption: { how: action.kind, afterBytes: action.afterBytes } };
    case 'truncate':
    case 'extend': {
      const framing = action.framing === undefined || action.framing === 'unchanged' ? plan.framing : action.framing;
      return { ...plan, framing, answer: changeAnswer(plan.answer, action) };
    }
    default:
      return { ...plan, answer: changeAnswer(plan.answer, action) };
  }
}

const ENCODERS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync } as const;

/** What one fault makes of an answer. */
function changeAnswer(answer: Answer, fault: AnswerFault): Answer {
  switch (fault.kind) {
    case 'status':
      return bytesAnswer(fault.status, Buffer.from(fault.body ?? ''), lowerNames(fault.headers ?? {}));
    case 'header':
      return { ...answer, headers: changeHeader(answer.headers, fault.name.toLowerCase(), fault.value) };
    case 'body':
      return withBody(answer, Buffer.from(fault.body));
    case 'flip':
      return {
        ...answer,
        body: flipByte(answer.body, fault.offset - answer.offset),
        content: flipByte(answer.content, fault.offset),
      };
    case 'truncate':
      return withBody(answer, answer.body.subarray(0, fault.afterBytes));
    case 'extend': {
      const body = Buffer.concat([answer.body, new Uint8Array(fault.bytes)]);
      return fault.framing === 'unchanged' ? { ...answer, body } : withBody(answer, body);
    }
    case 'encode': {
      const headers = changeHeader(answer.headers, 'content-encoding', fault.encoding);
      return withBody({ ...answer, headers }, ENCODERS[fault.encoding](answer.body));
    }
    case 'redirect':
      return bytesAnswer(fault.status ?? 307, new Uint8Array(), { location: fault.location });
    case 'challenge':
      return bytesAnswer(401, new Uint8Array(), { 'www-authenticate': fault.challenge });
    case 'range-lie':
      return lieAboutRange(answer, fault.lie);
  }
}

/** Another body, with the length that belongs to it. */
function withBody(answer: Answer, body: Uint8Array): Answer {
  return { ...answer, body, headers: changeHeader(answer.headers, 'content-length', String(body.length)) };
}

function changeHeader(
  headers: Answer['headers'],
  name: string,
  value: string | readonly string[] | undefined,
): Answer['headers'] {
  const others = Object.entries(headers).filter(([other]) => other !== name);
  return Object.fromEntries(value === undefined ? others : [...others, [name, value]]);
}

function lowerNames(headers: Answer['headers']): Answer['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function flipByte(bytes: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  const byte = changed[at];
  if (byte !== undefined) changed[at] = byte ^ 0xff;
  return changed;
}

const BOUNDARY = 'loopback-registry';

/** Answers a request for a range, or for none, as no server should. */
function lieAboutRange(answer: Answer, lie: RangeLie): Answer {
  if (lie === 'unasked') return answer.status === 200 ? partOf(answer, 0, Math.ceil(answer.body.length / 2)) : answer;
  if (answer.status !== 206) return answer;
  const { offset: start, body, content } = answer;
  const end = start + body.length;
  switch (lie) {
    case 'start':
      return withRange(answer, start + 1, end, content.length);
    case 'end':
      return withRange(answer, start, end - 1, content.length);
    case 'total':
      return withRange(answer, start, end, content.length + 1);
    case 'shift':
      return partOf(answer, start + 1, end);
    case 'full': {
      const { 'content-range': _range, 'content-length': _length, ...headers } = answer.headers;
      return bytesAnswer(200, content, headers);
    }
    case 'multipart':
      return multipart(answer, start, end);
  }
}

/** A 206 that holds what it says. */
function partOf(answer: Answer, start: number, end: number): Answer {
  const body = answer.content.subarray(start, end);
  const headers = { ...answer.headers, 'content-length': String(body.length) };
  const part: Answer = { ...answer, status: 206, body, headers, offset: start };
  return withRange(part, start, end, answer.content.length);
}

function withRange(answer: Answer, start: number, end: number, total: number): Answer {
  return { ...answer, headers: { ...answer.headers, 'content-range': `bytes ${start}-${end - 1}/${total}` } };
}

function multipart(answer: Answer, start: number, end: number): Answer {
  const part = (from: number, to: number): Uint8Array =>
    Buffer.concat([
      Buffer.from(`--${BOUNDARY}\r\nContent-Range: bytes ${from}-${to - 1}/${answer.content.length}\r\n\r\n`),
      answer.content.subarray(from, to),
      Buffer.from('\r\n'),
    ]);
  const middle = Math.ceil((start + end) / 2);
  const body = Buffer.concat([part(start, middle), part(middle, end), Buffer.from(`--${BOUNDARY}--\r\n`)]);
  const { 'content-range': _range, ...others } = answer.headers;
  const headers = {
    ...others,
    'content-type': `multipart/byteranges; boundary=${BOUNDARY}`,
    'content-length': String(body.length),
  };
  return { ...answer, body, headers };
}
