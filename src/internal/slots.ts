import { untilAbort } from './until-abort.js';

/** Places that are taken for a while, by as many as there are places. */
export interface Slots {
  readonly taken: number;
  readonly waiting: number;
  /** Whether there is a place that nobody wants now. */
  readonly spare: boolean;
  /** Takes such a place, and returns how to give it back. */
  enterSpare(): (() => void) | undefined;
  /** Runs a task once there is a place for it; first come, first served. Who leaves before takes nobody's place. */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

export function createSlots(limit: number): Slots {
  const queue = new Set<() => void>();
  let taken = 0;

  const enter = async (signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted();
    if (taken < limit) {
      taken += 1;
      return;
    }
    let admit: () => void = () => undefined;
    const admitted = new Promise<void>((resolve) => void (admit = resolve));
    queue.add(admit);
    try {
      await untilAbort(admitted, signal);
    } catch (error) {
      // Whoever leaves with a place passes it on.
      if (!queue.delete(admit)) leave();
      throw error;
    }
  };
  /** The place goes to the next in the queue, so nobody can slip in between. */
  const leave = (): void => {
    const [next] = queue;
    if (next === undefined) {
      taken -= 1;
      return;
    }
    queue.delete(next);
    next();
  };
  return {
    get taken() {
      return taken;
    },
    get waiting() {
      return queue.size;
    },
    get spare() {
      return taken < limit;
    },
    enterSpare() {
      if (taken >= limit) return undefined;
      taken += 1;
      return leave;
    },
    async run(task, signal) {
      await enter(signal);
      try {
        return await task();
      } finally {
        leave();
      }
    },
  };
}
