import type { TransportResponse } from './transport.js';

/** Runs what may throw, such as a function of the caller, while a body is open: if it does, the body is given up. */
export async function orDiscard<T>(response: TransportResponse | undefined, step: () => T): Promise<T> {
  try {
    return step();
  } catch (error) {
    await response?.discard();
    throw error;
  }
}
