import { basicAuthorization, bearerAuthorization } from './authorization.js';
import type { Challenge } from './challenge.js';
import { type BearerToken, fetchToken, hasPassword, type TokenContext, type TokenRequest } from './token.js';

/** Keeps what a registry has asked for, and the tokens that it got: for one credential, so nobody else uses them. */
export interface Authorizer {
  /** The `Authorization` to send for a scope, if what is known so far gives one. */
  current(scope: string): string | undefined;
  /** The challenge to answer; `undefined` when none can be, or the answer was given already. */
  choose(challenges: readonly Challenge[]): Challenge | undefined;
  /** The `Authorization` that answers a chosen challenge. */
  answer(challenge: Challenge, request: TokenRequest): Promise<string | undefined>;
}

export function createAuthorizer(context: TokenContext): Authorizer {
  const { credential, clock } = context;
  const registryToken = credential?.registryToken?.reveal();
  const tokens = new Map<string, BearerToken>();
  let basic = false;

  /** What was sent may come back in an error text, so it is masked there. */
  const sent = (header: string): string => {
    context.secrets.add(header.slice(header.indexOf(' ') + 1));
    return header;
  };
  const cached = (scope: string): string | undefined => {
    const token = tokens.get(scope);
    return token !== undefined && clock.monotonic() < token.usableUntil ? token.token : undefined;
  };
  const basicHeader = (): string | undefined =>
    hasPassword(credential) ? sent(basicAuthorization(credential)) : undefined;

  return {
    current(scope) {
      if (registryToken !== undefined) return bearerAuthorization(registryToken);
      if (basic) return basicHeader();
      const token = cached(scope);
      return token === undefined ? undefined : bearerAuthorization(token);
    },
    choose(challenges) {
      if (registryToken !== undefined) return undefined; // It was sent, and refused.
      // With a token the registry does not see the password, so that comes first; and a registry that took one way must
      // not get the other next.
      const bearer = basic ? undefined : challenges.find(({ scheme }) => scheme === 'bearer');
      if (bearer !== undefined || basic || tokens.size > 0 || !hasPassword(credential)) return bearer;
      return challenges.find(({ scheme }) => scheme === 'basic');
    },
    async answer(challenge, request) {
      if (challenge.scheme === 'basic') {
        basic = true;
        return basicHeader();
      }
      const token = await fetchToken(context, challenge, request);
      tokens.set(request.scope, token);
      return sent(bearerAuthorization(token.token));
    },
  };
}
