import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of a server that are open now. */
export function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** Makes the function that stops a server for good, however often it is called. */
export function closeOnce(server: Server, sockets: ReadonlySet<Socket>, closing: AbortController): () => Promise<void> {
  const close = async (): Promise<void> => {
    closing.abort();
    server.close();
    server.closeAllConnections();
    // The server counts a socket as gone before the socket says so itself.
    await Promise.all([once(server, 'close'), ...[...sockets].map((socket) => once(socket, 'close'))]);
  };
  let closed: Promise<void> | undefined;
  return () => (closed ??= close());
}
