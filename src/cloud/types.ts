import type { CallOptions, Clock } from '../clock/index.js';
import type { Secret } from '../docker-config/index.js';
import type { Transport } from '../distribution/index.js';

/**
 * What every keyring of a cloud is made of.
 *
 * @public
 */
export interface CloudOptions {
  /** Sends the requests to the cloud and, for Azure, to the registry. */
  readonly transport: Transport;
  /** Measures lifetimes and time limits, dates requests, and waits between attempts. @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /**
   * How long one answer of the cloud may take. A function of yours that gives tokens, keys or signatures has six times as
   * long, and a minute at least.
   *
   * @defaultValue 10,000 ms
   */
  readonly timeoutMs?: number | undefined;
  /**
   * A number from 0 up to 1, for jitter.
   *
   * @defaultValue the platform's `crypto`
   */
  readonly random?: (() => number) | undefined;
}

/**
 * A token that somebody else issued, such as a cloud's SDK.
 *
 * @public
 */
export interface CloudToken {
  /** The token; a secret. */
  readonly token: Secret;
  /** How long it is good for from now, in milliseconds. */
  readonly lifetimeMs: number;
}

/**
 * Gives a token when one is needed, which is whenever the credential of a registry is fetched with it.
 *
 * @public
 */
export type CloudTokenSource = (options: CallOptions) => Promise<CloudToken>;
