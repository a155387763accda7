import { connect } from 'node:net';
import type { LoopbackRegistry } from 'kubepull/testing';

/** Everything that came over one connection, and how the connection ended. */
export interface RawReply {
  readonly bytes: Buffer;
  /** Status line and headers of the first answer. */
  readonly head: string;
  /** What came after them, with chunks as they are. */
  readonly body: Buffer;
  readonly end: 'closed' | 'reset' | 'silent';
}

/**
 * Sends one GET over a socket of its own, and reads until the end, a reset, or silence.
 *
 * @param silenceMs - long, so that a busy machine is not taken for silence, but where silence is what should come
 */
export function rawGet(
  registry: LoopbackRegistry,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  silenceMs = 10_000,
): Promise<RawReply> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(registry.port, '127.0.0.1');
    const finish = (end: RawReply['end']): void => {
      const bytes = Buffer.concat(chunks);
      const at = bytes.indexOf('\r\n\r\n');
      const head = at < 0 ? bytes.toString() : bytes.subarray(0, at).toString();
      resolve({ bytes, head, body: at < 0 ? Buffer.alloc(0) : bytes.subarray(at + 4), end });
      socket.destroy();
    };
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => finish('closed'));
    socket.on('error', () => finish('reset'));
    socket.setTimeout(silenceMs, () => finish('silent'));
    const lines = Object.entries({ host: registry.host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  });
}
