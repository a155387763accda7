import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';

const execute = promisify(execFile);

/** Runs a program to its end and gives its standard output; a failure carries what it wrote to standard error. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, [...args], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** A port of loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No port');
  return address.port;
}

export interface RealRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
}

/** Starts Debian's docker-registry with an htpasswd file; it ends with the test. */
export async function startDockerRegistry(account: {
  readonly username: string;
  readonly password: string;
}): Promise<RealRegistry> {
  const directory = tempDir();
  const host = `127.0.0.1:${await freePort()}`;
  const hashes = await run('htpasswd', '-Bbn', account.username, account.password);
  const config = join(directory.path, 'config.yml');
  writeFileSync(
    config,
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${join(directory.path, 'data')} } }
http: { addr: '${host}' }
auth: { htpasswd: { realm: kubepull, path: ${directory.secretFile('htpasswd', hashes)} } }
`,
  );
  const server = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  onTestFinished(async () => {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  });
  await untilAnswers(`http://${host}/v2/`);
  return { host };
}

async function untilAnswers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      await fetch(url);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`Nothing answers at ${url}`);
}
