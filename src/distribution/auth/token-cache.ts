import { type CallOptions, type Clock, systemClock } from '../../clock/index.js';
import { check, type Kind, type Kinds } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { createExpiringMap, createFlights } from '../../internal/index.js';

/** Tokens that are kept; a session with more repositories asks again for the oldest. */
const MAX_TOKENS = 1000;

/**
 * A bearer token, and for how long the token server gives it.
 *
 * @public
 */
export interface BearerToken {
  /** The token as plain text; it is a secret. */
  readonly token: string;
  /** How long it is valid, in milliseconds from when it was asked for. */
  readonly lifetimeMs: number;
}

/**
 * What a session wants from a {@link TokenCache}.
 *
 * @public
 */
export interface TokenQuery extends CallOptions {
  /** Tells apart whatever may not share a token: registry, realm, service, scope and credential. */
  readonly key: string;
  /** The token that the registry takes no more, if it was that. */
  readonly refused?: string | undefined;
  /** Fetches a new one. Its signal aborts when nobody waits for the token any more. */
  readonly renew: (signal: AbortSignal) => Promise<BearerToken>;
}

/**
 * Bearer tokens, to be shared by registry sessions so that each pull need not fetch its own. A session finds those tokens
 * only that were fetched for its registry and its credential, at the same realm and for the same scope.
 *
 * @public
 */
export interface TokenCache {
  /** Random text that goes into the keys, so that what is made of a secret there is of no use elsewhere. */
  readonly salt: string;
  /** The token that is kept, or else a new one. Whoever asks for it at the same time gets the same. */
  get(query: TokenQuery): Promise<string>;
  /** Forgets all tokens, also those that are being fetched, for instance when credentials were withdrawn. */
  clear(): void;
}

/**
 * Makes an empty cache of bearer tokens, in memory, for at most 1,000 of them.
 *
 * @param options - `clock` tells when a token is too old: after nine tenths of its lifetime
 * @returns the cache, to be given to any number of sessions
 * @example
 * ```ts
 * import { createTokenCache } from 'kubepull/distribution';
 *
 * const tokenCache = createTokenCache();
 * ```
 * @public
 */
export function createTokenCache(options: { readonly clock?: Clock | undefined } = {}): TokenCache {
  check<typeof options>('Cannot make a token cache', options, { clock: is.optional(is.monotonicClock) });
  const { clock = systemClock } = options;
  const tokens = createExpiringMap<string>(() => clock.monotonic(), MAX_TOKENS);
  let flights = createFlights<string>();
  return {
    salt: crypto.randomUUID(),
    clear() {
      tokens.clear();
      // What is under way may come of what was withdrawn: it goes to those who wait for it already, and is not kept.
      flights = createFlights();
    },
    async get(query) {
      check<TokenQuery>('Cannot get a token', query, queryKinds);
      const { key, refused, renew, signal } = query;
      const kept = tokens.get(key);
      if (kept !== undefined && kept !== refused) return kept;
      const own = flights;
      const takeNew = async (until: AbortSignal): Promise<string> => {
        const asked = clock.monotonic();
        const { token, lifetimeMs } = await renew(until);
        // A tenth early, so that no token runs out on its way; a value is kept with its last millisecond.
        if (flights === own) tokens.set(key, token, asked + lifetimeMs * 0.9 - clock.monotonic() - 1);
        return token;
      };
      return own.share(key, takeNew, signal);
    },
  };
}

const queryKinds: Kinds<TokenQuery> = {
  key: is.text,
  refused: /* @__PURE__ */ is.optional(is.text),
  renew: is.callable,
  ...is.callOptions,
};

export const tokenCacheKind: Kind = /* @__PURE__ */ is.shape(
  { salt: is.text, get: is.callable, clear: is.callable },
  'a token cache, such as createTokenCache() gives',
);
