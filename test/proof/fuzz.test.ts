import { execFile } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { countFor, measureFor, proofRuns } from '../support/figures.ts';
import { bundleCounted } from './hostile/instrument.ts';
import { TARGETS } from './hostile/targets.ts';
import { corpusFile, FOUND, readCorpus } from './hostile/write-corpus.mjs';

/** Minutes for each reader, for a release. */
const MINUTES = Number(process.env['KUBEPULL_TEST_FUZZ_MINUTES'] ?? '0.5');
/** Set to keep the inputs that lead to where none of the corpus leads. */
const isKeeping = process.env['KUBEPULL_TEST_FUZZ_KEEP'] !== undefined;
const SEED = 1;

/** What the fuzzer says of a reader. */
interface Report {
  readonly target: string;
  readonly runs: number;
  /** Places of the library that were run, and how many of them by new inputs alone. */
  readonly places: number;
  readonly newPlaces: number;
  readonly kept: readonly string[];
  readonly cpuMs: number;
  readonly findings: readonly { readonly input: string; readonly what: string }[];
}

let program = '';

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubepull-fuzz-'));
  program = join(directory, 'fuzz.mjs');
  await bundleCounted('test/proof/hostile/fuzz-child.ts', program);
  return () => rmSync(directory, { recursive: true });
});

/** In a process of its own, which an input may end. */
async function fuzz(names: readonly string[], inputs: number, seconds: number): Promise<readonly Report[]> {
  const args = [program, dirname(corpusFile('')), `${SEED}`, `${inputs}`, `${seconds}`, names.join(',')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 28 });
  return JSON.parse(stdout) as readonly Report[];
}

const NAMES = TARGETS.map(({ name }) => name);

/** Adds them to the corpus, which every later run replays. */
function keep(target: string, inputs: readonly string[]): void {
  const { corpus = target } = TARGETS.find(({ name }) => name === target) ?? {};
  const known = new Set(readCorpus(corpus).map(({ input }) => input));
  const lines = inputs.filter((input) => !known.has(input)).map((input) => JSON.stringify({ why: FOUND, input }));
  appendFileSync(corpusFile(corpus), lines.map((line) => `${line}\n`).join(''));
}

describe('new hostile input, made of what went where none went before', () => {
  it('finds nothing that a reader throws but its own errors, and no broken law', { timeout: 3_600_000 }, async () => {
    const { inputs, seconds } = proofRuns({
      fast: { inputs: 400, seconds: 0 },
      full: { inputs: 60_000, seconds: MINUTES * 60 },
    });
    // Two at once: there are as many processors.
    const halves = [0, 1].map((half) => NAMES.filter((_, at) => at % 2 === half));
    const reports = (await Promise.all(halves.map((names) => fuzz(names, inputs, seconds)))).flat();
    expect(reports.map(({ target }) => target).toSorted()).toEqual(NAMES.toSorted());
    for (const { target, findings, kept } of reports) {
      keep(
        target,
        findings.map(({ input }) => input),
      );
      if (isKeeping) keep(target, kept);
    }
    expect(reports.flatMap(({ target, findings }) => findings.map((finding) => ({ target, ...finding })))).toEqual([]);
    for (const { runs, places, cpuMs } of reports) {
      expect(runs).toBeGreaterThanOrEqual(inputs);
      countFor('inputs that the fuzzer made', runs);
      countFor('places of the library that the fuzzer went to, over its readers', places);
      measureFor('milliseconds of the processor that an input of the fuzzer took', cpuMs);
    }
  });
});

describe('the fuzzer', () => {
  it('finds a fault within conditions that chance does not meet, and shortens the input', async () => {
    const [report] = await fuzz(['faulty'], 60_000, 0);
    expect(report?.findings.map(({ input }) => input)).toEqual(['k7~Q{!']);
    expect(report?.findings[0]?.what).toContain('TypeError: found within');
  });

  it('makes the same inputs of the same seed', async () => {
    const run = () => fuzz(['digest', 'platform'], 300, 0);
    const [first, second] = [await run(), await run()];
    const made = (reports: readonly Report[]) => reports.map(({ kept, places }) => ({ kept, places }));
    expect(made(first)).toEqual(made(second));
  });
});
