import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countFor } from '../../support/figures.ts';
import { createAgedDisk } from '../../support/aged-disk.ts';
import { layoutFaults } from '../../support/layout-check.ts';
import { runsOf } from '../../support/property-runs.ts';
import { newModel } from './layout-model.ts';
import { openAs, type Real, ROOT } from './layout-real.ts';
import { layoutSteps } from './layout-steps.ts';

const START = Date.UTC(2026, 0, 1);

describe('openOciLayout', () => {
  it('behaves as a map of contents and a map of names, whoever has it open, dies, or harms its files', async () => {
    await fc.assert(
      fc.asyncProperty(layoutSteps(), async (commands) => {
        const clock = { now: START };
        const owners = [1, 2];
        const aged = createAgedDisk(clock);
        const disk = { fs: aged.fs, files: aged.files(ROOT) };
        const stores = [await openAs(1, { ...disk, clock, owners }), await openAs(2, { ...disk, clock, owners })];
        const state = newModel(START);
        const real: Real = { clock, ...disk, stores, owners, writers: [] };
        await fc.asyncModelRun(() => ({ model: state, real }), commands);
        if (!state.isHarmed) expect(layoutFaults(disk.files, { allowTemps: true })).toEqual([]);
      }),
      runsOf('images'),
    );
    countFor('stores, caches and keyrings that act as a plain model does');
  });
});
