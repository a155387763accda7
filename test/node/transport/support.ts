import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request as send, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { TransportRequest, TransportResponse } from 'kubepull/distribution';
import { createUndiciTransport, type UndiciTransport, type UndiciTransportOptions } from 'kubepull/node';

/** A transport that closes with the test. */
export function open(options: UndiciTransportOptions = {}): UndiciTransport {
  const opened = createUndiciTransport(options);
  onTestFinished(opened.close);
  return opened;
}

export const get = (url: string, more: Partial<TransportRequest> = {}): TransportRequest => ({
  method: 'GET',
  url,
  headers: {},
  ...more,
});

export async function read({ body }: TransportResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
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
