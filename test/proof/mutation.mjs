// `npm run mutation -- [module…]`: changes the code of a module at every place, one change at a time, and says which of them no
// test of the module noticed. `--write` writes the figures into docs/reliability.md. `--reports DIRECTORY` keeps the reports of
// Stryker there, and takes those that are there already.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MODULES, resultOf, tableOf } from './mutants.mjs';
import { writeMutants } from './page.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values, positionals } = parseArgs({
  options: { write: { type: 'boolean' }, reports: { type: 'string' } },
  allowPositionals: true,
});
const reports = values.reports ?? mkdtempSync(join(tmpdir(), 'kubepull-mutants-'));
mkdirSync(reports, { recursive: true });
const names = positionals.length === 0 ? Object.keys(MODULES) : positionals;
const results = names.map((name) => {
  const result = resultOf(name, JSON.parse(readFileSync(reportOf(name), 'utf8')));
  for (const line of result.lines) console.log(line);
  return result;
});
if (values.write === true) await writeMutants(tableOf(results));
if (values.reports === undefined) rmSync(reports, { recursive: true });
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;

/** Where the report of a module is, which is made anew unless it is kept. @type {(name: string) => string} */
function reportOf(name) {
  const found = MODULES[name];
  if (found === undefined) throw new Error(`${name} is none of ${Object.keys(MODULES).join(', ')}`);
  const kept = join(reports, `${name}.json`);
  if (existsSync(kept)) return kept;
  const directory = mkdtempSync(join(tmpdir(), 'kubepull-mutation-'));
  const [config, report] = [join(directory, 'stryker.json'), join(directory, 'report.json')];
  const options = {
    mutate: found.mutate,
    testRunner: 'vitest',
    vitest: { configFile: 'test/proof/mutation.config.ts', related: false },
    coverageAnalysis: 'perTest',
    reporters: ['json'],
    jsonReporter: { fileName: report },
    tempDirName: join(directory, 'tree'),
    cleanTempDir: 'always',
    disableTypeChecks: false,
    ...(found.sample === undefined
      ? {}
      : {
          plugins: ['@stryker-mutator/*', fileURLToPath(import.meta.resolve('./sample.mjs'))],
          checkers: ['sample'],
          sample: found.sample,
          warnings: { unknownOptions: false },
        }),
    concurrency: 2,
    timeoutMS: 5000,
    ignorePatterns: ['docs', 'bench', 'dist', 'coverage', 'temp', 'test/real', 'test/packaging'],
    allowConsoleColors: false,
    allowEmpty: false,
    logLevel: 'warn',
  };
  writeFileSync(config, JSON.stringify(options));
  try {
    const { CI: _, ...env } = process.env;
    const { status } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js'), 'run', config],
      {
        cwd: root,
        stdio: ['ignore', 'inherit', 'inherit'],
        // The same input for properties and sweeps every time: what one change is judged by is what the next one is.
        env: { ...env, KUBEPULL_TEST_SEED: '1', KUBEPULL_TEST_MUTATION: JSON.stringify(found.tests) },
      },
    );
    if (status !== 0) throw new Error(`Stryker ended with status ${status} for ${name}`);
    copyFileSync(report, kept);
    return kept;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
