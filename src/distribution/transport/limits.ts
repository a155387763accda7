import { type Kind } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

/** How long one exchange of a transport may take, and what its body has to bring. */
export interface ExchangeLimits {
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly minBytesPerSecond: number;
  readonly minRateWindowMs: number;
}

/** What each limit must be. */
export const exchangeLimitKinds: { readonly [K in keyof ExchangeLimits]: Kind } = {
  headersTimeoutMs: /* @__PURE__ */ is.optional(is.timeoutMs),
  bodyTimeoutMs: /* @__PURE__ */ is.optional(is.timeoutMs),
  minBytesPerSecond: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.wholeFrom(0, 2_147_483_647)),
  minRateWindowMs: /* @__PURE__ */ is.optional(is.timeoutMs),
};

/**
 * The limits that a transport goes by, the defaults filled in.
 *
 * @param options - checked already
 * @param headersMs - the usual wait for an answer: where nothing tells when the connection stands, its time is in it
 */
export function exchangeLimits(
  options: { readonly [K in keyof ExchangeLimits]?: ExchangeLimits[K] | undefined },
  headersMs: number,
): ExchangeLimits {
  const {
    headersTimeoutMs = headersMs,
    bodyTimeoutMs = 30_000,
    minBytesPerSecond = 1024,
    minRateWindowMs = 60_000,
  } = options;
  return { headersTimeoutMs, bodyTimeoutMs, minBytesPerSecond, minRateWindowMs };
}
