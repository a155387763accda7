import { untilAbort } from '../internal/index.js';

/** Pulls that run, so many at once, and those that wait for their turn, first come, first served. */
export interface PullQueue {
  readonly running: number;
  readonly waiting: number;
  /** Runs a task when its turn has come; who leaves before takes nobody's turn. */
  run<T>(task: () => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
}

/**
 * Kubelet's serial queue with 1, its parallel puller with more. Its queue holds ten and lets others wait before it; both
 * are served in the order of arrival, so one queue does for both.
 *
 * @see serialImagePuller, parallelImagePuller in kubernetes pkg/kubelet/images/puller.go
 */
export function createPullQueue(limit: number): PullQueue {
  const queue = new Set<() => void>();
  let running = 0;
  const leave = (): void => {
    const [next] = queue;
    if (next === undefined) {
      running -= 1;
      return;
    }
    // The turn is handed on, so nobody can slip in between.
    queue.delete(next);
    next();
  };
  const enter = async (signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted();
    if (running < limit) {
      running += 1;
      return;
    }
    let admit: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => void (admit = resolve));
    queue.add(admit);
    try {
      await untilAbort(turn, signal);
    } catch (error) {
      if (!queue.delete(admit)) leave();
      throw error;
    }
  };
  return {
    get running() {
      return running;
    },
    get waiting() {
      return queue.size;
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
