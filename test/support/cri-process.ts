import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';
import { tempDir } from './temp-dir.ts';

/** A process that pulls through a runtime. */
export interface PullProcess {
  /** What it has said so far, line by line. */
  readonly lines: readonly string[];
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** Kills it in the midst of what it does. */
  kill(): Promise<void>;
}

/** Starts `cri-child.ts` as one file, in a directory without packages. */
export async function startPullProcess(endpoint: string, root: string, image: string): Promise<PullProcess> {
  const { path } = tempDir();
  const outfile = join(path, 'child.cjs');
  const entry = fileURLToPath(new URL('cri-child.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'cjs', logLevel: 'error' });
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child: ChildProcess = spawn(process.execPath, [outfile, endpoint, root, image], {
    cwd: path,
    stdio: [...stdio],
    env: {},
  });
  const ended = once(child, 'exit').then(() => undefined);
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => lines.push(line));
  return {
    lines,
    ended,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
