import { untilAbort } from './until-abort.js';

/** Work that is done once for all who need it at the same time. */
export interface Flights<T> {
  /**
   * Waits for the work of this key, which is started when none is under way. A caller that gives up leaves the work to the
   * others; when the last one has left, the signal of the work is aborted, and the next caller starts anew.
   */
  share(key: string, start: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
}

interface Flight<T> {
  readonly work: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

export function createFlights<T>(): Flights<T> {
  const flights = new Map<string, Flight<T>>();
  const forget = (key: string, flight: Flight<T>): boolean => flights.get(key) === flight && flights.delete(key);
  const launch = (key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> => {
    const controller = new AbortController();
    const flight: Flight<T> = {
      work: start(controller.signal).finally(() => forget(key, flight)),
      controller,
      waiting: 0,
    };
    flights.set(key, flight);
    return flight;
  };
  return {
    async share(key, start, signal) {
      signal?.throwIfAborted();
      const flight = flights.get(key) ?? launch(key, start);
      flight.waiting += 1;
      try {
        return await untilAbort(flight.work, signal);
      } finally {
        flight.waiting -= 1;
        if (flight.waiting === 0 && forget(key, flight)) flight.controller.abort(signal?.reason);
      }
    },
  };
}
