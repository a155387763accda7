// The bytes that a registry sends when something goes wrong with an answer of it, and when nothing does.
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { LoggedRequest } from '../support/canary.ts';
import type { Fault } from './fault-table.ts';

/** A request, and where to answer it. */
export interface Request extends LoggedRequest {
  readonly socket: Socket;
}

/** An answer, as it should be. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Where the body begins within the content. */
  readonly offset: number;
}

/** Far more than it takes on the way, and more than what it stands for. */
const BOMB = gzipSync(new Uint8Array(48 * 1024 * 1024));

/** What a fault is sent with. */
interface Sending {
  readonly request: Request;
  readonly answer: Answer;
  /** Where in the body it goes wrong. */
  readonly at: number;
  readonly random: () => number;
  /** The origin of another server. */
  readonly foreign: string;
  readonly challenge: string;
}

type Send = (sending: Sending) => void;
type Afterwards = 'stay' | 'end' | 'reset' | 'destroy';

/** Sends other bytes than the answer has. */
const sendBody =
  (change: (body: Uint8Array, sending: Sending) => Uint8Array, headers: Answer['headers'] = {}): Send =>
  (sending) => {
    const { request, answer, random } = sending;
    const body = change(answer.body, sending);
    sendWell(request, { ...answer, body, headers: { ...answer.headers, ...headers } }, random);
  };
/** Sends the head of the answer, its body to where it goes wrong, and does something then. */
const sendPart =
  (then: Afterwards, framing: (length: number) => Readonly<Record<string, string>> = toLength): Send =>
  ({ request, answer, at }) =>
    write(request.socket, [headOf(answer, framing(answer.body.length)), answer.body.subarray(0, at)], then);
const sendStatus =
  (status: number, headers: (sending: Sending) => Answer['headers'] = () => ({})): Send =>
  (sending) => {
    const body = Buffer.from('{"errors":[{"code":"DENIED","message":"by the fault"}]}');
    sendWell(sending.request, { status, headers: headers(sending), body, offset: 0 }, sending.random);
  };
const sendHead =
  (lines: string, then: Afterwards = 'stay'): Send =>
  ({ request: { socket }, answer: { body } }) =>
    write(socket, [Buffer.from(`HTTP/1.1 200 OK\r\n${lines}`, 'latin1'), body], then);

/** How each fault answers. */
export const SEND: Readonly<Record<Exclude<Fault, 'refuse'>, Send>> & { readonly refuse: Send } = {
  refuse: () => undefined,
  'accept and stay silent': () => undefined,
  'header stalls': ({ request: { socket } }) => write(socket, [Buffer.from('HTTP/1.1 200 OK\r\ncontent-le')], 'stay'),
  'body stalls': sendPart('stay'),
  // Slower than a tenth of the smallest blob in the time of a rate, or it would earn more requests; faster than a silence.
  drip: ({ request: { socket }, answer, at }) => {
    write(socket, [headOf(answer), answer.body.subarray(0, at)], 'stay');
    let next = at;
    const drops = setInterval(() => {
      socket.write(answer.body.subarray(next, next + 1));
      next += 1;
      if (next >= answer.body.length) clearInterval(drops);
    }, 450);
    socket.on('close', () => clearInterval(drops));
  },
  'RST in the header': ({ request: { socket } }) => write(socket, [Buffer.from('HTTP/1.1 200 OK\r\n')], 'reset'),
  'RST in the body': sendPart('reset'),
  'FIN truncates': sendPart('end', () => ({ connection: 'close' })),
  'chunk truncated': ({ request: { socket }, answer: { body, ...answer }, at }) => {
    const chunk = Buffer.from(`${body.length.toString(16)}\r\n`);
    write(
      socket,
      [headOf({ ...answer, body }, { 'transfer-encoding': 'chunked' }), chunk, body.subarray(0, at)],
      'end',
    );
  },
  'TLS cut': sendPart('destroy'),
  'wrong bytes': sendBody((body, { at, random, request }) => {
    const changed = Uint8Array.from(body);
    // Within the token, where that is what is wrong.
    const place = request.url.startsWith('/token') ? 30 : at + Math.floor(random() * (body.length - at));
    changed[place] = (changed[place] ?? 0) ^ 1;
    return changed;
  }),
  short: sendBody((body, { at }) => body.subarray(0, at)),
  long: sendBody((body) => Buffer.concat([body, Buffer.from('and more')])),
  // The rest comes where the next answer belongs.
  'length lies': ({ request: { socket }, answer, at }) =>
    write(socket, [headOf(answer, toLength(at)), answer.body], 'stay'),
  'two lengths': sendHead('content-length: 5\r\ncontent-length: 7\r\n\r\n'),
  'length and chunks': sendHead('content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'),
  'encoding bomb': sendBody(() => BOMB, { 'content-encoding': 'gzip' }),
  '401 for ever': sendStatus(401, ({ challenge }) => ({ 'www-authenticate': challenge })),
  '403': sendStatus(403),
  '404': sendStatus(404),
  '429 with Retry-After': sendStatus(429, () => ({ 'retry-after': '1' })),
  '500': sendStatus(500),
  '503, then ok': sendStatus(503),
  'redirect loop': sendStatus(307, ({ request: { url } }) => ({ location: url })),
  'redirect to another origin': sendStatus(307, ({ request: { url }, foreign }) => ({ location: `${foreign}${url}` })),
  'range lie': ({ request, answer, random }) => {
    const size = answer.offset + answer.body.length;
    const lie = `bytes ${answer.offset + 1}-${size}/${size + 1}`;
    sendWell(request, { ...answer, status: 206, headers: { ...answer.headers, 'content-range': lie } }, random);
  },
  'garbage header': sendHead('no colon in this line\r\n\0\u00ff: x\r\ncontent-length: 0\r\n\r\n'),
  'oversized header': sendHead(`x: ${'y'.repeat(200_000)}\r\ncontent-length: 0\r\n\r\n`),
};

function toLength(length: number): Readonly<Record<string, string>> {
  return { 'content-length': String(length) };
}

export function headOf({ status, headers, body }: Answer, framing = toLength(body.length)): Buffer {
  const lines = Object.entries({ ...headers, ...framing }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`HTTP/1.1 ${status} As it is\r\n${lines.join('')}\r\n`, 'latin1');
}

/** Sends an answer as it should be sent, in a few pieces. */
export function sendWell(
  { socket, method }: Request,
  answer: Answer,
  random: () => number,
  then: Afterwards = 'stay',
): void {
  const { body } = answer;
  const at = Math.floor(random() * body.length);
  const parts = method === 'HEAD' ? [] : [body.subarray(0, at), body.subarray(at)];
  write(socket, [headOf(answer), ...parts], then);
}

export function write(socket: Socket, parts: readonly Uint8Array[], then: Afterwards): void {
  if (socket.destroyed) return;
  for (const part of parts) if (part.length > 0) socket.write(part);
  socket.write('', () => {
    if (then === 'end') socket.end();
    // What was sent should have been read by then, since a reset takes it away.
    else if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 30);
    else if (then === 'destroy') setTimeout(() => socket.destroy(), 30);
  });
}
