import { ImageError } from '../errors/index.js';

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
   * pull.
   *
   * @defaultValue {@link DEFAULT_RUNTIME_REQUEST_TIMEOUT_MS}
   */
  readonly runtimeRequestTimeoutMs?: number | undefined;
  /** @defaultValue {@link DEFAULT_MAX_MESSAGE_BYTES}, as in kubelet */
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
  const { runtimeRequestTimeoutMs: timeoutMs = DEFAULT_RUNTIME_REQUEST_TIMEOUT_MS } = options;
  const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = options;
  checkNumber('runtimeRequestTimeoutMs', timeoutMs);
  checkNumber('maxMessageBytes', maxMessageBytes);
  return { timeoutMs, maxMessageBytes };
}

function checkNumber(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value < 2 ** 31) return;
  throw new ImageError(
    'ERR_OPTION_INVALID',
    `Cannot call the runtime with ${name} ${value}: it must be a whole number from 1`,
  );
}
