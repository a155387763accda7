import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end and gives its standard output; a failure carries what it wrote to standard error. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, [...args], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** `127.0.0.1` with a port that is free now. */
export async function freeHost(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No port');
  return `127.0.0.1:${address.port}`;
}

/** A server process that can be hurt. */
export interface Daemon {
  /** Kills it without a word to its clients, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and with the same data, and waits until it answers. */
  restart(): Promise<void>;
  /** Lets it hang, connections and all. */
  pause(): void;
  resume(): void;
}

/** Starts a program that serves until it is killed, and waits until it answers at a URL. */
export async function startDaemon(program: string, args: readonly string[], url: string): Promise<Daemon> {
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(program, [...args], { stdio: 'ignore' });
    await untilAnswers(url, () => hasEnded(child));
    return child;
  };
  let child = await start();
  return {
    async kill() {
      child.kill('SIGKILL');
      if (!hasEnded(child)) await once(child, 'exit');
    },
    async restart() {
      child = await start();
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Any answer will do, also one that a client without the certificate cannot read. */
async function untilAnswers(url: string, hasFailed: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400 && !hasFailed(); attempt += 1) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      const { code } = (error as { cause?: { code?: string } }).cause ?? {};
      if (code !== 'ECONNREFUSED' && code !== 'ECONNRESET') return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error(`Nothing answers at ${url}`);
}
