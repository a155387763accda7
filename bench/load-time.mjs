// Prints what importing each entry of the built package costs, each time in a fresh process.
import { execFileSync } from 'node:child_process';
import { listEntries, root, specifierOf } from '../test/packaging/entries.mjs';

const RUNS = Number(process.argv[2] ?? 11);

/**
 * Milliseconds that a fresh process takes to import something, without the process's own start.
 *
 * @param {string} specifier
 */
function timeOf(specifier) {
  const script = `const start = performance.now(); await import('${specifier}'); console.log(performance.now() - start);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: root }));
}

/** @param {readonly number[]} sorted */
const median = (sorted) => sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;

/** @param {number} ms */
const cell = (ms) => ms.toFixed(1);

console.log(`Node ${process.version}, ${RUNS} runs each\n`);
console.log('| Import | Median, ms | Best, ms | Worst, ms |\n| --- | ---: | ---: | ---: |');
for (const specifier of [...listEntries().map(specifierOf), 'undici']) {
  const times = Array.from({ length: RUNS }, () => timeOf(specifier)).toSorted((a, b) => a - b);
  console.log(`| ${specifier} | ${cell(median(times))} | ${cell(times[0] ?? 0)} | ${cell(times.at(-1) ?? 0)} |`);
}
