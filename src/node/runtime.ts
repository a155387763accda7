import { type Clock, systemClock } from '../clock/index.js';
import { createTokenCache } from '../distribution/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { Platform } from '../oci/index.js';
import type { PullRuntime } from '../puller/index.js';
import type { Tracing } from '../tracing/index.js';
import { createDiagnosticsTracing } from './diagnostics.js';
import { nodeHasher } from './hasher.js';
import { readHostPlatform } from './host-platform.js';
import type { UndiciTransportOptions } from './transport/options.js';
import { carrierKinds, type CarrierOptions, createCarryingTransport } from './transport/undici-transport.js';

/**
 * What a runtime may be told besides its defaults.
 *
 * @public
 */
export interface NodeRuntimeOptions extends UndiciTransportOptions, CarrierOptions {
  /** The platform that images are pulled for. @defaultValue {@link readHostPlatform} */
  readonly platform?: Platform | undefined;
  /** Measures how long tokens are valid, and waits between attempts. @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /** Watches pulls, look-ups, manifests and blobs. @defaultValue {@link createDiagnosticsTracing} */
  readonly tracing?: Tracing | undefined;
}

/**
 * A runtime for pulls on Node: undici, `node:crypto`, and this machine's platform. It holds connections until closed.
 *
 * @public
 */
export interface NodeRuntime extends PullRuntime, AsyncDisposable {
  /** Ends all connections. Pulls still under way fail. */
  close(): Promise<void>;
}

/**
 * Makes a runtime for pulls on Node. One serves any number of pulls.
 *
 * @param options - see {@link NodeRuntimeOptions}
 * @returns the runtime; `close` it, or declare it with `await using`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option of the wrong kind, and as `createUndiciTransport`
 * @example
 * ```ts
 * import { createNodeRuntime } from 'kubepull/node';
 *
 * const runtime = createNodeRuntime();
 * await runtime.close();
 * ```
 * @public
 */
export function createNodeRuntime(options: NodeRuntimeOptions = {}): NodeRuntime {
  checkParts(options);
  const { platform = readHostPlatform(), clock = systemClock, tracing = createDiagnosticsTracing() } = options;
  const { transport, carrier, close } = createCarryingTransport(options);
  const tokenCache = createTokenCache({ clock });
  const parts = { transport, carrier, createHasher: nodeHasher, platform, clock, tokenCache, tracing };
  return { ...parts, close, [Symbol.asyncDispose]: close };
}

/** What is of the transport is checked there. */
function checkParts(options: NodeRuntimeOptions): void {
  check<Omit<NodeRuntimeOptions, keyof UndiciTransportOptions>>('Cannot make a runtime', options, {
    platform: is.optional(is.platform),
    clock: is.optional(is.clock),
    tracing: is.optional(is.tracing),
    ...carrierKinds,
  });
}
