// Everything that can go wrong at every place of a pull, and two of them at once: how it ends is written down before.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isImageError } from 'kubepull/errors';
import { countFor, proofRuns } from '../support/figures.ts';
import { assertInvariants, startWatch } from '../support/invariants.ts';
import { provenRuns } from '../support/property-runs.ts';
import { chooseEvenly } from '../support/sweeps.ts';
import { type Batch, startBatch, type StoreKind, type Trial, tryPull } from './fault-cell.ts';
import type { Strike } from './fault-server.ts';
import * as table from './fault-table.ts';

interface Cell {
  readonly fault: table.Fault;
  readonly kind: table.Kind;
  readonly phase: table.Phase;
  readonly store: StoreKind;
}

const CELLS: readonly Cell[] = (['memory', 'layout'] as const).flatMap((store) =>
  table.FAULTS.flatMap(({ fault, kind }) => table.PHASES.map((phase) => ({ fault, kind, phase, store }))),
);
const isCell = ({ fault, kind, phase }: Cell): boolean => table.reasonAgainst(fault, kind, phase) === undefined;
const APPLICABLE = CELLS.filter(isCell);
const KINDS = [...new Set(APPLICABLE.map(({ kind }) => kind))];

/** Times that each cell is tried: twenty for each of three seeds. */
const ROUNDS = Array.from({ length: proofRuns({ fast: 1, full: 20 }) }, (_, at) => at + 1);
const LAYOUT_CELLS = APPLICABLE.filter(({ store }) => store === 'layout');
/** In a layout, of which there are more parts, a part of the cells when there is little time. */
const TRIED = new Set([
  ...APPLICABLE.filter(({ store }) => store === 'memory'),
  ...proofRuns({ fast: chooseEvenly(LAYOUT_CELLS, 52, 1), full: LAYOUT_CELLS }),
]);
/** Many of them wait for a limit of time. */
const AT_ONCE = 40;

it('has at least 26 faults in 10 phases with 2 stores, of which at least 440 cells can be', () => {
  expect(table.FAULTS.length).toBeGreaterThanOrEqual(26);
  expect([table.PHASES.length, CELLS.length]).toEqual([10, table.FAULTS.length * 20]);
  expect(APPLICABLE.length).toBeGreaterThanOrEqual(440);
  countFor('cells of the fault matrix that can be', APPLICABLE.length);
});

describe('two faults in one pull [B07]', () => {
  /** Pulls that are tried at once. */
  const TOGETHER = 10;
  const strike = fc.record({
    cell: fc.constantFrom(...LAYOUT_CELLS),
    times: fc.constantFrom(1, 2, 5, Infinity),
  });
  const pair = fc.record({
    strikes: fc.tuple(strike, strike),
    store: fc.constantFrom<StoreKind>('memory', 'layout'),
    seed: fc.nat(),
  });

  it('end in the right bytes or a typed error, and the next pull succeeds', async () => {
    const watch = startWatch();
    const batch = startBatch();
    const law = fc.asyncProperty(fc.array(pair, { minLength: TOGETHER, maxLength: TOGETHER }), async (tried) => {
      const ends = await Promise.all(
        tried.map(async ({ strikes, store, seed }) => {
          const both = strikes.map(({ cell: { fault, phase }, times }) => ({ fault, phase, times }));
          const trial = await tryPull(batch, both, { store, seed });
          return endOf(trial);
        }),
      );
      expect(ends).not.toContain('untyped');
      countFor('pairs of faults in one pull', ends.length);
    });
    await fc.assert(law, provenRuns({ fast: 60 / TOGETHER, full: 500 / TOGETHER }));
    await assertInvariants({ watch });
  });
});

describe.each(ROUNDS)('a pull during a fault [B01 B02 B03 B06 B07 B08 B10 B11 M05 M06], round %i,', (round) => {
  it.each(KINDS)('ends as predicted in every phase, and the next one succeeds: %s', async (kind) => {
    const watch = startWatch();
    const batch = startBatch();
    const wrong: string[] = [];
    const cells = [...TRIED].filter((cell) => cell.kind === kind);
    await atMost(AT_ONCE, cells, async (cell) => {
      const problems = await tryCell(batch, cell, round * CELLS.length + CELLS.indexOf(cell));
      wrong.push(...problems.map((problem) => `${cell.fault}, ${cell.phase}, ${cell.store}: ${problem}`));
      if (problems.length === 0) countFor('cells of the fault matrix that ended as predicted');
    });
    await assertInvariants({ watch });
    expect(wrong).toEqual([]);
  });
});

/** Tries a fault that stays, and one that comes once; gives what was not as predicted. */
async function tryCell(batch: Batch, { fault, kind, phase, store }: Cell, seed: number): Promise<readonly string[]> {
  const predicted = table.predict(fault, kind, phase);
  const how = { store, seed };
  const stays = kind === 'passing' ? 1 : Infinity;
  const problems = await compare(batch, [{ fault, phase, times: stays }], how, (trial) => [
    endOf(trial) === predicted.end ? '' : `it ended in ${describeEnd(trial)}, and not in ${predicted.end}`,
    ...Object.entries(predicted.error ?? {}).map(([name, value]) => differs(trial, name, value)),
    countsWrong(trial, fault, predicted),
  ]);
  if (!predicted.healsOnce || stays === 1) return problems;
  const once = await compare(batch, [{ fault, phase, times: 1 }], how, (trial) => [
    endOf(trial) === 'success' ? '' : `it came once, and the pull ended in ${describeEnd(trial)}`,
    trial.hits[0] === 1 ? '' : `it was to come once, and came ${trial.hits[0]} times`,
  ]);
  return [...problems, ...once];
}

async function compare(
  batch: Batch,
  strikes: readonly Strike[],
  how: { readonly store: StoreKind; readonly seed: number },
  look: (trial: Trial) => readonly string[],
): Promise<readonly string[]> {
  try {
    const trial = await tryPull(batch, strikes, how);
    const most = table.MOST_WAITED_MS * 1.2;
    const late = trial.waitedMs > most ? `it waited for ${trial.waitedMs} ms` : '';
    return [...look(trial), late].filter((problem) => problem !== '');
  } catch (error) {
    return [inspect(error)];
  }
}

function differs({ error }: Trial, name: string, value: unknown): string {
  const given = (error as Record<string, unknown> | undefined)?.[name];
  return given === value ? '' : `${name} is ${String(given)}, and not ${String(value)}`;
}

function countsWrong({ hits: [hits = 0] }: Trial, fault: table.Fault, { end, requests }: table.Prediction): string {
  // What is refused, the server does not see: it counts the pauses between.
  const met = hits + (fault === 'refuse' && end !== 'success' ? 1 : 0);
  const [least, most] = typeof requests === 'number' ? [requests, requests] : requests;
  return met >= least && met <= most ? '' : `${met} requests met it, and not ${least} to ${most}`;
}

function endOf({ error }: Trial): table.Prediction['end'] | 'untyped' {
  if (error === undefined) return 'success';
  if (!isImageError(error)) return 'untyped';
  return 'retryable' in error && error.retryable ? 'transient' : 'permanent';
}

function describeEnd(trial: Trial): string {
  return trial.error === undefined ? endOf(trial) : `${endOf(trial)} (${inspect(trial.error)})`;
}

async function atMost<T>(limit: number, items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (const item of queue) await task(item);
  };
  await Promise.all(Array.from({ length: limit }, work));
}
