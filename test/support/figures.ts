import { appendFileSync } from 'node:fs';

/** Names the file in which `npm run proof` wants the figures; other runs count nothing. */
const FILE_VARIABLE = 'KUBEPULL_TEST_FIGURES';

/** Set to `full` by `npm run proof`, and not by `.ci/run`, which has less time. */
const EXTENT_VARIABLE = 'KUBEPULL_TEST_PROOF';

/** Adds to a figure of test/proof/proofs.mjs: what a test has tried, and found to hold. */
export function countFor(figure: string, amount = 1): void {
  write({ figure, count: amount });
}

/** Keeps the largest value of a figure of test/proof/proofs.mjs that may not pass a bound: a time, an amount of memory. */
export function measureFor(figure: string, value: number): void {
  write({ figure, value });
}

/** How much a file of test/proof does: `full` in a full run of `npm run proof`, else `fast`. */
export function proofRuns<T>({ fast, full }: { readonly fast: T; readonly full: T }): T {
  return process.env[EXTENT_VARIABLE] === 'full' ? full : fast;
}

function write(line: object): void {
  const file = process.env[FILE_VARIABLE];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
}
