// Everything that can go wrong at every place of a pull, and two of them at once: how it ends is written down before.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countFor } from '../support/figures.ts';
import { assertInvariants, startWatch } from '../support/invariants.ts';
import { provenRuns } from '../support/property-runs.ts';
import { startBatch, type StoreKind, tryPull } from './fault-cell.ts';
import { APPLICABLE, CELLS, describeRounds, endOf } from './fault-rounds.ts';
import * as table from './fault-table.ts';

it('has at least 26 faults in 10 phases with 2 stores, of which at least 440 cells can be', () => {
  expect(table.FAULTS.length).toBeGreaterThanOrEqual(26);
  expect([table.PHASES.length, CELLS.length]).toEqual([10, table.FAULTS.length * 20]);
  expect(APPLICABLE.length).toBeGreaterThanOrEqual(440);
  countFor('cells of the fault matrix that can be', APPLICABLE.length);
});

describe('two faults in one pull [B07]', () => {
  /** Pulls that are tried at once. */
  const TOGETHER = 20;
  const strike = fc.record({
    cell: fc.constantFrom(...APPLICABLE),
    times: fc.constantFrom(1, 2, 5, Infinity),
  });
  const pair = fc.record({
    strikes: fc.tuple(strike, strike),
    store: fc.constantFrom<StoreKind>('memory', 'layout'),
    seed: fc.nat(),
  });

  it('end in the right bytes or a typed error, and the next pull succeeds', { timeout: 1_800_000 }, async () => {
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

describe('a pull into memory during a fault [B01 B02 B03 B06 B07 B08 B10 B11 M05 M06]', () => {
  describeRounds('memory');
});
