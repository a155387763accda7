// `npm run test:runtimes`: the portable modules, as one bundle, in every runtime that the README names, and pulls from
// registries of this process in those that have no transport of their own here.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { runCommandLine } from './command-line.mjs';
import { runPullSuites } from './pull.mjs';

const NODES = [20, 22, 24, 26];
const here = fileURLToPath(new URL('.', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'kubepull-runtimes-'));
const bundle = join(directory, 'suite.mjs');
const page = join(directory, 'suite.html');

await build({
  entryPoints: [join(here, 'shared-suite.ts')],
  outfile: bundle,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  tsconfig: join(here, '..', 'tsconfig.json'),
  logLevel: 'error',
});
writeFileSync(page, `<body><script type="module" src="suite.mjs"></script></body>`);

/**
 * A program out of an npm package.
 *
 * @param {string} name
 * @param {string} from
 * @param {readonly string[]} args
 */
const npx = (name, from, args) => ({ name, program: 'npx', args: ['--yes', '--package', from, ...args] });
const headless = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
const runtimes = [
  ...NODES.map((major) => npx(`Node ${major}`, `node@${major}`, ['node', bundle])),
  npx('Deno', 'deno', ['deno', 'run', '--no-config', bundle]),
  npx('Bun', 'bun', ['bun', 'run', bundle]),
  {
    name: 'Chromium',
    program: 'chromium',
    args: [
      ...headless,
      `--user-data-dir=${join(directory, 'profile')}`,
      '--allow-file-access-from-files',
      '--virtual-time-budget=60000',
      '--dump-dom',
      pathToFileURL(page).href,
    ],
  },
];

let failed = 0;
for (const { name, program, args } of runtimes) {
  const outcome = await promisify(execFile)(program, args, { timeout: 180_000, maxBuffer: 1024 * 1024 }).then(
    ({ stdout }) => stdout,
    (error) => `${error.message}\n${error.stderr ?? ''}`,
  );
  const found = /shared-suite (\{.*?\})/.exec(outcome)?.[1];
  const { files = 0, cases = 0, differ = 0 } = JSON.parse(found ?? '{}');
  const ok = cases > 0 && differ === 0;
  if (!ok) failed += 1;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}: ${files} files, ${cases} cases, ${differ} differ`);
  if (found === undefined) console.log(outcome.slice(-800));
}
failed += await runPullSuites(directory, (suite) => [
  npx('Node 22', 'node@22', ['node', suite]),
  npx('Deno', 'deno', ['deno', 'run', '--no-config', '--allow-net=127.0.0.1', suite]),
  npx('Bun', 'bun', ['bun', 'run', suite]),
]);
for (const major of NODES) failed += await runCommandLine(npx(`Node ${major}`, `node@${major}`, ['node']));
rmSync(directory, { recursive: true, force: true });
process.exitCode = failed === 0 ? 0 : 1;
