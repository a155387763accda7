// `npm run vectors -- [DIR]`: every vector file of a folder through the public API, beside the results of the real Go.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKS, runChecks, type Difference, type VectorFile } from './checks.ts';

const SHOWN = 3;

/** Runs the files of a folder; gives the lines of the report, and whether all holds. */
export function runFolder(folder: string): { readonly lines: readonly string[]; readonly ok: boolean } {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted();
  const reports = names.map((name) => runFile(folder, name));
  const ok = names.length > 0 && reports.every((report) => report.ok);
  const lines = reports.flatMap((report) => report.lines);
  return { lines: names.length === 0 ? [`${folder}: no vector files`] : lines, ok };
}

function runFile(folder: string, name: string): { readonly lines: readonly string[]; readonly ok: boolean } {
  const check = CHECKS.get(name);
  if (check === undefined) return { lines: [`${name}: unknown file`], ok: false };
  const file = JSON.parse(readFileSync(join(folder, name), 'utf8')) as VectorFile;
  const differences = runChecks(check, file);
  const summary = `${name}: ${file.cases.length} cases, ${differences.length} differ`;
  return {
    lines: [summary, ...differences.slice(0, SHOWN).map(describe)],
    ok: differences.length === 0 && file.cases.length > 0,
  };
}

function describe({ index, vector, want, got }: Difference): string {
  const cut = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, 300);
  return `  case ${index}: ${cut(vector)}\n    want ${cut(want)}\n    got  ${cut(got)}`;
}
