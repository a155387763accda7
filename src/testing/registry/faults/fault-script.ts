import type { FaultAction } from './fault-action.js';
import { check, type Kind } from '../../../errors/inner.js';
import * as is from '../../../errors/inner.js';

/**
 * Which requests go wrong, and how.
 *
 * @beta
 */
export interface Fault {
  /** The method of the requests that go wrong, such as `GET`. @defaultValue every method */
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
  /** What goes wrong with them. */
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

const count = /* @__PURE__ */ is.wholeFrom(0);
const times = /* @__PURE__ */ is.optional({
  what: 'a count from 1, or Infinity',
  accepts: (value: unknown) => value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 1),
});
const content = /* @__PURE__ */ is.either(is.text, is.bytes);
const header = /* @__PURE__ */ is.either(is.text, /* @__PURE__ */ is.listOf(is.text));
const framing = ['length', 'chunked', 'close'] as const;

/** What each kind of fault needs besides its name. */
const ACTIONS: Readonly<Record<Fault['action']['kind'], Readonly<Record<string, Kind>>>> = {
  status: {
    status: /* @__PURE__ */ is.wholeFrom(100, 999),
    headers: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.recordOf(header)),
    body: /* @__PURE__ */ is.optional(content),
  },
  header: { name: is.filledText, value: /* @__PURE__ */ is.optional(header) },
  body: { body: content },
  flip: { offset: count },
  truncate: { afterBytes: count, framing: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.oneOf(...framing)) },
  extend: {
    bytes: /* @__PURE__ */ is.wholeFrom(1),
    framing: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.oneOf(...framing, 'unchanged')),
  },
  encode: { encoding: /* @__PURE__ */ is.oneOf('gzip', 'deflate', 'br') },
  redirect: {
    location: is.text,
    status: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.oneOf(301, 302, 303, 307, 308)),
  },
  challenge: { challenge: header },
  'range-lie': { lie: /* @__PURE__ */ is.oneOf('start', 'end', 'total', 'shift', 'unasked', 'full', 'multipart') },
  delay: { ms: count },
  drip: { bytes: /* @__PURE__ */ is.wholeFrom(1), intervalMs: count, afterBytes: /* @__PURE__ */ is.optional(count) },
  stall: { afterBytes: /* @__PURE__ */ is.optional(count) },
  cut: { afterBytes: count },
  rst: { afterBytes: count },
  raw: { bytes: content, after: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.oneOf('end', 'open', 'rst', 'answer')) },
};

/** A fault that cannot happen would be a test that tests nothing. */
function checkFault(fault: Fault): void {
  check<Fault>('Cannot script a fault', fault, {
    method: is.optional(is.text),
    path: is.optional(is.either(is.text, is.having('a regular expression', 'exec'))),
    nth: times,
    times,
    action: is.shape({ kind: is.oneOf(...Object.keys(ACTIONS)) }),
  });
  check<object>('Cannot script a fault', fault.action, ACTIONS[fault.action.kind]);
}
