// What a test leaves open: counted at its start, and again at its end.
import { createHook } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

export interface Watch {
  /** Fails unless all that came since the start is gone again, at the latest after the grace. */
  assertReleased(graceMs?: number): Promise<void>;
}

export interface CountingSignal {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  /** Abort listeners now. */
  readonly listeners: number;
  /** The most that there were at any time. */
  readonly peak: number;
}

/** undici looks at its timers every half second, and a machine may be busy. */
export const GRACE_MS = 15_000;

/** Records what is open now, and follows the timers from now on. Start it first thing in a test. */
export function startWatch(): Watch {
  const before = countResources();
  const timers = watchTimers();
  return {
    async assertReleased(graceMs = GRACE_MS) {
      const left = (): readonly string[] => [
        ...surplus(before, countResources()),
        ...(timers.size > 0 ? [`${timers.size} timers`] : []),
      ];
      await waitUntil(() => left().length === 0, graceMs);
      const leaked = left();
      if (leaked.length > 0) throw new Error(`I5: still open: ${leaked.join(', ')}`);
    },
  };
}

/** Looks again and again until a condition holds or the grace is over. */
export async function waitUntil(holds: () => boolean, graceMs: number): Promise<void> {
  const end = performance.now() + graceMs;
  // Node reports the end of a timer, also of the one here, in the next turn of the loop.
  for (await setImmediate(); !holds() && performance.now() < end; await setImmediate()) await sleep(10);
}

/** An abort signal that counts those who listen. */
export function countingSignal(): CountingSignal {
  const controller = new AbortController();
  const { signal } = controller;
  const count = (): number => getEventListeners(signal, 'abort').length;
  const addEventListener = signal.addEventListener.bind(signal);
  let peak = 0;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    addEventListener(...args);
    peak = Math.max(peak, count());
  };
  return {
    signal,
    abort: (reason) => controller.abort(reason),
    get listeners() {
      return count();
    },
    get peak() {
      return peak;
    },
  };
}

/**
 * The timers that were started since and are not over. A count of all would not do: the test runner's own come and go,
 * and those that are unref'ed do not show.
 */
function watchTimers(): ReadonlySet<number> {
  const live = new Set<number>();
  const hook = createHook({
    init: (id, type) => void (type === 'Timeout' && live.add(id)),
    destroy: (id) => void live.delete(id),
  }).enable();
  onTestFinished(() => void hook.disable());
  return live;
}

/** Counts by kind whatever this process holds open, timers apart. */
function countResources(): ReadonlyMap<string, number> {
  const active = process.getActiveResourcesInfo().filter((kind) => kind !== 'Timeout' && kind !== 'Immediate');
  const counts = new Map<string, number>();
  for (const kind of [...active, ...openFiles(), ...children()]) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

function surplus(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): readonly string[] {
  return [...now].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0);
    return more > 0 ? [`${more} ${kind}`] : [];
  });
}

/** Linux tells; elsewhere the list is empty. */
function openFiles(): readonly string[] {
  return list('/proc/self/fd').flatMap((fd) => {
    try {
      return [`file descriptor of ${readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, '')}`];
    } catch {
      return []; // The one that listed the others.
    }
  });
}

function children(): readonly string[] {
  return list('/proc/self/task').flatMap((thread) => {
    const ids = readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim();
    return ids === '' ? [] : ids.split(' ').map(() => 'child process');
  });
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
