import { untilAbort } from '../../internal/index.js';

/** Calls for the same thing at the same time, made once. */
export interface Flights<T> {
  /**
   * Joins the call for `key` that is on its way, or starts one. It goes on for as long as anybody waits for it, and is
   * aborted when the last has left.
   */
  join(key: string, start: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
}

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

export function createFlights<T>(): Flights<T> {
  const flights = new Map<string, Flight<T>>();

  const takeOff = (key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> => {
    const controller = new AbortController();
    const result = start(controller.signal).finally(() => {
      if (flights.get(key) === flight) flights.delete(key);
    });
    const flight = { result, controller, waiting: 0 };
    result.catch(() => undefined); // Everyone may have left before it fails.
    flights.set(key, flight);
    return flight;
  };

  return {
    async join(key, start, signal) {
      signal?.throwIfAborted();
      const flight = flights.get(key) ?? takeOff(key, start);
      flight.waiting += 1;
      try {
        return await untilAbort(flight.result, signal);
      } finally {
        flight.waiting -= 1;
        if (flight.waiting === 0 && flights.get(key) === flight) {
          flights.delete(key);
          flight.controller.abort(signal?.reason);
        }
      }
    },
  };
}
