import type { Clock } from '../../clock/index.js';
import type { Credential } from '../../docker-config/index.js';
import { RequestRefusedError } from '../../errors/index.js';
import { encodeBase64, encodeUtf8, printable, readJson, redactUrl, USER_AGENT } from '../../internal/index.js';
import type { Challenge } from './challenge.js';
import { readWhole, refuseEncoding, unreadable } from '../response/response.js';
import { masksOf, sendFollowing } from '../policy/redirects.js';
import type { FollowedResponse, Transport, TransportRequest } from '../transport/transport.js';
import { responseError } from '../response/response.js';
import type { ReadAgain } from '../transport/retry.js';
import type { BearerToken } from './token-cache.js';
import { admitRealm, type AdmittedUrl, type RealmPolicy, type RegistryPeer } from '../policy/url-policy.js';

const MAX_REPLY = 128 * 1024;
const MAX_REDIRECTS = 3;
const MIN_LIFETIME_S = 60;
const MAX_LIFETIME_S = 24 * 60 * 60;

/** What a token is fetched with. */
export interface TokenContext {
  readonly transport: Transport;
  readonly readAgain: ReadAgain;
  readonly clock: Clock;
  /** The registry's origin. */
  readonly origin: string;
  /** The registry that redirected to this one, if one did. */
  readonly behalf?: string | undefined;
  readonly credential: Credential | undefined;
  /** Those of the credential, and of the tokens that came of it. */
  readonly secrets: KnownSecrets;
  readonly realmPolicy: RealmPolicy;
}

/** Where a registry has its tokens fetched, admitted by the policy. */
export interface TokenSource {
  readonly registry: RegistryPeer;
  readonly realm: AdmittedUrl;
  readonly service: string | undefined;
}

/**
 * Reads a Bearer challenge.
 *
 * @throws {@link RequestRefusedError} when the realm may not be asked
 */
export function tokenSource(challenge: Challenge, registry: RegistryPeer, policy: RealmPolicy): TokenSource {
  const realm = admitRealm(challenge.parameters.get('realm') ?? '', registry, policy);
  return { registry, realm, service: checkService(challenge.parameters.get('service'), realm, registry) };
}

/**
 * Fetches a token: by GET, with Basic when there is a password, or by OAuth2 POST when there is an identity token. Only
 * the scopes that are needed are asked for, whatever the challenge suggests.
 */
export async function fetchToken(
  context: TokenContext,
  source: TokenSource,
  { scopes, signal }: { readonly scopes: readonly string[]; readonly signal: AbortSignal },
): Promise<BearerToken> {
  const secrets = context.secrets.all;
  const shownUrl = masksOf(secrets).maskUrl(redactUrl(source.realm.url));
  const request = { ...tokenRequest(context.credential, source, scopes), signal, shownUrl };
  const rules = { maxRedirects: MAX_REDIRECTS, sameOriginOnly: true, secrets };
  const exchange = {
    send: () => sendFollowing(context.transport, request, source.registry, rules),
    read: (followed: FollowedResponse) => readToken(context, followed),
  };
  // What was posted may have been taken, though its answer was cut.
  if (request.method !== 'GET') return exchange.read(await exchange.send());
  return context.readAgain(exchange, signal);
}

async function readToken(context: TokenContext, followed: FollowedResponse): Promise<BearerToken> {
  if (followed.response.status !== 200) throw await responseError(followed, context.clock);
  await refuseEncoding(followed);
  const { token, expiresIn } = readReply(await readWhole(followed, MAX_REPLY), followed);
  return { token, lifetimeMs: Math.min(Math.max(expiresIn, MIN_LIFETIME_S), MAX_LIFETIME_S) * 1000 };
}

function checkService(
  service: string | undefined,
  { url }: AdmittedUrl,
  { mask = (text) => text }: RegistryPeer,
): string | undefined {
  if (service === undefined || /^[ -~]*$/.test(service)) return service;
  const shown = printable(mask(redactUrl(url)));
  throw new RequestRefusedError(`Cannot ask token realm ${shown}: the service has a character that is not ASCII`, {
    url: shown,
    rule: 'invalid-service',
  });
}

