// The cells of the fault matrix, how each is tried, and how it has to end.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isImageError } from 'kubepull/errors';
import { countFor, proofRuns } from '../support/figures.ts';
import { assertInvariants, startWatch } from '../support/invariants.ts';
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

export const CELLS: readonly Cell[] = (['memory', 'layout'] as const).flatMap((store) =>
  table.FAULTS.flatMap(({ fault, kind }) => table.PHASES.map((phase) => ({ fault, kind, phase, store }))),
);
/** Those that can be. */
export const APPLICABLE: readonly Cell[] = CELLS.filter(
  ({ fault, kind, phase }) => table.reasonAgainst(fault, kind, phase) === undefined,
);
const KINDS = [...new Set(APPLICABLE.map(({ kind }) => kind))];

/** Times that each cell is tried. */
const ROUNDS = Array.from({ length: proofRuns({ fast: 1, full: 20 }) }, (_, at) => at + 1);
/** Of those in a layout, of which there are more parts, some when there is little time. */
const TRIED: Readonly<Record<StoreKind, readonly Cell[]>> = {
  memory: APPLICABLE.filter(({ store }) => store === 'memory'),
  layout: proofRuns({ fast: chooseEvenly(cellsOf('layout'), 52, 1), full: cellsOf('layout') }),
};
/** Many of them wait for a limit of time. */
const AT_ONCE = 40;

/** Tries every cell of a store in each round. */
export function describeRounds(store: StoreKind): void {
  describe.each(ROUNDS)('round %i', (round) => {
    it.each(KINDS)('ends as predicted in every phase, and the next one succeeds: %s', async (kind) => {
      const watch = startWatch();
      const batch = startBatch();
      const wrong: string[] = [];
      const cells = TRIED[store].filter((cell) => cell.kind === kind);
      await atMost(AT_ONCE, cells, async (cell) => {
        const problems = await tryCell(batch, cell, round * CELLS.length + CELLS.indexOf(cell));
        wrong.push(...problems.map((problem) => `${cell.fault}, ${cell.phase}, ${cell.store}: ${problem}`));
        if (problems.length === 0) countFor('cells of the fault matrix that ended as predicted');
      });
      await assertInvariants({ watch });
      expect(wrong).toEqual([]);
    });
  });
}

function cellsOf(kind: StoreKind): readonly Cell[] {
  return APPLICABLE.filter(({ store }) => store === kind);
}

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

export function endOf({ error }: Trial): table.Prediction['end'] | 'untyped' {
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
