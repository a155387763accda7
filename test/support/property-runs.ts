// How often each property is tried, all in this one place; and the counts of it as fast-check reports them, so that they are no
// claim of the source.
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import type fastCheck from 'fast-check';
import { expect } from 'vitest';
import { proofRuns } from './figures.ts';

interface PropertyRuns {
  readonly file: string;
  readonly name: string;
  readonly runs: number;
}

const seen: PropertyRuns[] = [];

/** Set where a change is judged: every bound in full. Elsewhere a part of it, so that the tests are run while one works. */
const inCi = process.env['CI'] !== undefined;

/** How much of a sweep is made: all of it where `CI` is set, else a part that goes the same ways. */
export function amountOf(amount: { readonly here: number; readonly inCi: number }): number {
  return inCi ? amount.inCi : amount.here;
}

/** In CI, where a change is judged by itself, the same input every time; elsewhere new input every time, by the seed of the run. */
const seed = inCi ? 1 : Number(process.env['KUBEPULL_TEST_SEED']) | 0;

/** Set by `npm run mutation`, for which the tests of a module run hundreds of times. */
export const isMutated: boolean = process.env['KUBEPULL_TEST_MUTATION'] !== undefined;

const RUNS = inCi ? 10_000 : isMutated ? 50 : 200;

/** Properties of which one run takes more than a millisecond, by what it does; and those that take next to nothing. */
const RUNS_OF = {
  /** Compares a few bytes. */
  bytes: { here: 1000, inCi: 50_000 },
  /** Parses one image. */
  names: { here: 2000, inCi: 100_000 },
  /** Waits for many turns of the event loop. */
  turns: { here: 50, inCi: 2000 },
  /** Pulls or copies whole images in memory. */
  images: { here: 20, inCi: 300 },
  /** Has tenants pull from one registry, in some order. */
  orders: { here: 200, inCi: 1000 },
  /** Has a disk in memory do its calls in some order. */
  disks: { here: 40, inCi: 500 },
  /** Writes and reads files. */
  files: { here: 10, inCi: 300 },
};

/** For `fc.assert`: how often to try a property that costs much more, or much less, than others. */
export function runsOf(cost: keyof typeof RUNS_OF): { readonly numRuns: number } {
  const { here, inCi: full } = RUNS_OF[cost];
  return { numRuns: inCi ? full : isMutated ? here / 10 : here };
}

/** For `fc.assert` in a proof: as often as the run of the proofs has time for. */
export function provenRuns(amount: { readonly fast: number; readonly full: number }): { readonly numRuns: number } {
  return { numRuns: proofRuns(amount) };
}

/** Makes fast-check tell of every property that it has run. */
export function countPropertyRuns(fc: typeof fastCheck): void {
  fc.configureGlobal({
    ...fc.readConfigureGlobal(),
    seed,
    numRuns: RUNS,
    reporter: (details) => {
      const { currentTestName, testPath } = expect.getState();
      const file = relative(process.cwd(), testPath ?? '');
      seen.push({ file, name: currentTestName ?? '', runs: details.numRuns });
      if (!details.failed) return;
      throw new Error(fc.defaultReportMessage(details), { cause: details.errorInstance });
    },
  });
}

/** Hands on what one test file has counted. */
export function savePropertyRuns(path: string | undefined): void {
  const lines = seen.splice(0).map((entry) => `${JSON.stringify(entry)}\n`);
  if (path !== undefined) appendFileSync(path, lines.join(''));
}

/** The counts of a whole run as a page of the docs. */
export function propertyPage(saved: string): { readonly text: string; readonly summary: string } {
  const all = saved
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as PropertyRuns);
  const sorted = all.toSorted((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  const runs = all.reduce((total, entry) => total + entry.runs, 0);
  const summary = `${all.length} properties in ${new Set(all.map(({ file }) => file)).size} test files, ${runs} runs`;
  const files = [...new Set(sorted.map(({ file }) => file))].map((file) => section(file, sorted));
  return { summary, text: [PREFACE(summary), ...files].join('\n') };
}

const PREFACE = (summary: string): string =>
  `# Properties\n\nThe laws that the tests try with random input, and how often each one is tried where \`CI\` is set: ${summary}.\n` +
  'fast-check counts them; `npm run properties` writes this page.\n';

function section(file: string, all: readonly PropertyRuns[]): string {
  const rows = all.filter((entry) => entry.file === file).map(({ name, runs }) => `| ${cell(name)} | ${runs} |`);
  return `## ${file}\n\n| Property | Runs |\n| --- | ---: |\n${rows.join('\n')}\n`;
}

function cell(name: string): string {
  return name
    .replaceAll(' > ', ': ')
    .replaceAll('|', '\\|')
    .replaceAll('<', '\\<')
    .replaceAll('*', '\\*')
    .replaceAll('_', '\\_');
}
