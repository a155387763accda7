// Processes that want the lock of a layout, at the same time: some die at a random call, some are stopped while they have it, and
// of some nobody can see whether they live. Each adds a line to a file under the lock. If ever two had it, a line would be lost.
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Clock } from 'kubepull/clock';
import { isImageError } from 'kubepull/errors';
import type { LayoutOwner } from 'kubepull/node';
import { withStoreErrors } from '../../src/node/files/errors.ts';
import { createLock } from '../../src/node/layout/lock.ts';
import { type CrashDisk, createCrashDisk } from '../support/crash-fs.ts';
import { countFor, measureFor, proofRuns } from '../support/figures.ts';
import { randomFrom } from '../support/sweeps.ts';

const TRIES = proofRuns({ fast: 60, full: 1000 });
const CONTENDERS = 4;
const TURNS_EACH = 2;
/** Longer than anybody waits for one that cannot be seen. */
const STOPPED_MS = 12_000;
const ROOT = '/layout';
const paths = {
  root: ROOT,
  ingest: join(ROOT, 'ingest'),
  index: join(ROOT, 'index.json'),
  lock: join(ROOT, 'ingest/lock'),
};

/** A clock that is the same for all: it goes on by what somebody sleeps. */
function sharedClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    async sleep(ms) {
      const end = now + ms;
      await setImmediate();
      now = Math.max(now, end);
    },
  };
}

const linesIn = (disk: CrashDisk): readonly string[] =>
  Buffer.from(disk.files(ROOT).read('lines')).toString().split('\n').filter(Boolean);

interface Tried {
  readonly lost: readonly string[];
  readonly together: number;
  /** From the death of a holder until the next has the lock, in milliseconds. */
  readonly takeovers: readonly number[];
  readonly added: number;
}

async function tryOnce(seed: number): Promise<Tried> {
  const random = randomFrom(seed);
  const [disk, clock] = [createCrashDisk(), sharedClock()];
  const plain = disk.mount();
  for (const path of [ROOT, paths.ingest]) await plain.mkdir(path);
  await (await plain.create(join(ROOT, 'lines'))).close();
  const dead = new Set<string>();
  const hidden = new Set<string>();
  const acknowledged: string[] = [];
  const takeovers: number[] = [];
  let [visibleHolders, together] = [0, 0];
  let diedAt: number | undefined;
  let holder: string | undefined;

  const ownerOf = (id: string): LayoutOwner => {
    let tokens = 0;
    const idOf = (token: string): string => token.split('-')[1] ?? '';
    return {
      createToken: () => `${'0'.repeat(16)}-${id}-1-${String((tokens += 1)).padStart(36, '0')}`,
      stateOf: async (token) => {
        if (hidden.has(idOf(token)) && idOf(token) !== id) return 'unknown';
        return dead.has(idOf(token)) ? 'dead' : 'alive';
      },
    };
  };
  const contend = async (id: string): Promise<void> => {
    const dies = random() < 0.35 ? Math.floor(random() * 60) : Infinity;
    if (random() < 0.4) hidden.add(id);
    const fs = withStoreErrors(
      disk.mount(({ n }) => {
        if (n !== dies) return;
        dead.add(id);
        if (holder === id) diedAt = clock.monotonic();
        return 'kill';
      }),
    );
    const owner = ownerOf(id);
    const exclusive = createLock({ fs, owner, clock, paths }, 1e9);
    for (let turn = 0; turn < TURNS_EACH; turn += 1) {
      const line = `${id}:${turn}`;
      await exclusive(async (hold) => {
        if (diedAt !== undefined) takeovers.push(clock.monotonic() - diedAt);
        [diedAt, holder] = [undefined, id];
        const isVisible = !hidden.has(id);
        if (isVisible && (visibleHolders += 1) > 1) together += 1;
        try {
          const before = linesIn(disk);
          for (let pause = Math.floor(random() * 4); pause > 0; pause -= 1) await setImmediate();
          const temp = join(hold.directory, owner.createToken());
          const file = await fs.create(temp);
          await file.write([Buffer.from([...before, line, ''].join('\n'))], 0);
          await file.close();
          // As when it is stopped for long, and goes on.
          if (random() < 0.2) await clock.sleep(STOPPED_MS);
          await hold.confirm();
          if (random() < 0.2) await clock.sleep(STOPPED_MS);
          await fs.rename(temp, join(ROOT, 'lines'));
          acknowledged.push(line);
        } finally {
          if (isVisible) visibleHolders -= 1;
        }
      });
    }
  };
  await Promise.all(
    Array.from({ length: CONTENDERS }, (_, at) =>
      contend(String(at + 1)).catch((error: unknown) => {
        // Killed, or too late: another has taken the lock.
        expect(isImageError(error) && error.code, String(error)).toBe('ERR_STORE');
      }),
    ),
  );
  const there = linesIn(disk);
  const lost = acknowledged.filter((line) => !there.includes(line));
  return { lost, together, takeovers, added: acknowledged.length };
}

it('the lock of a layout never has two holders, and is taken from a dead one in 10 s [S06 S07]', async () => {
  let [added, taken] = [0, 0];
  for (let seed = 1; seed <= TRIES; seed += 1) {
    const tried = await tryOnce(seed);
    expect([seed, tried.lost, tried.together]).toEqual([seed, [], 0]);
    added += tried.added;
    taken += tried.takeovers.length;
    for (const ms of tried.takeovers)
      measureFor('time by the clock until the lock of a dead holder is taken', ms / 1000);
    countFor('tries of a lock that never had two holders');
  }
  expect(added).toBeGreaterThan(TRIES * 2);
  expect(taken).toBeGreaterThan(TRIES / 20);
});
