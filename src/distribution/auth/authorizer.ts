import type { CallOptions } from '../../clock/index.js';
import { type CreateHasher, computeDigest } from '../../digest/index.js';
import { type Challenge, parseChallenges } from './challenge.js';
import type { FollowedResponse } from '../transport/transport.js';
import type { TokenCache } from './token-cache.js';
import {
  basicAuthorization,
  bearerAuthorization,
  fetchToken,
  hasPassword,
  type TokenContext,
  type TokenSource,
  tokenSource,
} from './token.js';
import type { Credential } from '../../docker-config/index.js';
import { encodeUtf8, quote } from '../../internal/index.js';

/** What an authorizer works with: one registry and one credential. */
export interface AuthorizerContext extends TokenContext {
  readonly createHasher: CreateHasher;
  readonly tokenCache: TokenCache;
}

/** What a request needs to be allowed, such as `repository:team/app:pull`. */
export interface Need extends CallOptions {
  readonly scopes: readonly string[];
}

/** A challenge as it came. */
export interface Challenged {
  readonly challenge: Challenge;
  /** The `Authorization` that was not enough. */
  readonly sent: string | undefined;
  /** The answer that it came with. */
  readonly followed: FollowedResponse;
}

/** What answers a challenge. */
export interface Authorization {
  /** `undefined` when there is nothing to answer with. */
  readonly value: string | undefined;
  /** Whether it was kept from before. Its server may have taken it back since, as it does when it starts anew. */
  readonly isKept: boolean;
}

/** Keeps what a registry has asked for, for one credential. */
export interface Authorizer {
  /** The `Authorization` to begin with, if what is known so far gives one; a token that runs out is replaced first. */
  current(need: Need): Promise<string | undefined>;
  /** The challenge to answer; `undefined` when none can be, or the answer was given already. */
  choose(challenges: readonly Challenge[], sent: string | undefined): Challenge | undefined;
  /** The `Authorization` that answers a chosen challenge. */
  answer(challenged: Challenged, need: Need): Promise<Authorization>;
}

export function createAuthorizer(context: AuthorizerContext): Authorizer {
  const { credential, secrets, origin, behalf, realmPolicy, tokenCache } = context;
  const registryToken = credential?.registryToken?.reveal();
  const identity = credentialIdentity(credential, { salt: tokenCache.salt, createHasher: context.createHasher });
  /** What the registry has asked for so far: `basic` or `bearer`. */
  let scheme: string | undefined;
  /** Where it had tokens fetched the last time. */
  let source: TokenSource | undefined;

  const basicHeader = (): string | undefined =>
    hasPassword(credential) ? basicAuthorization(credential, origin) : undefined;
  const bearerHeader = async (from: TokenSource, { scopes, signal }: Need, sent?: string): Promise<Authorization> => {
    let isKept = true;
    const token = await tokenCache.get({
      key: JSON.stringify([origin, from.realm.url.href, from.service ?? null, scopes, identity]),
      refused: sent?.replace(/^Bearer /, ''),
      renew: (until) => {
        isKept = false;
        return fetchToken(context, from, { scopes, signal: until });
      },
      signal,
    });
    source = from;
    secrets.add(token);
    return { value: bearerAuthorization(token, origin), isKept };
  };

  return {
    async current(need) {
      if (registryToken !== undefined) return bearerAuthorization(registryToken, origin);
      if (scheme === 'basic') return basicHeader();
      return source === undefined ? undefined : (await bearerHeader(source, need)).value;
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
    async answer({ challenge, sent, followed }, need) {
      scheme = challenge.scheme;
      if (scheme === 'basic') return { value: basicHeader(), isKept: false };
      return bearerHeader(
        tokenSource(
          challenge,
          { origin, behalf, address: followed.response.remoteAddress, mask: followed.mask },
          realmPolicy,
        ),
        need,
        sent,
      );
    },
  };
}

/**
 * Tells credentials apart without showing them: equal for the same secrets under one salt, and of no use elsewhere.
 * Nobody is an identity of its own.
 */
function credentialIdentity(
  credential: Credential | undefined,
  { salt, createHasher }: { readonly salt: string; readonly createHasher: CreateHasher },
): string {
  if (credential === undefined) return 'anonymous';
  const { username, password, identityToken, registryToken } = credential;
  const secrets = [password, identityToken, registryToken].map((secret) => secret?.reveal() ?? null);
  return computeDigest(encodeUtf8(JSON.stringify([salt, username, ...secrets])), createHasher);
}

const SPOKEN: ReadonlySet<string> = new Set(['basic', 'bearer']);
const MAX_SHOWN = 128;

/** What was asked for with a 401 that nobody can give, where that is the fault of how it was asked. */
export function unansweredCause({ response, url, foreign, mask }: FollowedResponse): string {
  const header = response.headers.get('www-authenticate');
  if (response.status !== 401 || header === undefined) return '';
  if (foreign) return `; the registry redirects there, and its credential does not go along: ${ownCure(url)}`;
  const schemes = parseChallenges(header).map(({ scheme }) => scheme);
  if (schemes.length === 0)
    return `; its challenge cannot be read: ${quote(mask(header.join(', ')).slice(0, MAX_SHOWN))}`;
  if (schemes.some((scheme) => SPOKEN.has(scheme))) return '';
  return `; it asks for ${schemes.map((scheme) => quote(scheme)).join(', ')}, and only Basic and Bearer are spoken`;
}

function ownCure(url: string): string {
  return `an entry of the keyring for ${new URL(url).host} would`;
}
