import { ImageError } from './image-error.js';

/**
 * One entry of a registry's JSON error body, as the OCI distribution spec defines it.
 *
 * @public
 */
export interface RegistryDiagnostic {
  /** The registry's code, upper case, such as `MANIFEST_UNKNOWN`. */
  readonly code: string;
  /** The registry's own words: escaped, at most 512 characters, known secrets masked. */
  readonly message: string;
  /** What it adds, as text or JSON: escaped, at most 512 characters, known secrets masked. */
  readonly detail?: string | undefined;
}

/**
 * What a {@link RegistryError} carries.
 *
 * @public
 */
export interface RegistryFailure {
  /** The HTTP method of the request. */
  readonly method: string;
  /** The requested URL, without user info, query and fragment. */
  readonly url: string;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** Whether the same request may succeed later (408, 429, 499, 500, 502, 503, 504, 520 to 527). */
  readonly retryable: boolean;
  /** The registry's `Retry-After`, in milliseconds from when it answered; `undefined` when it sent none. */
  readonly retryAfterMs: number | undefined;
  /** The errors that the registry lists in the body of its answer; empty when it lists none. */
  readonly diagnostics: readonly RegistryDiagnostic[];
  /** What the registry calls the request, for a question to its operator, where it says so. */
  readonly requestId?: string | undefined;
}

/**
 * An answer of a registry or token server that is not the wanted one.
 *
 * @public
 */
export class RegistryError extends ImageError<'ERR_REGISTRY_RESPONSE'> implements RegistryFailure {
  /** The HTTP method of the request. */
  readonly method: string;
  /** The requested URL, without user info, query and fragment. */
  readonly url: string;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** Whether the same request may succeed later, by its status. */
  readonly retryable: boolean;
  /** The registry's `Retry-After`, in milliseconds from when it answered; `undefined` when it sent none. */
  readonly retryAfterMs: number | undefined;
  /** The errors that the registry lists in the body of its answer; empty when it lists none. */
  readonly diagnostics: readonly RegistryDiagnostic[];
  /** What the registry calls the request, for a question to its operator; `undefined` when it does not say. */
  readonly requestId: string | undefined;

  constructor(message: string, failure: RegistryFailure) {
    super('ERR_REGISTRY_RESPONSE', message);
    this.method = failure.method;
    this.url = failure.url;
    this.status = failure.status;
    this.retryable = failure.retryable;
    this.retryAfterMs = failure.retryAfterMs;
    this.diagnostics = failure.diagnostics;
    this.requestId = failure.requestId;
  }
}

/**
 * Where a connection failed.
 *
 * @public
 */
export type TransportPhase = 'lookup' | 'connect' | 'tls' | 'headers' | 'body';

/**
 * A request that got no complete answer: no address, no connection, a time-out, a cut.
 *
 * @public
 */
export class TransportError extends ImageError<'ERR_TRANSPORT'> {
  /** The HTTP method of the request. */
  readonly method: string;
  /** The requested URL, without user info, query and fragment. */
  readonly url: string;
  /** The step of the exchange that failed. */
  readonly phase: TransportPhase;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  constructor(
    message: string,
    failure: {
      readonly method: string;
      readonly url: string;
      readonly phase: TransportPhase;
      readonly retryable: boolean;
      readonly cause?: unknown;
    },
  ) {
    super('ERR_TRANSPORT', message, { cause: failure.cause });
    this.method = failure.method;
    this.url = failure.url;
    this.phase = failure.phase;
    this.retryable = failure.retryable;
  }
}

/**
 * A request that this library refused to send, because its target could steal a credential or reach an inner network.
 *
 * @public
 */
export class RequestRefusedError extends ImageError<'ERR_REQUEST_REFUSED'> {
  /** The refused URL, without user info, query and fragment. */
  readonly url: string;
  /** The rule that refused it, for programs, such as `scheme-downgrade` or `link-local-address`. */
  readonly rule: string;

  constructor(message: string, refusal: { readonly url: string; readonly rule: string }) {
    super('ERR_REQUEST_REFUSED', message);
    this.url = refusal.url;
    this.rule = refusal.rule;
  }
}
