// What a sweep goes through: every call at which a process may be killed, every byte at which a document may be cut. All of it
// where `CI` is set. Elsewhere a part of it that lies evenly over the whole and is chosen anew in each run, so that the tests
// are run while one works, and in time reach every place.
import { amountOf } from './property-runs.ts';
import { randomFrom } from './random-from.ts';

export { randomFrom } from './random-from.ts';

/** Given to a run, it makes the choice of an earlier run again; a run prints its own in the end. */
export const SEED_VARIABLE = 'KUBEPULL_TEST_SEED';

/** All in CI, or as many as `inCi` says; elsewhere as many as `here` says, as {@link chooseEvenly} chooses them. */
export function sweepOf<T>(all: readonly T[], here: number, inCi: number = all.length): readonly T[] {
  const amount = Math.min(all.length, amountOf({ here, inCi }));
  return chooseEvenly(all, amount, Number(process.env[SEED_VARIABLE]));
}

/** The numbers from 0 to below a count, all or some of them as with {@link sweepOf}. */
export function placesOf(count: number, here: number): readonly number[] {
  const all = Array.from({ length: count }, (_, at) => at);
  return sweepOf(all, here);
}

/** One of each of `amount` stretches of the same length, in order; the same ones for the same seed. */
export function chooseEvenly<T>(all: readonly T[], amount: number, seed: number): readonly T[] {
  const random = randomFrom(seed);
  return Array.from({ length: amount }, (_, at) => {
    const [from, to] = [Math.floor((at * all.length) / amount), Math.floor(((at + 1) * all.length) / amount)];
    return all[from + Math.floor(random() * (to - from))] as T;
  });
}
