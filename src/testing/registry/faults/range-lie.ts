import { type Answer, bytesAnswer } from '../http/answer.js';
import type { RangeLie } from './fault-action.js';

const BOUNDARY = 'loopback-registry';

/** Answers a request for a range, or for none, as no server should. */
export function lieAboutRange(answer: Answer, lie: RangeLie): Answer {
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
