// What a server, or something on the way to it, can say instead of an answer.
import type { Socket } from 'node:net';

/** One fault: what is sent for a request, and what a reader has to make of it. */
export interface RawFault {
  readonly name: string;
  readonly send: (socket: Socket) => void;
  /** The body that is read; `undefined` where reading has to fail. */
  readonly reads?: string;
  /** Whether only the transport puts up with it. */
  readonly lenient?: true;
}

const says =
  (bytes: string, then: 'stay' | 'end' | 'reset' = 'stay'): RawFault['send'] =>
  (socket) => {
    socket.write(Buffer.from(bytes, 'latin1'), () => {
      if (then === 'end') socket.end();
      if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 20);
    });
  };
const ok = (headers: string, body = ''): string => `HTTP/1.1 200 OK\r\n${headers}\r\n\r\n${body}`;
const chunked = (body: string): string => ok('transfer-encoding: chunked', body);

/** Sends the same bytes for ever. */
const flood =
  (bytes: string): RawFault['send'] =>
  (socket) => {
    const again = setInterval(() => socket.write(bytes), 10);
    socket.on('close', () => clearInterval(again));
  };

const PIECEWISE: RawFault['send'] = (socket) => {
  const bytes = ok('content-length: 3', 'abc');
  [...bytes].forEach((byte, place) => setTimeout(() => socket.write(byte), place));
};

export const RAW_FAULTS: readonly RawFault[] = [
  { name: 'a reset before the answer', send: (socket) => socket.resetAndDestroy() },
  { name: 'an end before the answer', send: says('', 'end') },
  { name: 'an end within the status line', send: says('HTTP/1.1 20', 'end') },
  { name: 'an end within a header', send: says('HTTP/1.1 200 OK\r\ncontent-le', 'end') },
  { name: 'an end within a body of known length', send: says(ok('content-length: 100', 'abc'), 'end') },
  { name: 'a reset within a body of known length', send: says(ok('content-length: 100', 'abc'), 'reset') },
  { name: 'an end within a chunk', send: says(chunked('10\r\nabc'), 'end') },
  { name: 'an end between chunks', send: says(chunked('3\r\nabc\r\n'), 'end') },
  { name: 'an end within the last chunk', send: says(chunked('3\r\nabc\r\n0\r\n'), 'end') },
  { name: 'a reset within a chunk', send: says(chunked('10\r\nabc'), 'reset') },
  {
    name: 'a 100 that was not asked for',
    send: says(`HTTP/1.1 100 Continue\r\n\r\n${ok('content-length: 3', 'abc')}`),
  },
  { name: 'endless 103s', send: flood('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n') },
  { name: 'endless 102s', send: flood('HTTP/1.1 102 Processing\r\n\r\n') },
  {
    name: 'a few 103s',
    send: says(`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(3)}${ok('content-length: 3', 'abc')}`),
    reads: 'abc',
  },
  {
    name: 'a 101 that was not asked for',
    send: says('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  },
  { name: 'a chunk size that is no number', send: says(chunked('zz\r\nabc\r\n0\r\n\r\n')) },
  { name: 'a chunk size beyond 64 bits', send: says(chunked('fffffffffffffffff\r\nabc\r\n0\r\n\r\n')) },
  { name: 'a chunk size below zero', send: says(chunked('-3\r\nabc\r\n0\r\n\r\n')) },
  { name: 'a chunk longer than its size', send: says(chunked('2\r\nabc\r\n0\r\n\r\n')) },
  {
    name: 'a length beside chunks',
    send: says(ok('content-length: 3\r\ntransfer-encoding: chunked', '3\r\nabc\r\n0\r\n\r\n')),
  },
  {
    name: 'chunks beside a length',
    send: says(ok('transfer-encoding: chunked\r\ncontent-length: 3', '3\r\nabc\r\n0\r\n\r\n')),
  },
  { name: 'two different lengths', send: says(ok('content-length: 3\r\ncontent-length: 4', 'abcd')) },
  { name: 'two equal lengths', send: says(ok('content-length: 3\r\ncontent-length: 3', 'abc')) },
  { name: 'a list of lengths', send: says(ok('content-length: 3, 3', 'abc')) },
  { name: 'a length below zero', send: says(ok('content-length: -3', 'abc')) },
  { name: 'a length with a sign', send: says(ok('content-length: +3', 'abc')) },
  { name: 'a length that is no number', send: says(ok('content-length: abc', 'abc')) },
  { name: 'a length beyond 64 bits', send: says(ok('content-length: 99999999999999999999999', 'abc')) },
  { name: 'bytes beyond the length', send: says(ok('content-length: 3', 'abcdef')), reads: 'abc' },
  {
    name: 'a second answer',
    send: says(`${ok('content-length: 3', 'abc')}${ok('content-length: 4', 'evil')}`),
    reads: 'abc',
  },
  { name: 'bytes beyond the last chunk', send: says(chunked('3\r\nabc\r\n0\r\n\r\nevil')), reads: 'abc' },
  { name: 'a body after 204', send: says('HTTP/1.1 204 No Content\r\n\r\nevil'), reads: '' },
  { name: 'a body after 304', send: says('HTTP/1.1 304 Not Modified\r\n\r\nevil'), reads: '' },
  { name: 'another protocol', send: says('SSH-2.0-OpenSSH_9.2\r\n') },
  { name: 'HTTP/2', send: says('\0\0\0\x04\0\0\0\0\0') },
  { name: 'HTTP/0.9', send: says('<html>abc</html>', 'end') },
  { name: 'HTTP/3.7', send: says('HTTP/3.7 200 OK\r\ncontent-length: 3\r\n\r\nabc') },
  { name: 'a status of two digits', send: says('HTTP/1.1 99 What\r\ncontent-length: 3\r\n\r\nabc') },
  { name: 'a status of four digits', send: says('HTTP/1.1 2000 OK\r\ncontent-length: 3\r\n\r\nabc') },
  { name: 'a header without colon', send: says(ok('content-length 3', 'abc')) },
  { name: 'a space before the colon', send: says(ok('content-length : 3', 'abc')) },
  { name: 'a NUL in a header', send: says(ok('x: a\0b\r\ncontent-length: 3', 'abc')) },
  { name: 'a folded header', send: says(ok('x: a\r\n b\r\ncontent-length: 3', 'abc')) },
  { name: 'a header without name', send: says(ok(': a\r\ncontent-length: 3', 'abc')) },
  { name: 'bare line feeds', send: says('HTTP/1.1 200 OK\ncontent-length: 3\n\nabc') },
  { name: 'bare carriage returns', send: says('HTTP/1.1 200 OK\rcontent-length: 3\r\rabc') },
  { name: 'a megabyte of one header', send: says(ok(`x: ${'y'.repeat(1024 * 1024)}\r\ncontent-length: 3`, 'abc')) },
  { name: 'a megabyte of headers', send: says(ok(`${'x: y\r\n'.repeat(175_000)}content-length: 3`, 'abc')) },
  { name: 'endless headers', send: flood(`x: ${'y'.repeat(1000)}\r\n`) },
  { name: 'a chunk extension without end', send: says(chunked(`3;${'x'.repeat(1024 * 1024)}`)) },
  { name: 'an answer byte by byte', send: PIECEWISE, reads: 'abc' },
  { name: 'trailers', send: says(chunked('3\r\nabc\r\n0\r\nx: y\r\n\r\n')), reads: 'abc' },
  {
    name: 'chunks under another coding',
    send: says(ok('transfer-encoding: chunked, identity', 'abc'), 'end'),
    reads: 'abc', // Until the end of the connection; the size has to tell.
    lenient: true,
  },
];
