// What is claimed of reliability, each claim with the figure that the tests give for it, the goal, and where they are.

/**
 * A figure that is counted has a `goal`, which it reaches or passes; one that is measured has a `bound`, which it does not pass.
 * A goal is for a full run, as is a bound of time (`idle`): what else the machine does changes it.
 *
 * `by` is the file that gives the figure, where that is none of the tests.
 *
 * @typedef {{ figure: string, goal: number, files: readonly string[], by?: string }} Counted
 * @typedef {{ figure: string, bound: number, unit: string, idle?: boolean, files: readonly string[], by?: string }} Measured
 */

const FAULTS = ['test/proof/fault-matrix.test.ts', 'test/proof/fault-layout.test.ts'];

/** @type {readonly (Counted | Measured)[]} */
export const PROOFS = [
  {
    figure: 'kills and power cuts at a call of a layout',
    goal: 300,
    files: ['test/node/layout/crash.test.ts', 'test/node/layout/resume.test.ts', 'test/node/layout/garbage.test.ts'],
  },
  {
    figure: 'processes that were killed beside another in one layout',
    goal: 350,
    files: ['test/proof/kills.test.ts'],
  },
  { figure: 'of these, processes in a namespace of their own', goal: 60, files: ['test/proof/kills.test.ts'] },
  { figure: 'tries of a lock that never had two holders', goal: 1000, files: ['test/proof/locks.test.ts'] },
  {
    figure: 'time by the clock until the lock of a dead holder is taken',
    bound: 10.1,
    unit: 's',
    files: ['test/proof/locks.test.ts'],
  },
  { figure: 'images that processes wrote at the same time', goal: 400, files: ['test/node/layout/processes.test.ts'] },
  { figure: 'states of a disk after a power cut', goal: 10_000, files: ['test/proof/power-loss.test.ts'] },
  {
    figure: 'layouts that were pulled into again after a power cut',
    goal: 400,
    files: ['test/proof/power-loss.test.ts'],
  },
  { figure: 'calls of a disk that failed in a pull', goal: 2500, files: ['test/proof/errno.test.ts'] },
  {
    figure: 'calls of the records of pulls that failed or were the last',
    goal: 300,
    files: ['test/proof/records.test.ts'],
  },
  { figure: 'kinds of calls x errors of a disk', goal: 106, files: ['test/proof/errno.test.ts'] },
  { figure: 'calls of a file system that failed', goal: 300, files: ['test/node/layout/crash.test.ts'] },
  {
    figure: 'names that processes gave at the same time',
    goal: 320,
    files: ['test/node/layout/processes.test.ts'],
  },
  { figure: 'moments at which a link took the place of a file', goal: 1000, files: ['test/node/layout/swap.test.ts'] },
  { figure: 'aborts of operations, each at a step of its own', goal: 500, files: ['test/proof/aborts.test.ts'] },
  {
    figure: 'time from an abort to the end of what it aborted',
    bound: 100,
    unit: 'ms',
    idle: true,
    files: ['test/proof/aborts.test.ts'],
  },
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
  {
    figure: 'hostile images that were listed, collected and pruned',
    goal: 1500,
    files: ['test/proof/garbage.test.ts'],
  },
  { figure: 'cells of the fault matrix that can be', goal: 440, files: ['test/proof/fault-matrix.test.ts'] },
  {
    // 522 cells, 20 times each.
    figure: 'cells of the fault matrix that ended as predicted',
    goal: 10_440,
    files: FAULTS,
    by: 'test/proof/fault-rounds.ts',
  },
  { figure: 'pairs of faults in one pull', goal: 500, files: ['test/proof/fault-matrix.test.ts'] },
  { figure: 'hostile inputs, each also at ten times its size', goal: 5000, files: ['test/proof/corpus.test.ts'] },
  { figure: 'grown hostile inputs', goal: 15_000, files: ['test/proof/corpus.test.ts'] },
  {
    figure: 'milliseconds of the processor that a hostile input took',
    bound: 50,
    unit: 'ms',
    idle: true,
    files: ['test/proof/corpus.test.ts'],
  },
  {
    figure: 'milliseconds of the processor that a hostile input of ten times the size took',
    bound: 50,
    unit: 'ms',
    idle: true,
    files: ['test/proof/corpus.test.ts'],
  },
  { figure: 'inputs that the fuzzer made', goal: 2_000_000, files: ['test/proof/fuzz.test.ts'] },
  {
    figure: 'places of the library that the fuzzer went to, over its readers',
    goal: 25_000,
    files: ['test/proof/fuzz.test.ts'],
  },
  {
    figure: 'milliseconds of the processor that an input of the fuzzer took',
    bound: 50,
    unit: 'ms',
    idle: true,
    files: ['test/proof/fuzz.test.ts'],
  },
  { figure: 'error codes raised', goal: 16, files: ['test/errors/raised.test.ts'] },
  {
    figure: 'pulls under faults, without a wrong byte',
    goal: 5000,
    files: ['test/proof/soak.test.ts'],
  },
  {
    figure: 'growth of memory under faults, in a minute',
    bound: 1,
    unit: 'MiB',
    idle: true,
    files: ['test/proof/soak.test.ts'],
  },
  {
    figure: 'delay of the event loop under faults, of 99 in 100',
    bound: 50,
    unit: 'ms',
    idle: true,
    files: ['test/proof/soak.test.ts'],
  },
  { figure: 'look-ups and pulls with one signal', goal: 100_000, files: ['test/proof/load.test.ts'] },
  {
    figure: 'growth of the heap after 10,000 look-ups or pulls',
    bound: 1,
    unit: 'MiB',
    files: ['test/proof/load.test.ts'],
  },
  {
    figure: 'places and forms in which a server says a secret again',
    goal: 650,
    files: ['test/proof/echoes.test.ts'],
  },
  { figure: 'servers that a registry names, and what they get', goal: 1500, files: ['test/proof/origins.test.ts'] },
  { figure: 'orders of two tenants, without a crossing', goal: 1000, files: ['test/proof/origins.test.ts'] },
  {
    figure: 'places that were searched for secrets, and had none',
    goal: 100_000,
    files: ['test/support/canary.test.ts'],
    by: 'test/support/global-setup.ts',
  },
  {
    figure: 'memory of four layers into a slow store',
    bound: 64,
    unit: 'MiB',
    files: ['test/proof/sink.test.ts'],
  },
  { figure: 'kinds of which 10,000 cost what is linear', goal: 10, files: ['test/proof/scale.test.ts'] },
  { figure: 'cost of ten times as many', bound: 30, unit: 'times', files: ['test/proof/scale.test.ts'] },
  {
    // Four ways to run docker-registry, six to reach it, left alone or killed in the middle.
    figure: 'ways to a real registry by which the right image came',
    goal: 48,
    files: ['test/real/matrix.test.ts'],
  },
  {
    figure: 'kills of a real registry during pulls that brought the right image',
    goal: 60,
    files: ['test/real/kills.test.ts'],
  },
  {
    figure: 'stores, caches and keyrings that act as a plain model does',
    goal: 6,
    files: [
      'test/store/memory-store.property.test.ts',
      'test/node/layout/model.property.test.ts',
      'test/backoff/model.property.test.ts',
      'test/distribution/auth/token-cache-model.property.test.ts',
      'test/credential-provider/plugin-cache-model.property.test.ts',
      'test/keyring/model.property.test.ts',
    ],
  },
  {
    figure: 'laws of what runs at the same time, in any order',
    goal: 6,
    files: [
      'test/proof/origins.test.ts',
      'test/internal/slots.test.ts',
      'test/puller/download-pool.test.ts',
      'test/puller/pool.test.ts',
      'test/image-manager/pull-queue-orders.property.test.ts',
      'test/node/layout/name-orders.property.test.ts',
      'test/distribution/auth/token-orders.property.test.ts',
    ],
  },
  { figure: 'results of the real Go code', goal: 8000, files: ['test/vectors/vectors.test.ts'] },
];

