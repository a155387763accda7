import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';

/**
 * How long a runtime may take to answer, unless the caller says otherwise. Pulls have no limit.
 *
 * @public
 */
export const DEFAULT_RUNTIME_REQUEST_TIMEOUT_MS = 120_000;

/**
 * The largest message that is sent or taken, unless the caller says otherwise: 16 MiB.
 *
 * @public
 */
export const DEFAULT_MAX_MESSAGE_BYTES = 16_777_216;

/**
 * Where the runtime is, and how it is called.
 *
 * @public
 */
export interface CriImageServiceOptions {
  /** Kubelet's `imageServiceEndpoint`: `unix:///run/containerd/containerd.sock`, or the path of the socket. */
  readonly endpoint: string;
  /**
   * Kubelet's `runtimeRequestTimeout`: the limit of every call but `pullImage`, which has none. Pass a signal to end a
   * pull. 0 stands for the default, as in kubelet.
   *
   * @defaultValue {@link DEFAULT_RUNTIME_REQUEST_TIMEOUT_MS}
   */
  readonly runtimeRequestTimeoutMs?: number | undefined;
  /** The largest message that is sent or taken, in bytes. @defaultValue {@link DEFAULT_MAX_MESSAGE_BYTES}, as in kubelet */
  readonly maxMessageBytes?: number | undefined;
  /**
   * Kubelet's gate `CRIListStreaming`: asks for images by `StreamImages`, where no limit of a message can cut a long list
   * off, and by `ListImages` of a runtime that does not know that call.
   *
   * @defaultValue `true`
   */
  readonly listStreaming?: boolean | undefined;
}

/** The numbers, with their defaults. */
export function checkedLimits(options: CriImageServiceOptions): {
  readonly timeoutMs: number;
  readonly maxMessageBytes: number;
} {
  check<CriImageServiceOptions>('Cannot call the runtime', options, {
    endpoint: is.text,
    runtimeRequestTimeoutMs: is.optional(is.wholeFrom(0, 2 ** 31 - 1)),
    maxMessageBytes: is.optional(is.wholeFrom(1, 2 ** 31 - 1)),
    listStreaming: is.optional(is.bool),
  });
  const timeoutMs = options.runtimeRequestTimeoutMs || DEFAULT_RUNTIME_REQUEST_TIMEOUT_MS;
  const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = options;
  return { timeoutMs, maxMessageBytes };
}
