// What is claimed of reliability, each claim with the figure that the tests count for it, the goal, and where they are.

/** @typedef {{ figure: string, goal: number, files: readonly string[] }} Proof */

/** @type {readonly Proof[]} */
export const PROOFS = [
  {
    figure: 'kills and power cuts at a call of a layout',
    goal: 300,
    files: ['test/node/layout/crash.test.ts', 'test/node/layout/resume.test.ts', 'test/node/layout/garbage.test.ts'],
  },
  { figure: 'calls of a file system that failed', goal: 300, files: ['test/node/layout/crash.test.ts'] },
  {
    figure: 'names that processes gave at the same time',
    goal: 320,
    files: ['test/node/layout/processes.test.ts'],
  },
  { figure: 'moments at which a link took the place of a file', goal: 1000, files: ['test/node/layout/swap.test.ts'] },
  { figure: 'aborts of a pull', goal: 480, files: ['test/puller/abort.test.ts'] },
  {
    figure: 'errors of cut and spoilt documents',
    goal: 5000,
    files: ['test/errors/truncated-documents.test.ts', 'test/docker-config/truncation.test.ts'],
  },
  { figure: 'bombs that took less than 32 MiB', goal: 17, files: ['test/puller/bombs.test.ts'] },
  { figure: 'documents that nest without end', goal: 100, files: ['test/node/nesting.test.ts'] },
  { figure: 'broken answers of a server', goal: 26, files: ['test/node/transport/raw.test.ts'] },
  {
    figure: 'hostile archives and layouts',
    goal: 140,
    files: ['test/node/archive/load-hostile.test.ts', 'test/node/layout/validate.test.ts'],
  },
  { figure: 'error codes raised', goal: 16, files: ['test/errors/raised.test.ts'] },
  { figure: 'results of the real Go code', goal: 8000, files: ['test/vectors/vectors.test.ts'] },
];

/** The figures of a run, added up from what its tests wrote. */
export function addUp(/** @type {string} */ text) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const line of text.split('\n').filter(Boolean)) {
    const [figure, amount] = /** @type {[string, number]} */ (JSON.parse(line));
    sums.set(figure, (sums.get(figure) ?? 0) + amount);
  }
  return sums;
}

/**
 * A line for each proof. It fails where a test of its files failed or none ran, and in a full run where it is below its goal.
 *
 * @param {ReadonlyMap<string, number>} sums
 * @param {ReadonlyMap<string, number>} failed - how many tests of each file failed; a file that did not run is missing
 * @param {boolean} isFull
 */
export function sheetOf(sums, failed, isFull) {
  const lines = PROOFS.map(({ figure, goal, files }) => {
    const amount = sums.get(figure) ?? 0;
    const missing = files.filter((file) => !failed.has(file));
    const failures = files.reduce((sum, file) => sum + (failed.get(file) ?? 0), 0);
    const ok = missing.length === 0 && failures === 0 && amount >= (isFull ? goal : 1);
    const problems = [
      ...(failures > 0 ? [`${failures} tests failed`] : []),
      ...missing.map((file) => `${file} did not run`),
    ];
    const text = `${ok ? 'ok  ' : 'FAIL'} ${String(amount).padStart(6)} ${figure} (goal ${goal})`;
    return { ok, text: [text, ...problems].join('; ') };
  });
  return { lines: lines.map(({ text }) => text), ok: lines.every(({ ok }) => ok) };
}
