import { once } from 'node:events';
import { open as openFile, readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, request as send, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import type { TransportRequest, TransportResponse } from 'kubepull/distribution';
import {
  createNodeRuntime,
  createUndiciTransport,
  nodeHasher,
  type UndiciTransport,
  type UndiciTransportOptions,
} from 'kubepull/node';
import { tempDir } from '../../support/temp-dir.ts';

/** What sends requests: the transport, or a carrier of blobs, in this thread or in others, whose answers go to a file. */
export const SENDERS = ['the transport', 'a reader', 'threads'] as const;
export type Sender = (typeof SENDERS)[number];

/** A transport that closes with the test. */
export function open(options: UndiciTransportOptions = {}, sender: Sender = 'the transport'): UndiciTransport {
  const opened = sender === 'the transport' ? createUndiciTransport(options) : openCarrier(options, sender);
  onTestFinished(opened.close);
  return opened;
}

function openCarrier(options: UndiciTransportOptions, sender: Sender): UndiciTransport {
  const runtime = createNodeRuntime({ ...options, workers: sender === 'threads' ? 2 : 0, minCarriedBytes: 0 });
  if (runtime.carrier === undefined) throw new Error('No carrier');
  return { transport: runtime.carrier.send, close: runtime.close };
}

export const get = (url: string, more: Partial<TransportRequest> = {}): TransportRequest => ({
  method: 'GET',
  url,
  headers: {},
  ...more,
});

export async function read(response: TransportResponse): Promise<string> {
  if (response.bring !== undefined) return readBrought(response);
  const { body } = response;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** What an answer puts into a file. */
async function readBrought({ bring }: TransportResponse): Promise<string> {
  const { path } = tempDir();
  const file = await openFile(join(path, 'blob'), 'wx+');
  try {
    const target = { fd: file.fd, offset: 0, size: Number.MAX_SAFE_INTEGER, algorithm: 'sha256' } as const;
    const filled = await bring?.(target, () => undefined);
    const text = await readFile(join(path, 'blob'), 'utf8');
    if (filled?.failure !== undefined) throw filled.failure.error;
    expect(filled).toMatchObject({ size: text.length, digest: computeDigest(Buffer.from(text), nodeHasher) });
    return text;
  } finally {
    await file.close();
  }
}

/** What a proxy saw of a request. */
export interface ProxiedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export interface LoggingProxy {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly ProxiedRequest[];
}

/**
 * A proxy that writes down what it is asked for. It takes every name for 127.0.0.1.
 *
 * @param answer - a status that it answers with instead of doing its work
 */
export async function startProxy(answer?: number): Promise<LoggingProxy> {
  const requests: ProxiedRequest[] = [];
  const server = createServer((request, response) => {
    const { method = '', url: target = '', headers } = request;
    requests.push({ method, target, headers });
    if (answer !== undefined) return void response.writeHead(answer).end('no');
    const { port, pathname } = new URL(target);
    const { 'proxy-authorization': _, ...rest } = headers;
    const forwarded = send({ host: '127.0.0.1', port, path: pathname, method, headers: rest }, (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(response);
    });
    request.pipe(forwarded);
  });
  server.on('connect', ({ url: target = '', headers }, client: Socket) => {
    requests.push({ method: 'CONNECT', target, headers });
    client.on('error', () => undefined);
    if (answer !== undefined) return void client.end(`HTTP/1.1 ${answer} No\r\ncontent-length: 0\r\n\r\n`);
    const upstream = connect(Number(target.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, port, requests };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A TCP server; `talk` is called whenever bytes have come. */
export async function serveTcp(
  talk: (socket: Socket, bytes: Buffer) => void,
): Promise<{ url: string; port: number; accepted(): number }> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createTcpServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes: Buffer) => talk(socket, bytes));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, port, accepted: () => accepted };
}
