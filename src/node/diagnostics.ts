import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import { type DebugLogger, debuglog } from 'node:util';
import { systemClock } from '../clock/index.js';
import { isImageError } from '../errors/index.js';
import { hideUserInfo, printable } from '../internal/index.js';
import { combineTracing, TRACE_OPERATIONS, type TraceOperation, type Tracing } from '../tracing/index.js';
import { checkTrace } from '../tracing/inner.js';

/**
 * Publishes what is traced on the tracing channels of `node:diagnostics_channel`: `kubepull.pull`, `kubepull.lookup`,
 * `kubepull.manifest`, `kubepull.blob` and the others of {@link TRACE_OPERATIONS}, each with the context of
 * {@link TraceContexts} as message. A context has `error` when the action failed.
 *
 * While nobody has subscribed it costs nothing. With `NODE_DEBUG=kubepull` in the environment of the process, every start and
 * every end is printed to standard error as well, without secrets.
 *
 * @returns the tracing; `createNodeRuntime` and `openNodeKeyring` use it by themselves
 * @example
 * ```ts
 * import { tracingChannel } from 'node:diagnostics_channel';
 * import type { PullTrace } from 'kubepull/tracing';
 *
 * tracingChannel<string, PullTrace>('kubepull.pull').asyncEnd.subscribe((message) => {
 *   const { image, repoDigest } = message as PullTrace;
 *   console.log(image, repoDigest);
 * });
 * ```
 * @see https://nodejs.org/api/diagnostics_channel.html#tracing-channels
 * @public
 */
export function createDiagnosticsTracing(): Tracing {
  const channels = new Map<TraceOperation, TracingChannel<string, object>>(
    TRACE_OPERATIONS.map((operation) => [operation, tracingChannel(`kubepull.${operation}`)]),
  );
  const published: Tracing = {
    trace(operation, context, action) {
      checkTrace(operation, context, action);
      const channel = channels.get(operation);
      return channel?.hasSubscribers === true ? publish(channel, context, action) : action();
    },
  };
  const debug = createDebugTracing();
  return debug === undefined ? published : combineTracing(debug, published);
}

/** What the action returns is the caller's alone: the channel would add it to the context. */
async function publish<T>(
  channel: TracingChannel<string, object>,
  context: object,
  action: () => Promise<T>,
): Promise<T> {
  const returned: T[] = [];
  await channel.tracePromise(async () => void returned.push(await action()), context);
  return returned[0] as T;
}

/**
 * With `NODE_DEBUG=kubepull`, a tracing that prints a line to standard error where an action starts and where it ends; without
 * it nothing.
 */
function createDebugTracing(): Tracing | undefined {
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
