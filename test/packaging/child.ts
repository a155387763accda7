import { execFile } from 'node:child_process';
import { root } from './entries.mjs';

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without the variables of the test runner around it. */
export function run(
  file: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(NODE_OPTIONS|NODE_ENV|VITEST|KUBEPULL_)/.test(name),
  );
  const env = { ...Object.fromEntries(inherited), ...options.env };
  return new Promise((resolve) => {
    execFile(file, args, { cwd: options.cwd ?? root, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/** Runs an ES module given as text, from a folder whose packages it can import, and returns what it printed. */
export async function runScript(text: string, cwd: string = root, flags: readonly string[] = []): Promise<string> {
  const { exitCode, stdout, stderr } = await run(process.execPath, [...flags, '--input-type=module', '--eval', text], {
    cwd,
  });
  if (exitCode !== 0) throw new Error(`The script failed with ${exitCode}:\n${stderr}`);
  return stdout;
}
