import { checkFault } from './check-fault.js';
import type { FaultAction } from './fault-action.js';

/**
 * Which requests go wrong, and how.
 *
 * @beta
 */
export interface Fault {
  /** @defaultValue every method */
  readonly method?: string | undefined;
  /**
   * A whole path, or a pattern that is looked for in path and query.
   *
   * @defaultValue every path
   */
  readonly path?: string | RegExp | undefined;
  /**
   * The first of the matching requests that goes wrong, counted from 1.
   *
   * @defaultValue 1
   */
  readonly nth?: number | undefined;
  /**
   * How many go wrong from there on.
   *
   * @defaultValue all
   */
  readonly times?: number | undefined;
  readonly action: FaultAction;
}

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
      checkFault(fault);
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

/** Whether a fault is meant for a request; how often it was, the caller counts. */
function isMeant({ method, path }: Fault, request: { readonly method: string; readonly url: string }): boolean {
  if (method !== undefined && method.toUpperCase() !== request.method) return false;
  if (path === undefined) return true;
  if (typeof path === 'string') return request.url.split('?', 1)[0] === path;
  // Unlike test(), search() does not depend on what a global pattern matched before.
  return request.url.search(path) >= 0;
}

/** Counts a request that the fault is meant for, and says whether it is one of those to hit. */
function countRequest(entry: Entry): boolean {
  const { nth = 1, times = Infinity } = entry.fault;
  entry.seen += 1;
  const hit = entry.seen >= nth && entry.hits < times;
  if (hit) entry.hits += 1;
  return hit;
}
