import type { Dispatcher } from 'undici';
import { ImageError } from '../errors/index.js';

/**
 * How connections are made.
 *
 * @public
 */
export interface UndiciTransportOptions {
  /**
   * Finds the addresses of a host name.
   *
   * @defaultValue the system's resolver
   */
  readonly lookup?: ((hostname: string) => Promise<readonly string[]>) | undefined;
  /** Certificates in PEM to trust, instead of those that Node trusts by itself. */
  readonly ca?: string | readonly string[] | undefined;
  /**
   * Sends the requests instead of agents of our own. Address rules, limits and closing are then its matter, and no
   * answer tells its peer's address.
   */
  readonly dispatcher?: Dispatcher | undefined;
  /** @defaultValue 10,000 ms */
  readonly connectTimeoutMs?: number | undefined;
  /** @defaultValue 30,000 ms */
  readonly headersTimeoutMs?: number | undefined;
  /**
   * The longest silence within a body.
   *
   * @defaultValue 30,000 ms
   */
  readonly bodyTimeoutMs?: number | undefined;
}

const TIMEOUTS = ['connectTimeoutMs', 'headersTimeoutMs', 'bodyTimeoutMs'] as const;
/** What a timer can wait. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** @throws {@link ImageError} `ERR_OPTION_INVALID` for a time-out that is none */
export function checkTransportOptions(options: UndiciTransportOptions): void {
  for (const name of TIMEOUTS) {
    const value = options[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1 && value <= MAX_TIMEOUT_MS)) continue;
    throw new ImageError(
      'ERR_OPTION_INVALID',
      `Cannot make a transport with ${name} ${value}: it must be a whole number from 1 to ${MAX_TIMEOUT_MS}`,
    );
  }
}
