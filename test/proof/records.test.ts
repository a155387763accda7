// The records of pulls, on a disk whose calls fail, and in a process that ends at any of them. Whatever the call: a record is the old
// one or the new one and never half of one, the failure is told as one of the store, and the next program goes on.
import { readdirSync } from 'node:fs';
import type * as promises from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { isImageError } from 'kubepull/errors';
import type { ImagePulledRecord, PulledRecords } from 'kubepull/image-access';
import { openPulledRecords } from 'kubepull/node';
import { countFor, proofRuns } from '../support/figures.ts';
import { chooseEvenly } from '../support/sweeps.ts';
import { tempDir } from '../support/temp-dir.ts';

const ERRNOS = ['ENOSPC', 'EIO', 'EDQUOT', 'EACCES', 'EROFS', 'EMFILE', 'EINTR'] as const;
const CALLS = proofRuns({ fast: 12, full: Number.POSITIVE_INFINITY });

/** What becomes of the n-th call: an error; or the process ends before it, in the middle of it, or behind it. */
type Fate = (typeof ERRNOS)[number] | 'killed before' | 'killed within' | 'killed behind';

const disk = vi.hoisted(() => ({
  calls: [] as string[],
  place: -1,
  fate: '',
  isDead: false,
  files: [] as { close(): Promise<void> }[],
}));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof promises>();
  const never = new Promise<never>(() => undefined);
  /** Counts a call, and lets it happen or not; `half` is what happens in the middle of it. */
  const call = async <T>(name: string, act: () => Promise<T>, half: () => Promise<unknown> = act): Promise<T> => {
    if (disk.isDead) return never;
    const isIt = disk.calls.length === disk.place;
    disk.calls.push(name);
    if (!isIt) return act();
    if (!disk.fate.startsWith('killed')) throw Object.assign(new Error('injected'), { code: disk.fate });
    disk.isDead = true;
    if (disk.fate === 'killed within') await half();
    if (disk.fate === 'killed behind') await act();
    ended();
    return never;
  };
  return {
    ...real,
    mkdir: (...args: Parameters<typeof real.mkdir>) => call('mkdir', () => real.mkdir(...args)),
    readdir: (...args: Parameters<typeof real.readdir>) => call('readdir', () => real.readdir(...args)),
    rename: (...args: Parameters<typeof real.rename>) => call('rename', () => real.rename(...args)),
    rm: (...args: Parameters<typeof real.rm>) => call('rm', () => real.rm(...args)),
    open: async (...args: Parameters<typeof real.open>) => {
      const file = await call('open', async () => {
        const opened = await real.open(...args);
        disk.files.push(opened);
        return opened;
      });
      return new Proxy(file, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key, target);
          if (typeof value !== 'function') return value;
          const act = (...given: readonly unknown[]): Promise<unknown> => Reflect.apply(value, target, given);
          if (key === 'writeFile')
            return (text: string) =>
              call(
                'write',
                () => act(text),
                () => act(text.slice(0, text.length / 2)),
              );
          return ['sync', 'close', 'read', 'stat'].includes(String(key))
            ? (...given: readonly unknown[]) => call(String(key), () => act(...given))
            : act;
        },
      });
    },
  };
});

let ended: () => void = () => undefined;

const recordOf = (repositories: number): ImagePulledRecord => ({
  imageRef: 'sha256:1',
  lastUpdatedAt: repositories * 1000,
  credentialMapping: new Map(
    Array.from({ length: repositories }, (_, at) => [
      `r.example/${at}`,
      { kubernetesSecrets: [], kubernetesServiceAccounts: [], nodePodsAccessible: true },
    ]),
  ),
});

const IMAGE = 'r.example/app:1';
const [short, long] = [recordOf(1), recordOf(50)];

interface State {
  readonly hasIntent: boolean;
  readonly record: ImagePulledRecord | undefined;
}

/** What is done, and the state that it leads to. */
const STEPS: readonly (readonly [(records: PulledRecords) => Promise<unknown>, State])[] = [
  [(records) => records.writeIntent(IMAGE), { hasIntent: true, record: undefined }],
  [(records) => records.writeRecord(long), { hasIntent: true, record: long }],
  [(records) => records.deleteIntent(IMAGE), { hasIntent: false, record: long }],
  [(records) => records.writeRecord(short), { hasIntent: false, record: short }],
  [(records) => records.listRecords(), { hasIntent: false, record: short }],
  [(records) => records.deleteRecord(short.imageRef), { hasIntent: false, record: undefined }],
];

async function stateOf(records: PulledRecords): Promise<State> {
  return { hasIntent: await records.hasIntent(IMAGE), record: await records.readRecord(short.imageRef) };
}

interface Run {
  /** The states between which the trouble came: the one before it, and the one that was to come. */
  readonly states: readonly State[];
  readonly records: PulledRecords | undefined;
  readonly error: unknown;
}

/** Does all of it, and says how far it came when a call has such a fate. */
async function runWith(root: string, place: number, fate: Fate): Promise<Run> {
  Object.assign(disk, { calls: [], place, fate, isDead: false });
  let states: readonly State[] = [{ hasIntent: false, record: undefined }];
  let records: PulledRecords | undefined;
  const death = new Promise<void>((resolve) => void (ended = resolve));
  const steps = async (): Promise<void> => {
    records = await openPulledRecords(root);
    for (const [step, after] of STEPS) {
      states = [...states.slice(-1), after];
      await step(records);
      states = [after];
    }
  };
  const error = await Promise.race([steps(), death]).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const run = { states, records: disk.isDead ? undefined : records, error };
  // A process that ends closes all; those that are closed are not closed twice.
  for (const file of disk.files.splice(0)) await file.close();
  Object.assign(disk, { place: -1, isDead: false });
  return run;
}

it.each<Fate>([...ERRNOS, 'killed before', 'killed within', 'killed behind'])(
  'records of pulls are whole whichever call of the disk has this fate: %s [S01 S03]',
  async (fate) => {
    const { path } = tempDir();
    await runWith(join(path, 'clean'), -1, fate);
    const total = disk.calls.length;
    expect(total).toBeGreaterThan(30);
    const all = Array.from({ length: total }, (_, at) => at);
    const places = CALLS < total ? chooseEvenly(all, CALLS, Number(process.env['KUBEPULL_TEST_SEED'])) : all;
    for (const place of places) {
      const root = join(path, String(place));
      const { states, records, error } = await runWith(root, place, fate);
      const told = `call ${place}, ${disk.calls[place]}: ${fate}`;
      if (error !== undefined)
        expect(isImageError(error) && [error.code, error.code === 'ERR_STORE' && error.errno], told).toEqual([
          'ERR_STORE',
          fate,
        ]);
      const fresh = await openPulledRecords(root);
      const now = await stateOf(fresh);
      expect(states, told).toContainEqual(now);
      // What it keeps in memory is what is on the disk.
      if (records !== undefined) expect(await stateOf(records), told).toEqual(now);
      const again = await runWith(root, -1, fate);
      expect(again.error, told).toBeUndefined();
      expect(await stateOf(await openPulledRecords(root)), told).toEqual({ hasIntent: false, record: undefined });
      for (const part of ['pulling', 'pulled'])
        expect(readdirSync(join(root, 'image_manager', part)), told).toEqual([]);
    }
    countFor('calls of the records of pulls that failed or were the last', places.length);
  },
);
