import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type CriCall, type CriScript, serveCri } from './cri-runtime.ts';
import { tempDir } from './temp-dir.ts';

/** A scripted runtime on a socket of its own, which ends with the test. */
export interface CriServer {
  readonly socketPath: string;
  readonly endpoint: string;
  readonly calls: readonly CriCall[];
  /** Ends it and its connections, without a word. */
  kill(): void;
  /** Starts it again on the same socket. */
  restart(): Promise<void>;
}

/** Starts a runtime that does what a script says. A call that the script does not name is unimplemented. */
export async function startCriServer(script: CriScript): Promise<CriServer> {
  const { path } = tempDir();
  const [socketPath, behind] = [join(path, 'cri.sock'), join(path, 'grpc.sock')];
  const calls: CriCall[] = [];
  const server = await serveCri(behind, script, calls);
  let front = await listenInFront(socketPath, behind);
  onTestFinished(() => {
    front.kill();
    server.forceShutdown();
  });
  return {
    socketPath,
    endpoint: `unix://${socketPath}`,
    calls,
    kill: () => front.kill(),
    async restart() {
      front = await listenInFront(socketPath, behind);
    },
  };
}

/** A server of gRPC says goodbye when it ends; what stands in front of it does not. */
async function listenInFront(socketPath: string, behind: string): Promise<{ kill(): void }> {
  const sockets = new Set<Socket>();
  const front = createServer((socket) => {
    const inner = connect(behind);
    sockets.add(socket).add(inner);
    for (const [one, other] of [[socket, inner] as const, [inner, socket] as const])
      one.pipe(other).on('error', () => one.destroy());
  });
  front.listen(socketPath);
  await once(front, 'listening');
  return {
    kill() {
      front.close();
      for (const socket of sockets) socket.destroy();
      rmSync(socketPath, { force: true });
    },
  };
}
