import { check, type Kind } from '../../../errors/inner.js';
import * as is from '../../../errors/inner.js';
import type { Fault } from './fault-script.js';

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
export function checkFault(fault: Fault): void {
  check<Fault>('Cannot script a fault', fault, {
    method: is.optional(is.text),
    path: is.optional(is.either(is.text, is.having('a regular expression', 'exec'))),
    nth: times,
    times,
    action: is.shape({ kind: is.oneOf(...Object.keys(ACTIONS)) }),
  });
  check<object>('Cannot script a fault', fault.action, ACTIONS[fault.action.kind]);
}