function tokenRequest(
  credential: Credential | undefined,
  { realm, service }: TokenSource,
  scopes: readonly string[],
): TransportRequest {
  const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': USER_AGENT };
  const refreshToken = credential?.identityToken?.reveal();
  const { allowAddresses } = realm;
  const url = new URL(realm.url);
  if (refreshToken === undefined) {
    setParameters(url.searchParams, service, scopes);
    const authorization = hasPassword(credential)
      ? { authorization: basicAuthorization(credential, redactUrl(url)) }
      : {};
    return { method: 'GET', url: url.href, headers: { ...headers, ...authorization }, allowAddresses };
  }
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'kubepull' });
  setParameters(form, service, [scopes.join(' ')]);
  return {
    method: 'POST',
    url: url.href,
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: encodeUtf8(form.toString()),
    allowAddresses,
  };
}

/** Ours alone: what the realm's own query says about service and scope is overwritten. */
function setParameters(parameters: URLSearchParams, service: string | undefined, scopes: readonly string[]): void {
  if (service !== undefined) parameters.set('service', service);
  parameters.delete('scope');
  for (const scope of scopes) parameters.append('scope', scope);
}

function readReply(
  bytes: Uint8Array,
  { shown }: FollowedResponse,
): { readonly token: string; readonly expiresIn: number } {
  const fields = new Map<string, string | number>();
  const parsed = readJson(bytes);
  if (parsed.ok && parsed.node.kind === 'object') {
    for (const { key, value } of parsed.node.members) {
      if (value.kind === 'string') fields.set(key, value.value);
      if (value.kind === 'number') fields.set(key, Number(value.text));
    }
  }
  const token = fields.get('token') || fields.get('access_token');
  if (typeof token !== 'string' || !isToken(token)) throw unreadable(shown, 'it has no token that can be sent');
  const expiresIn = fields.get('expires_in');
  return { token, expiresIn: typeof expiresIn === 'number' && Number.isFinite(expiresIn) ? expiresIn : MIN_LIFETIME_S };
}

/**
 * The `Authorization` of HTTP Basic, in UTF-8 as RFC 7617 allows.
 *
 * @param shown - what messages call the URL that it is for
 * @throws {@link RequestRefusedError} when the user name has a colon, or either a control character
 */
export function basicAuthorization({ username, password }: Credential, shown: string): string {
  const secret = password.reveal();
  if (username.includes(':')) throw unsendable(shown, 'the user name has a colon');
  if (/[\u0000-\u001f\u007f]/.test(username + secret)) throw unsendable(shown, 'it has a control character');
  return `Basic ${encodeBase64(encodeUtf8(`${username}:${secret}`))}`;
}

/** Kubelet hands entries without user and password on as they are; runtimes take them for anonymous. */
export function hasPassword(credential: Credential | undefined): credential is Credential {
  return credential !== undefined && (credential.username !== '' || credential.password.reveal() !== '');
}

/**
 * The `Authorization` of a bearer token.
 *
 * @param shown - what messages call the URL that it is for
 * @throws {@link RequestRefusedError} when no header can have the token
 */
export function bearerAuthorization(token: string, shown: string): string {
  if (!isToken(token)) throw unsendable(shown, 'the token has a character that no header may have');
  return `Bearer ${token}`;
}

/** Visible ASCII, and no more than 64 KiB: what may stand in a header. */
function isToken(token: string): boolean {
  return token.length > 0 && token.length <= 65_536 && /^[\x21-\x7e]*$/.test(token);
}

/** It comes from a config or a secret, so one bad entry is no reason to give the others up. */
function unsendable(shown: string, reason: string): RequestRefusedError {
  return new RequestRefusedError(`Cannot send the credential to ${shown}: ${reason}`, {
    url: shown,
    rule: 'unsendable-credential',
  });
}

/** Tokens of one session that are remembered. */
const MAX_TOKENS = 8;

/** What a registry and its token server may know of whoever asks, and so may say again. */
export interface KnownSecrets {
  readonly all: readonly string[];
  /** Of many tokens, the last are remembered. */
  add(token: string): void;
}

export function createKnownSecrets(credential: Credential | undefined): KnownSecrets {
  const own = secretsOf(credential);
  const tokens = new Set<string>();
  return {
    get all() {
      return [...own, ...tokens];
    },
    add(token) {
      tokens.add(token);
      const [oldest] = tokens;
      if (tokens.size > MAX_TOKENS && oldest !== undefined) tokens.delete(oldest);
    },
  };
}

/** What a server may get of a credential; a name with the password is how Basic sends it. */
function secretsOf(credential: Credential | undefined): readonly string[] {
  if (credential === undefined) return [];
  const { username, password, identityToken, registryToken } = credential;
  const secret = password.reveal();
  const tokens = [identityToken?.reveal(), registryToken?.reveal()].filter((token) => token !== undefined);
  return [secret, `${username}:${secret}`, ...tokens];
}
