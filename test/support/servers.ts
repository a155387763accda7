import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Certificate } from './certificate.ts';

/** A server of one test, on loopback. */
export interface Served {
  readonly origin: string;
  readonly port: number;
  /** Connections that are open. */
  connections(): number;
}

export const serve = (listener: RequestListener): Promise<Served> => listen(createServer(listener), 'http');

export const serveTls = (certificate: Certificate, listener: RequestListener): Promise<Served> =>
  listen(createTlsServer(certificate, listener), 'https');

async function listen(server: Server, scheme: string): Promise<Served> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  // All of 127.0.0.0/8, so that a name can lead to several addresses of it.
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `${scheme}://127.0.0.1:${port}`, port, connections: () => sockets.size };
}

/** Waits until something holds, for half a minute at most. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 30_000; !holds();) {
    if (performance.now() > deadline) throw new Error(`Not within 30 s: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A server that writes bytes of its own and answers nothing else. */
export async function serveRaw(bytes: string, end = true): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => (end ? socket.end(bytes) : socket.write(bytes)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
