import { ImageError } from '../errors/index.js';
import { type Fault, type FaultAction, isMeant } from './faults.js';

/**
 * A fault in force.
 *
 * @beta
 */
export interface ActiveFault {
  /** How many requests it has hit. */
  readonly hits: number;
  /** Ends it; later requests are answered as they should be. */
  remove(): void;
}

/** The faults of one registry. */
export interface FaultScript {
  add(fault: Fault): ActiveFault;
  /** What is to go wrong with this request, in the order in which the faults were added. */
  take(request: { readonly method: string; readonly url: string }): readonly FaultAction[];
}

interface Entry {
  readonly fault: Fault;
  /** Requests that it was meant for, hit or not. */
  seen: number;
  hits: number;
}

export function createFaultScript(): FaultScript {
  const entries = new Set<Entry>();
  return {
    add(fault) {
      checkCounts(fault);
      const entry: Entry = { fault, seen: 0, hits: 0 };
      entries.add(entry);
      return {
        get hits() {
          return entry.hits;
        },
        remove: () => void entries.delete(entry),
      };
    },
    take: (request) =>
      [...entries]
        .filter(({ fault }) => isMeant(fault, request))
        .filter(countRequest)
        .map(({ fault }) => fault.action),
  };
}

/** Counts a request that the fault is meant for, and says whether it is one of those to hit. */
function countRequest(entry: Entry): boolean {
  const { nth = 1, times = Infinity } = entry.fault;
  entry.seen += 1;
  const hit = entry.seen >= nth && entry.hits < times;
  if (hit) entry.hits += 1;
  return hit;
}

function checkCounts({ nth = 1, times = 1 }: Fault): void {
  for (const [name, value] of [
    ['nth', nth],
    ['times', times],
  ] as const) {
    if (value >= 1 && (Number.isInteger(value) || value === Infinity)) continue;
    throw new ImageError('ERR_OPTION_INVALID', `Cannot script a fault: ${name} must be a count from 1, not ${value}`);
  }
}
