import { basicAuthorization, bearerAuthorization } from './authorization.js';
import type { Challenge } from './challenge.js';
import { type BearerToken, fetchToken, isEmpty, type TokenContext } from './token.js';

/** Keeps what a registry has asked for, and the tokens that it got: for one credential, so nobody else uses them. */
export interface Authorizer {
  /** The `Authorization` to send for a scope, if what is known so far gives one. */
  current(scope: string): string | undefined;
  /** The `Authorization` that answers a registry's challenges; `undefined` when none of them can be answered. */
  answer(challenges: readonly Challenge[], scope: string, signal: AbortSignal | undefined): Promise<string | undefined>;
}

/** A registry that asks in more ways than this in a row is not followed. */
const PREFERENCE = ['bearer', 'basic'];

export function createAuthorizer(context: TokenContext): Authorizer {
  const { credential, clock } = context;
  const registryToken = credential?.registryToken?.reveal();
  const tokens = new Map<string, BearerToken>();
  let basic = false;

  const cached = (scope: string): string | undefined => {
    const token = tokens.get(scope);
    return token !== undefined && clock.monotonic() < token.usableUntil ? token.token : undefined;
  };
  const basicHeader = (): string | undefined =>
    credential === undefined || isEmpty(credential) ? undefined : basicAuthorization(credential);

  return {
    current(scope) {
      if (registryToken !== undefined) return bearerAuthorization(registryToken);
      if (basic) return basicHeader();
      const token = cached(scope);
      return token === undefined ? undefined : bearerAuthorization(token);
    },
    async answer(challenges, scope, signal) {
      if (registryToken !== undefined) return undefined; // It was sent, and refused.
      const chosen = PREFERENCE.flatMap(
        (scheme) => challenges.find((challenge) => challenge.scheme === scheme) ?? [],
      )[0];
      if (chosen === undefined) return undefined;
      // No change of the scheme in the middle: a server that got a token must not get the password next.
      if (chosen.scheme === 'basic') {
        if (tokens.size > 0 || basic) return undefined;
        const header = basicHeader();
        basic = header !== undefined;
        return header;
      }
      if (basic) return undefined;
      const token = await fetchToken(context, chosen, scope, signal);
      tokens.set(scope, token);
      return bearerAuthorization(token.token);
    },
  };
}
