// The pull suite, in the runtimes that are given, each against registries of its own.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * Runs the suite in each runtime, prints a line for each, and says how many failed.
 *
 * @param {string} directory for the bundles
 * @param {(bundle: string) => readonly { name: string; program: string; args: readonly string[] }[]} runtimesOf
 * @returns {Promise<number>}
 */
export async function runPullSuites(directory, runtimesOf) {
  const [suite, servers] = await Promise.all([bundle(directory, 'pull-suite'), bundle(directory, 'pull-servers')]);
  const { startPullServers } = await import(pathToFileURL(servers).href);
  let failed = 0;
  for (const runtime of runtimesOf(suite)) failed += (await runPullSuite(runtime, await startPullServers())) ? 0 : 1;
  return failed;
}

/**
 * @param {string} directory
 * @param {string} name
 */
async function bundle(directory, name) {
  const outfile = join(directory, `${name}.mjs`);
  await build({
    entryPoints: [join(here, `${name}.ts`)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    tsconfig: join(here, '..', 'tsconfig.json'),
    logLevel: 'error',
  });
  return outfile;
}

/**
 * @param {{ name: string; program: string; args: readonly string[] }} runtime
 * @param {{ url: string; faults(): readonly string[]; close(): Promise<void> }} servers
 */
async function runPullSuite({ name, program, args }, servers) {
  const options = { timeout: 180_000, maxBuffer: 1024 * 1024 };
  const outcome = await promisify(execFile)(program, [...args, servers.url], options).then(
    ({ stdout }) => stdout,
    (error) => `${error.message}\n${error.stdout ?? ''}\n${error.stderr ?? ''}`,
  );
  const found = /^pull-suite (\{.*\})$/m.exec(outcome)?.[1];
  const { cases = 0, faults = [] } = JSON.parse(found ?? '{}');
  const all = [...faults, ...(found === undefined ? [outcome.slice(-800)] : servers.faults())];
  await servers.close();
  const ok = cases > 0 && all.length === 0;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}, pulls by fetch: ${cases} cases, ${all.length} faults`);
  for (const fault of all) console.log(`     ${fault}`);
  return ok;
}
