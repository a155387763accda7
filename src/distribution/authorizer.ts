import { basicAuthorization, bearerAuthorization, hasPassword } from './authorization.js';
import type { Challenge } from './challenge.js';
import { type BearerToken, fetchToken, type TokenContext, type TokenRequest } from './token.js';

/** Scopes whose token is kept; a client of more repositories asks again for the oldest. */
const MAX_TOKENS = 1000;

/** Keeps what a registry has asked for, and the tokens that it got: for one credential, so nobody else uses them. */
export interface Authorizer {
  /** The `Authorization` to send for a scope, if what is known so far gives one. */
  current(scope: string): string | undefined;
  /**
   * The challenge to answer; `undefined` when none can be, or the answer was given already.
   *
   * @param sent - the `Authorization` that was not enough
   */
  choose(challenges: readonly Challenge[], sent: string | undefined): Challenge | undefined;
  /** The `Authorization` that answers a chosen challenge. */
  answer(challenge: Challenge, request: TokenRequest): Promise<string | undefined>;
}

export function createAuthorizer(context: TokenContext): Authorizer {
  const { credential, clock, origin } = context;
  const registryToken = credential?.registryToken?.reveal();
  const tokens = new Map<string, BearerToken>();
  /** What the registry has asked for so far: `basic` or `bearer`. */
  let scheme: string | undefined;

  const cached = (scope: string): string | undefined => {
    const token = tokens.get(scope);
    return token !== undefined && clock.monotonic() < token.usableUntil ? token.token : undefined;
  };
  const keep = (scope: string, token: BearerToken): void => {
    tokens.delete(scope);
    tokens.set(scope, token);
    const [oldest] = tokens.keys();
    if (tokens.size > MAX_TOKENS && oldest !== undefined) tokens.delete(oldest);
  };
  const basicHeader = (): string | undefined =>
    hasPassword(credential) ? basicAuthorization(credential, origin) : undefined;

  return {
    current(scope) {
      if (registryToken !== undefined) return bearerAuthorization(registryToken, origin);
      if (scheme === 'basic') return basicHeader();
      const token = cached(scope);
      return token === undefined ? undefined : bearerAuthorization(token, origin);
    },
    choose(challenges, sent) {
      if (registryToken !== undefined) return undefined; // It was sent, and refused.
      // With a token the registry does not see the password, so that comes first; and a registry that took one way must
      // not get the other next.
      const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
      if (bearer !== undefined && scheme !== 'basic') return bearer;
      if (scheme === 'bearer' || sent !== undefined || !hasPassword(credential)) return undefined;
      return challenges.find((challenge) => challenge.scheme === 'basic');
    },
    async answer(challenge, request) {
      scheme = challenge.scheme;
      if (scheme === 'basic') return basicHeader();
      const token = await fetchToken(context, challenge, request);
      keep(request.scope, token);
      return bearerAuthorization(token.token, origin);
    },
  };
}
