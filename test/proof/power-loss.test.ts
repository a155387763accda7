// Two processes pull into one layout, and the power is cut: before every call that changes something, with many choices of what
// outlasts of all that was not synced. Whatever the choice, the layout is valid and has what was promised (I6).
import { describe, expect, it } from 'vitest';
import { type CrashDisk, createCrashDisk, type PowerLoss } from '../support/crash-fs.ts';
import {
  createProcesses,
  LOOKS,
  type Mount,
  prepareDisk,
  type Promised,
  pullInto,
  recoveryFaults,
  STARTS,
  violationsOf,
} from '../support/crash-pull.ts';
import { countFor, proofRuns } from '../support/figures.ts';
import { randomFrom } from '../support/sweeps.ts';

/** Choices of what outlasts that are tried before each call, and how many of all states are recovered from. */
const CHOICES = proofRuns({ fast: 3, full: 30 });
const RECOVERED = proofRuns({ fast: 40, full: 25 });

/** How the choices are made: mostly any of the changes, in any order. */
const WAYS: readonly PowerLoss[] = ['nothing', 'everything', 'prefixes', 'subsets', 'subsets', 'subsets'];

interface Moment {
  readonly disk: CrashDisk;
  readonly promised: Promised;
  readonly where: string;
}

/** The disk before every call of two pulls that changes it; `change` stands between the pulls and the disk. */
async function momentsOf(
  kind: (typeof STARTS)[number],
  change: (fs: Mount) => Mount = (fs) => fs,
): Promise<readonly Moment[]> {
  const { disk, promised } = await prepareDisk(kind, createCrashDisk());
  const running = createProcesses();
  const moments: Moment[] = [];
  const pulls = ['one', 'two'].map((own) => {
    const fs = disk.mount(({ operation, path }) => {
      if (LOOKS.includes(operation)) return;
      const names = new Map(promised.names);
      const where = `${operation} ${path} of ${own}, call ${moments.length}`;
      moments.push({ disk: disk.copy(), promised: { opened: promised.opened, names }, where });
    });
    return pullInto(change(fs), running.start(), own, promised);
  });
  await Promise.all(pulls);
  moments.push({ disk, promised, where: 'the end' });
  return moments;
}

describe.each(STARTS)('two pulls into %s', (kind) => {
  it('leave a valid layout with all that was promised, whenever the power is cut and whatever outlasts [S02 I6]', async () => {
    const moments = await momentsOf(kind);
    expect(moments.length).toBeGreaterThan(100);
    let states = 0;
    for (const [at, { disk, promised, where }] of moments.entries()) {
      const seen = new Set<string>();
      for (let choice = 0; choice < CHOICES; choice += 1) {
        const after = disk.copy();
        const how = WAYS[choice % WAYS.length] ?? 'subsets';
        const outlasted = after
          .losePower(how, randomFrom(at * 1000 + choice))
          .map(Number)
          .join('');
        // Of a state that was seen already nothing is to be learnt.
        if (seen.has(outlasted)) continue;
        seen.add(outlasted);
        const told = `power cut before ${where}; outlasted ${outlasted}`;
        expect(violationsOf(after, promised), told).toEqual([]);
        states += 1;
        if (states % RECOVERED !== 0) continue;
        expect(await recoveryFaults(after, createProcesses().start(), promised), told).toEqual([]);
        countFor('layouts that were pulled into again after a power cut');
      }
    }
    countFor('states of a disk after a power cut', states);
  });
});

describe('this proof', () => {
  it.each(['files', 'directories'] as const)('finds what is lost where %s are not synced', async (what) => {
    const careless = (fs: Mount): Mount => ({
      ...fs,
      create: async (path) => {
        const file = await fs.create(path);
        return what === 'files' ? { ...file, sync: async () => undefined } : file;
      },
      syncDirectory: what === 'files' ? fs.syncDirectory : async () => undefined,
    });
    const found = new Set<string>();
    for (const { disk, promised } of await momentsOf('a new layout', careless)) {
      const after = disk.copy();
      after.losePower('subsets', randomFrom(1));
      for (const violation of violationsOf(after, promised)) found.add(violation);
    }
    expect(found.size).toBeGreaterThan(0);
  });
});