/**
 * What is run one after the other, and beside other such lists: of the proofs that measure nothing those with faults, which wait
 * for most of their time, and all others. What measures is run alone.
 *
 * @param {readonly string[]} files
 * @returns {{ readonly beside: readonly (readonly string[])[], readonly alone: readonly string[] }}
 */
export function lanesOf(files) {
  const measuring = new Set(PROOFS.flatMap((proof) => ('bound' in proof ? proof.files : [])));
  const alone = files.filter((file) => measuring.has(file));
  const others = files.filter((file) => !measuring.has(file) && !FAULTS.includes(file));
  return { beside: [...FAULTS.map((file) => [file]), others], alone };
}

/**
 * The figures of a run, from what its tests wrote: counts added up, of values the largest.
 *
 * @param {string} text
 * @returns {ReadonlyMap<string, number>}
 */
export function addUp(text) {
  /** @type {Map<string, number>} */
  const figures = new Map();
  for (const line of text.split('\n').filter(Boolean)) {
    /** @type {{ figure: string, count?: number, value?: number }} */
    const { figure, count, value } = JSON.parse(line);
    const before = figures.get(figure);
    figures.set(figure, count === undefined ? Math.max(before ?? -Infinity, value ?? NaN) : (before ?? 0) + count);
  }
  return figures;
}

/** What `.ci/run` runs by `npm run test:real`. @param {string} file */
const isReal = (file) => file.startsWith('test/real/');

/**
 * A line for each proof; in a fast run for those without real servers. It fails where a test of its files failed or none ran, where a bound is passed, and in a full run where
 * it is below its goal.
 *
 * @param {ReadonlyMap<string, number>} figures
 * @param {ReadonlyMap<string, number>} failed - how many tests of each file failed; a file that did not run is missing
 * @param {boolean} isFull
 */
export function sheetOf(figures, failed, isFull) {
  const judged = PROOFS.filter(({ files }) => isFull || !files.some(isReal));
  const lines = judged.map((proof) => {
    const amount = figures.get(proof.figure);
    const missing = proof.files.filter((file) => !failed.has(file));
    const failures = proof.files.reduce((sum, file) => sum + (failed.get(file) ?? 0), 0);
    const ok = missing.length === 0 && failures === 0 && holds(proof, amount, isFull);
    const problems = [
      ...(failures > 0 ? [`${failures} tests failed`] : []),
      ...missing.map((file) => `${file} did not run`),
    ];
    const aim = 'goal' in proof ? `goal ${proof.goal}` : `at most ${proof.bound} ${proof.unit}`;
    const text = `${ok ? 'ok  ' : 'FAIL'} ${shown(amount).padStart(8)} ${proof.figure} (${aim})`;
    return { ok, text: [text, ...problems].join('; ') };
  });
  return { lines: lines.map(({ text }) => text), ok: lines.every(({ ok }) => ok) };
}

/** @type {(proof: Counted | Measured, amount: number | undefined, isFull: boolean) => boolean} */
function holds(proof, amount, isFull) {
  if (amount === undefined) return false;
  if ('goal' in proof) return amount >= (isFull ? proof.goal : 1);
  return amount <= proof.bound || (proof.idle === true && !isFull);
}

/** @type {(amount: number | undefined) => string} */
function shown(amount) {
  return amount === undefined ? '-' : String(Math.round(amount * 100) / 100);
}
