/**
 * What the library is doing, for whoever watches it: one seam for spans, and kubelet's counters on top of it.
 *
 * @packageDocumentation
 */
export {
  type BlobTrace,
  type EnsureTrace,
  type LookupTrace,
  type ManifestTrace,
  type PluginTrace,
  type PullTrace,
  type RemoveTrace,
  type RuntimeTrace,
  TRACE_OPERATIONS,
  type TraceContexts,
  type TraceOperation,
  type Tracing,
} from './types.js';
export { combineTracing, runTraced } from './traced.js';
