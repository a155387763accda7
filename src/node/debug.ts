import { type DebugLogger, debuglog } from 'node:util';
import { systemClock } from '../clock/index.js';
import { isImageError } from '../errors/index.js';
import { hideUserInfo, printable } from '../internal/index.js';
import type { Tracing } from '../tracing/index.js';

/**
 * With `NODE_DEBUG=kubepull`, a tracing that prints a line to standard error where an action starts and where it ends; without
 * it nothing.
 */
export function createDebugTracing(): Tracing | undefined {
  const log = debuglog('kubepull');
  if (!log.enabled) return undefined;
  return {
    async trace(operation, context, action) {
      const started = systemClock.monotonic();
      say(log, [operation, 'starts', partsOf(context)]);
      let [end, why] = ['done', ''];
      try {
        return await action();
      } catch (error) {
        [end, why] = ['failed', `error=${wordsOf(error)}`];
        throw error;
      } finally {
        say(log, [operation, end, `after ${Math.round(systemClock.monotonic() - started)} ms`, partsOf(context), why]);
      }
    },
  };
}

function say(log: DebugLogger, parts: readonly string[]): void {
  log('%s', parts.filter((part) => part !== '').join(' '));
}

/** What is known by now. A name that nobody has checked yet may have a password in it. */
function partsOf(context: object): string {
  const known = Object.entries(context).filter(([, value]: readonly [string, unknown]) => value !== undefined);
  return known.map(([name, value]) => `${name}=${printable(hideUserInfo(String(value)))}`).join(' ');
}

/** Errors of this library hold no secret; of others nobody knows, so that only their name is told. */
function wordsOf(error: unknown): string {
  if (isImageError(error)) return `${error.code}: ${printable(error.message, MAX_MESSAGE)}`;
  return printable(error instanceof Error ? error.name : typeof error);
}

const MAX_MESSAGE = 2048;
