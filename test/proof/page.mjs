// Writes the figures into docs/reliability.md, between marks, and the short sheet of the README out of what stands there.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { PROOFS } from './proofs.mjs';

/** @typedef {readonly (readonly string[])[]} Rows */

const PAGE = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));
const README = fileURLToPath(new URL('../../README.md', import.meta.url));

/** What the README shows: the claim in few words, and the figure that it is of, or the table. */
export const SHORT = /** @type {const} */ ([
  [
    'Faults of a registry at each place of a pull, each ended as predicted',
    'cells of the fault matrix that ended as predicted',
  ],
  ['Hostile inputs, with no crash and no hang', 'hostile inputs, each also at ten times its size'],
  ['Kills and power cuts of a layout, with nothing lost or corrupt', 'kills and power cuts at a call of a layout'],
  ['Names kept of those that processes wrote at the same time', 'names that processes gave at the same time'],
  [
    'Places and forms of a secret in answers, with none shown',
    'places and forms in which a server says a secret again',
  ],
  ['Places searched for secrets, with none found', 'places that were searched for secrets, and had none'],
  [
    'Ways to a real docker-registry, each with the right image',
    'ways to a real registry by which the right image came',
  ],
  ['Longest time from an abort to its end', 'time from an abort to the end of what it aborted'],
  ['Growth of the heap after 10,000 look-ups or pulls', 'growth of the heap after 10,000 look-ups or pulls'],
  ['Pulls under faults, with no wrong byte', 'pulls under faults, without a wrong byte'],
  ['Inputs of the fuzzer, with no finding open', 'inputs that the fuzzer made'],
  ['Results of the real Go code, all the same', 'results of the real Go code'],
]);

/** @type {(text: string, name: string) => string} */
export function blockOf(text, name) {
  const found = text.split(`<!-- ${name} -->`)[1]?.split(`<!-- /${name} -->`)[0];
  if (found === undefined) throw new Error(`There is no block ${name}`);
  return found.trim();
}

/** The rows of the table in a block, without its head; none where there is no table. @type {(block: string) => Rows} */
export function rowsOf(block) {
  const lines = block.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/u)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** @type {(head: readonly string[], rows: Rows) => string} */
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** @type {(proof: typeof PROOFS[number]) => string} */
export const aimOf = (proof) =>
  'goal' in proof ? `${spaced(proof.goal)} or more` : `at most ${proof.bound} ${proof.unit}`;

/** @type {(amount: number) => string} */
const spaced = (amount) => (Math.round(amount * 100) / 100).toLocaleString('en-US');

/**
 * The rows of what a run has measured.
 *
 * @type {(figures: ReadonlyMap<string, number>) => Rows}
 */
export const sheetRows = (figures) =>
  PROOFS.map((proof) => {
    const amount = figures.get(proof.figure);
    const unit = 'unit' in proof ? ` ${proof.unit}` : '';
    return [proof.figure, amount === undefined ? 'not measured' : `${spaced(amount)}${unit}`, aimOf(proof)];
  });

/** The short sheet, out of the long one. @type {(page: string) => string} */
export function shortSheetOf(page) {
  const measured = rowsOf(blockOf(page, 'sheet'));
  const rows = SHORT.flatMap(([claim, figure]) => {
    const [, amount, aim] = measured.find(([name]) => name === figure) ?? [];
    return amount === undefined || aim === undefined ? [] : [[claim, amount, aim]];
  });
  const scores = rowsOf(blockOf(page, 'mutants')).map((cells) => Number.parseFloat(cells[4] ?? ''));
  const lowest = `${Math.min(...scores)} %`;
  const mutants = [
    `Changes of the code that its tests noticed, in the worst of ${scores.length} modules`,
    lowest,
    '80 % or more',
  ];
  return [
    table(['Claim', 'Measured', 'Goal'], [...rows, ...(scores.length > 0 ? [mutants] : [])]),
    '[Reliability](docs/reliability.md) explains each figure; `npm run proof` measures them again.',
  ].join('\n\n');
}

/** @type {(path: string, name: string, content: string) => Promise<void>} */
async function writeBlock(path, name, content) {
  const text = readFileSync(path, 'utf8');
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  blockOf(text, name);
  const [before, rest = ''] = text.split(open);
  const written = `${before}${open}\n\n${content}\n\n${close}${rest.split(close)[1]}`;
  const options = await prettier.resolveConfig(path);
  writeFileSync(path, await prettier.format(written, { ...options, filepath: path }));
}

const writeShort = () => writeBlock(README, 'score sheet', shortSheetOf(readFileSync(PAGE, 'utf8')));

/**
 * Puts the figures of a run into the page and the README.
 *
 * @param {ReadonlyMap<string, number>} figures
 * @param {string} how - in full or fast, and how long it took
 */
export async function writeSheet(figures, how) {
  const [cpu] = cpus();
  const on = `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}`;
  const measured = `Measured on ${new Date().toISOString().slice(0, 10)} with Node ${process.version} on ${on}, ${how}.`;
  const rows = table(['Figure', 'Measured', 'Goal'], sheetRows(figures));
  await writeBlock(PAGE, 'sheet', `${measured}\n\n${rows}`);
  await writeShort();
}

/** Puts the figures of some modules into the page, beside those of the others, and into the README. @param {Rows} rows */
export async function writeMutants(rows) {
  const before = rowsOf(blockOf(readFileSync(PAGE, 'utf8'), 'mutants'));
  const kept = before.filter(([name]) => !rows.some(([other]) => other === name));
  const sorted = [...kept, ...rows].toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1));
  const head = ['Module', 'Changes', 'Noticed', 'Without effect', 'Score', 'Goal'];
  await writeBlock(PAGE, 'mutants', table(head, sorted));
  await writeShort();
}

/** Puts what the tests went through into the page. @param {Rows} rows */
export const writeCoverage = (rows) => writeBlock(PAGE, 'coverage', table(['Module', 'Lines', 'Branches'], rows));
