import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { type Answer, bytesAnswer } from '../http/answer.js';
import type { AnswerFault } from './fault-action.js';
import { lieAboutRange } from './range-lie.js';

const ENCODERS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync } as const;

/** What one fault makes of an answer. */
export function changeAnswer(answer: Answer, fault: AnswerFault): Answer {
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
