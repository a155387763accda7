// `npm run proof`: one line for each claim of reliability, with its figure and its aim. In full, which takes long; with `--fast`
// as much of each as `.ci/run` has time for, by which no goal is judged. `--with FIGURES RESULTS` names what a run of the suite
// has written (with `KUBEPULL_TEST_FIGURES` and `KUBEPULL_TEST_RESULTS` set); its tests are not run once more then. `--write` puts
// the figures into docs/reliability.md and the README.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeSheet } from './page.mjs';
import { addUp, lanesOf, PROOFS, sheetOf } from './proofs.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values, positionals } = parseArgs({
  options: { fast: { type: 'boolean' }, with: { type: 'boolean' }, write: { type: 'boolean' } },
  allowPositionals: true,
});
const isFull = values.fast !== true;
const directory = mkdtempSync(join(tmpdir(), 'kubepull-proof-'));
const figures = join(directory, 'figures');
const started = Date.now();
try {
  const [givenFigures, givenResults] = values.with === true ? positionals : [];
  if (givenFigures === undefined) writeFileSync(figures, '');
  else copyFileSync(givenFigures, figures);
  const all = [...new Set(PROOFS.flatMap((proof) => proof.files))];
  const proofs = all.filter((file) => file.startsWith('test/proof/'));
  const real = all.filter((file) => file.startsWith('test/real/'));
  const suite = givenResults === undefined ? all.filter((file) => !proofs.includes(file) && !real.includes(file)) : [];
  const failed = new Map(givenResults === undefined ? [] : failuresOf(givenResults));
  let output = await runTests('unit*', suite, failed);
  if (isFull) {
    const { beside, alone } = lanesOf(proofs);
    for (const said of await Promise.all(beside.map((files) => runTests('proof', files, failed)))) output += said;
    output += await runTests('real', real, failed);
    output += await runTests('proof', alone, failed);
  } else {
    output += await runTests('proof', proofs, failed, process.env['KUBEPULL_TEST_RESULTS']);
  }
  const measured = addUp(readFileSync(figures, 'utf8'));
  const { lines, ok } = sheetOf(measured, failed, isFull);
  for (const line of lines) console.log(line);
  const how = `${isFull ? 'in full' : 'fast'}, in ${Math.round((Date.now() - started) / 1000)} s`;
  console.log(how);
  if (values.write === true) await writeSheet(measured, how);
  if (!ok) console.error(output.slice(-20_000));
  process.exitCode = ok ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/**
 * Runs some files of tests, and gives what they print.
 *
 * @param {string} project
 * @param {readonly string[]} files
 * @param {Map<string, number>} failed - gets how many tests of each file failed
 * @param {string} [results] - where the results are kept
 */
async function runTests(project, files, failed, results = join(directory, `${randomUUID()}.json`)) {
  if (files.length === 0) return '';
  const { CI: _, ...env } = process.env;
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const args = ['run', '--config', 'test/vitest.config.ts', '--project', project, ...files];
  const child = spawn(process.execPath, [vitest, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...env,
      ...(isFull ? { CI: 'true', KUBEPULL_TEST_PROOF: 'full' } : {}),
      KUBEPULL_TEST_FIGURES: figures,
      KUBEPULL_TEST_RESULTS: results,
    },
  });
  const output = await Promise.all([text(child.stdout), text(child.stderr)]);
  for (const [file, count] of failuresOf(results)) failed.set(file, count);
  return output.join('');
}

/**
 * How many tests of each file failed; one that could not be loaded counts as one.
 *
 * @param {string} path
 * @returns {[string, number][]}
 */
function failuresOf(path) {
  /** @type {{ testResults: { name: string, assertionResults: { status: string }[], status: string }[] }} */
  const { testResults } = JSON.parse(readFileSync(path, 'utf8'));
  return testResults.map(({ name, assertionResults, status }) => {
    const bad = assertionResults.filter((one) => one.status === 'failed').length;
    return [relative(root, name), bad === 0 && status === 'failed' ? 1 : bad];
  });
}
