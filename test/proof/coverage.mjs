// After `npm run coverage`: what of each module the tests went through. `--write` puts it into docs/reliability.md.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeCoverage } from './page.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const path =
  process.argv.slice(2).find((argument) => !argument.startsWith('-')) ?? `${root}coverage/coverage-summary.json`;

/** @typedef {{ total: number, covered: number }} Part */
/** @type {Record<string, { lines: Part, branches: Part }>} */
const { total, ...files } = JSON.parse(readFileSync(path, 'utf8'));
if (total === undefined) throw new Error(`${path} has no total`);

/** @type {Map<string, { lines: Part, branches: Part }>} */
const modules = new Map();
for (const [file, { lines, branches }] of Object.entries(files)) {
  const [, folder = ''] = relative(root, file).split('/');
  if (folder.endsWith('.ts')) continue;
  const { lines: l, branches: b } = modules.get(folder) ?? {
    lines: { total: 0, covered: 0 },
    branches: { total: 0, covered: 0 },
  };
  const sum = (/** @type {Part} */ a, /** @type {Part} */ c) => ({
    total: a.total + c.total,
    covered: a.covered + c.covered,
  });
  modules.set(folder, { lines: sum(l, lines), branches: sum(b, branches) });
}

/** @type {(part: Part) => string} */
const percent = ({ total: all, covered }) => `${(all === 0 ? 100 : (100 * covered) / all).toFixed(1)} %`;
const sorted = [...modules].toSorted(([a], [b]) => (a < b ? -1 : 1));
const rows = [...sorted, /** @type {const} */ (['all', total])].map(([name, { lines, branches }]) => [
  name,
  percent(lines),
  percent(branches),
]);
for (const row of rows) console.log(row.join('  '));
if (process.argv.includes('--write')) await writeCoverage(rows);
