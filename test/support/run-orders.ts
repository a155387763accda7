import { setImmediate } from 'node:timers/promises';
import type fc from 'fast-check';

/**
 * Does all that a scheduler holds back, in its order, until nothing is left; what still waits then waits for ever. The scheduler
 * alone gives up after a few turns in which nobody asks it for anything.
 */
export async function runOrders(s: fc.Scheduler): Promise<void> {
  do {
    await s.waitIdle();
    await setImmediate();
  } while (s.count() > 0);
}
