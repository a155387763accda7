import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Collects what the canary hook of every test file has scanned, and prints the sum at the end of the run. */
export default function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'kubepull-canary-'));
  const file = join(directory, 'totals');
  writeFileSync(file, '');
  process.env['KUBEPULL_TEST_CANARY_TOTALS'] = file;
  return () => {
    const rows = readFileSync(file, 'utf8').trim().split('\n').filter(Boolean);
    const sum = (column: number): number => rows.reduce((total, row) => total + Number(row.split(' ')[column] ?? 0), 0);
    console.log(`\ncanary hook: ${sum(0)} places scanned for ${sum(1)} secrets in ${rows.length} test files`);
    rmSync(directory, { recursive: true, force: true });
  };
}
