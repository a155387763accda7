// `npm run proof`: one line for each claim of reliability, with its figure and its goal, from the tests as they are where CI is set.
// `npm run proof -- --quick` tries a part of each, by which no goal is judged.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addUp, PROOFS, sheetOf } from './proofs.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const isFull = !process.argv.includes('--quick');
const directory = mkdtempSync(join(tmpdir(), 'kubepull-proof-'));
const [figures, results] = [join(directory, 'figures'), join(directory, 'results.json')];
writeFileSync(figures, '');
try {
  const { CI: _, ...env } = process.env;
  const files = [...new Set(PROOFS.flatMap((proof) => proof.files))];
  const started = Date.now();
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'unit*',
      ...files,
    ],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: {
        ...env,
        ...(isFull ? { CI: 'true' } : {}),
        KUBEPULL_TEST_FIGURES: figures,
        KUBEPULL_TEST_RESULTS: results,
      },
    },
  );
  /** @type {{ testResults: { name: string, assertionResults: { status: string }[], status: string }[] }} */
  const { testResults } = JSON.parse(readFileSync(results, 'utf8'));
  const failed = new Map(
    testResults.map(({ name, assertionResults, status }) => {
      const bad = assertionResults.filter((one) => one.status === 'failed').length;
      return [relative(root, name), bad === 0 && status === 'failed' ? 1 : bad];
    }),
  );
  const { lines, ok } = sheetOf(addUp(readFileSync(figures, 'utf8')), failed, isFull);
  for (const line of lines) console.log(line);
  for (const [line] of stdout.matchAll(/^(?:canary hook|properties|sweeps): .*$/gm)) console.log(line);
  console.log(`${isFull ? 'in full' : 'a part of each'}, in ${Math.round((Date.now() - started) / 1000)} s`);
  if (!ok) console.error(`${stdout.slice(-20_000)}\n${stderr.slice(-5000)}`);
  process.exitCode = ok ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
