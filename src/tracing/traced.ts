import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { TRACE_OPERATIONS, type TraceContexts, type TraceOperation, type Tracing } from './types.js';

/**
 * Runs an action under whoever watches, if there is anybody.
 *
 * @param tracing - who watches; none when absent
 * @param operation - what the action is
 * @param context - what is told of it; the action adds to it what it learns
 * @param action - what to do
 * @returns what the action returns
 * @example
 * ```ts
 * import { runTraced, type Tracing } from 'kubepull/tracing';
 *
 * declare const tracing: Tracing | undefined;
 * declare function runPlugin(): Promise<string>;
 * const answer = await runTraced(tracing, 'plugin', { plugin: 'ecr', image: 'registry.example.com/app' }, runPlugin);
 * ```
 * @public
 */
export function runTraced<K extends TraceOperation, T>(
  tracing: Tracing | undefined,
  operation: K,
  context: TraceContexts[K],
  action: () => Promise<T>,
): Promise<T> {
  check('Cannot trace', { tracing }, { tracing: is.optional(is.tracing) });
  checkTrace(operation, context, action);
  return tracing === undefined ? action() : tracing.trace(operation, context, action);
}

/**
 * Makes one of several who watch; the first is told of a start first, and of an end last.
 *
 * @param watchers - who watches
 * @returns all of them
 * @example
 * ```ts
 * import { createDiagnosticsTracing } from 'kubepull/node';
 * import { combineTracing } from 'kubepull/tracing';
 * import { createImageMetrics } from 'kubepull/metrics';
 *
 * const metrics = createImageMetrics();
 * const tracing = combineTracing(createDiagnosticsTracing(), metrics);
 * ```
 * @public
 */
export function combineTracing(...watchers: readonly Tracing[]): Tracing {
  check('Cannot combine tracings', { watchers }, { watchers: is.listOf(is.tracing) });
  return {
    async trace(operation, context, action) {
      checkTrace(operation, context, action);
      const inner = watchers.reduceRight<typeof action>(
        (run, watcher) => () => watcher.trace(operation, context, run),
        action,
      );
      return inner();
    },
  };
}

export function checkTrace(operation: TraceOperation, context: object, action: () => unknown): void {
  const operations = is.oneOf(...TRACE_OPERATIONS);
  check(
    'Cannot trace',
    { operation, context, action },
    { operation: operations, context: is.object, action: is.callable },
  );
}
