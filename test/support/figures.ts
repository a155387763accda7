import { appendFileSync } from 'node:fs';

/** Names the file in which `npm run proof` wants the figures; other runs count nothing. */
const FILE_VARIABLE = 'KUBEPULL_TEST_FIGURES';

/** Adds to a figure of test/proof/proofs.mjs: what a test has tried, and found to hold. */
export function countFor(figure: string, amount = 1): void {
  const file = process.env[FILE_VARIABLE];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify([figure, amount])}\n`);
}
