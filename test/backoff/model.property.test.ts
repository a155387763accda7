import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type BackoffOptions, type BackoffTracker, createBackoffTracker } from 'kubepull/backoff';
import { isImageError } from 'kubepull/errors';
import { countFor } from '../support/figures.ts';

// Plain checks: `expect` shows all that it sees to the canary hook, which is slow ten thousand times.
function same(seen: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what} is ${a}, and should be ${b}`);
}

/** client-go's `backoffEntry`. */
interface Entry {
  backoff: number;
  lastUpdate: number;
}

/** client-go's `flowcontrol.Backoff`, in milliseconds, and by how much its clock has been moved. */
interface Model {
  readonly initDelay: number;
  readonly maxDuration: number;
  readonly maxJitterFactor: number;
  /** What `rand.Float64` gives, over and over. */
  readonly chances: readonly number[];
  chance: number;
  readonly perItem: Map<string, Entry>;
  now: number;
}

interface Real {
  readonly clock: { now: number };
  readonly options: BackoffOptions;
  tracker: BackoffTracker;
}

const hasExpired = ({ maxDuration }: Model, eventTime: number, { lastUpdate }: Entry): boolean =>
  eventTime - lastUpdate > maxDuration * 2;

function jitter(model: Model, delay: number): number {
  if (model.maxJitterFactor === 0) return 0;
  const chance = model.chances[model.chance % model.chances.length] ?? 0;
  model.chance += 1;
  return chance * model.maxJitterFactor * delay;
}

function nextOf(model: Model, key: string, eventTime: number): Entry {
  const known = model.perItem.get(key);
  if (known === undefined || hasExpired(model, eventTime, known)) {
    const entry = { backoff: model.initDelay + jitter(model, model.initDelay), lastUpdate: model.now };
    model.perItem.set(key, entry);
    return entry;
  }
  known.backoff = Math.min(known.backoff * 2 + jitter(model, known.backoff), model.maxDuration);
  known.lastUpdate = model.now;
  return known;
}

/** A moment that a caller gives: when something was over that began before now, or the edge of what is known of a key. */
type Moment =
  { readonly kind: 'now'; readonly off: number } | { readonly kind: 'delay' | 'expiry'; readonly off: number };

function timeOf(model: Model, key: string, { kind, off }: Moment): number {
  const entry = model.perItem.get(key);
  if (kind === 'now' || entry === undefined) return model.now + off;
  return entry.lastUpdate + (kind === 'delay' ? entry.backoff : model.maxDuration * 2) + off;
}

type Step = fc.Command<Model, Real>;

/** After each step all that is remembered is compared, through the one view that a caller may have kept. */
function step(name: string, run: (model: Model, real: Real) => void): Step {
  return {
    check: () => true,
    toString: () => name,
    run(model, real) {
      run(model, real);
      const wanted = [...model.perItem].map(([key, { backoff, lastUpdate }]) => [
        key,
        { delayMs: backoff, updatedAt: lastUpdate },
      ]);
      same([...real.tracker.state], wanted, 'the state');
      same(real.tracker.size, wanted.length, 'the size');
    },
  };
}

const at = (key: string, moment: Moment): string => `${JSON.stringify(key)} at ${moment.kind} ${moment.off}`;

const advance = (ms: number): Step =>
  step(`advance ${ms}`, (model, { clock }) => {
    model.now += ms;
    clock.now = model.now;
  });

/** To where an answer about a key changes, or just before or after. */
const advanceTo = (key: string, moment: Moment): Step =>
  step(`advance to ${at(key, moment)}`, (model, { clock }) => {
    model.now = Math.max(model.now, timeOf(model, key, moment));
    clock.now = model.now;
  });

const fail = (key: string): Step =>
  step(`next ${key}`, (model, { tracker }) => {
    const { backoff, lastUpdate } = nextOf(model, key, model.now);
    same(tracker.next(key), { delayMs: backoff, updatedAt: lastUpdate }, 'the step');
  });

const failAt = (key: string, moment: Moment): Step =>
  step(`next ${at(key, moment)}`, (model, { tracker }) => {
    const time = timeOf(model, key, moment);
    const { backoff, lastUpdate } = nextOf(model, key, time);
    same(tracker.next(key, time), { delayMs: backoff, updatedAt: lastUpdate }, 'the step');
  });

const look = (key: string, moment: Moment): Step =>
  step(`look ${at(key, moment)}`, (model, { tracker }) => {
    const entry = model.perItem.get(key);
    const time = timeOf(model, key, moment);
    const live = (eventTime: number): Entry | undefined =>
      entry === undefined || hasExpired(model, eventTime, entry) ? undefined : entry;
    const holds = (eventTime: number): boolean => {
      const found = live(eventTime);
      return found !== undefined && eventTime - found.lastUpdate < found.backoff;
    };
    const since = live(time);
    same(tracker.get(key), entry?.backoff ?? 0, 'the delay');
    same(tracker.isInBackoffSinceUpdate(key, time), holds(time), 'being in back-off at that time');
    same(tracker.isInBackoffSinceUpdate(key), holds(model.now), 'being in back-off now');
    const isWanted = since !== undefined && model.now - time < since.backoff;
    same(tracker.isInBackoffSince(key, time), isWanted, 'being in back-off since');
  });

const collect: Step = step('gc', (model, { tracker }) => {
  const gone = [...model.perItem].filter(([, entry]) => hasExpired(model, model.now, entry));
  for (const [key] of gone) model.perItem.delete(key);
  same(tracker.gc(), gone.length, 'what was collected');
});

const forget = (key: string, how: 'reset' | 'delete'): Step =>
  step(`${how} ${key}`, (model, { tracker }) => {
    const known = model.perItem.delete(key);
    const said = tracker[how](key);
    if (how === 'delete') same(said, known, 'whether it was known');
  });

/** What is no time, or no key, is refused, and leaves all as it was. */
const refuse = (key: string, call: 'next' | 'isInBackoffSinceUpdate' | 'isInBackoffSince'): Step =>
  step(`refuse ${call} ${key}`, (_, { tracker }) => {
    for (const args of [
      [key, Number.NaN] as const,
      [key, Number.POSITIVE_INFINITY] as const,
      [7 as never, 0] as const,
    ]) {
      let code: unknown;
      try {
        tracker[call](...args);
      } catch (error) {
        code = isImageError(error) ? error.code : error;
      }
      same(code, 'ERR_OPTION_INVALID', 'the refusal');
    }
  });

/** The old tracker goes its own way then, and nothing of that is seen. */
const restore = (key: string): Step =>
  step(`restore, and next ${key} on the old one`, (model, real) => {
    const old = real.tracker;
    const { clock, options } = real;
    real.tracker = createBackoffTracker({ ...options, clock: { monotonic: () => clock.now }, state: old.state });
    const { chance } = model;
    old.next(key);
    old.gc();
    old.delete('b');
    model.chance = chance + (model.maxJitterFactor === 0 ? 0 : 1);
  });

describe('createBackoffTracker', () => {
  it('is the Backoff of client-go for any keys and times, whatever is done in what order', () => {
    const key = fc.constantFrom('a', 'b', 'c', '__proto__');
    const edge = fc.constantFrom(-1, 0, 1);
    const border: fc.Arbitrary<Moment> = fc.record({
      kind: fc.constantFrom('delay' as const, 'expiry' as const),
      off: edge,
    });
    const moment: fc.Arbitrary<Moment> = fc.oneof(
      fc.record({ kind: fc.constant('now' as const), off: fc.integer({ min: -700_000, max: 700_000 }) }),
      border,
    );
    const steps = fc.commands<Model, Real>(
      [
        fc.nat(400_000).map(advance),
        fc.tuple(key, border).map(([name, time]) => advanceTo(name, time)),
        key.map(fail),
        key.map(fail),
        fc.tuple(key, moment).map(([name, time]) => failAt(name, time)),
        fc.tuple(key, moment).map(([name, time]) => look(name, time)),
        fc.constant(collect),
        fc.tuple(key, fc.constantFrom('reset' as const, 'delete' as const)).map(([name, how]) => forget(name, how)),
        fc
          .tuple(key, fc.constantFrom('next' as const, 'isInBackoffSinceUpdate' as const, 'isInBackoffSince' as const))
          .map(([name, call]) => refuse(name, call)),
        key.map(restore),
      ],
      { maxCommands: 40 },
    );
    // Kubelet's for images and for containers, one that begins above its cap, and one that never holds.
    const numbers = fc.constantFrom([10_000, 300_000], [1000, 60_000], [5000, 2000], [0, 0]);
    const chance = fc.record({
      maxJitterFactor: fc.constantFrom(0, 0, 0.5, 1),
      // Doubles would nearly all be next to 0.
      chances: fc.array(
        fc.nat(999).map((part) => part / 1000),
        { minLength: 1, maxLength: 5 },
      ),
    });
    fc.assert(
      fc.property(
        numbers,
        chance,
        steps,
        ([initDelay = 0, maxDuration = 0], { maxJitterFactor, chances }, commands) => {
          fc.modelRun(() => {
            let drawn = 0;
            const random = (): number => chances[drawn++ % chances.length] ?? 0;
            const options = { initialMs: initDelay, maxMs: maxDuration, jitter: maxJitterFactor, random };
            const clock = { now: 0 };
            const tracker = createBackoffTracker({ ...options, clock: { monotonic: () => clock.now } });
            const numbersOfGo = { initDelay, maxDuration, maxJitterFactor, chances };
            return {
              model: { ...numbersOfGo, chance: 0, perItem: new Map(), now: 0 },
              real: { clock, options, tracker },
            };
          }, commands);
        },
      ),
    );
    countFor('stores, caches and keyrings that act as a plain model does');
  });
});
