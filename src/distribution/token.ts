import type { Clock } from '../clock/index.js';
import type { Credential } from '../docker-config/index.js';
import { RequestRefusedError } from '../errors/index.js';
import { encodeUtf8, printable, readJson, redactUrl } from '../internal/index.js';
import { basicAuthorization, hasPassword, isToken } from './authorization.js';
import type { Challenge } from './challenge.js';
import { readDocument, refuseEncoding, unreadable } from './read-body.js';
import { type FollowedResponse, sendFollowing, shownUrl } from './redirects.js';
import { responseError } from './response-error.js';
import type { Transport, TransportRequest } from './transport.js';
import { admitRealm, type AdmittedUrl, type RealmPolicy, type RegistryPeer } from './url-policy.js';

const MAX_REPLY = 128 * 1024;
const MAX_REDIRECTS = 3;
const MIN_LIFETIME_S = 60;
const MAX_LIFETIME_S = 24 * 60 * 60;

/** A bearer token, and until when (on the monotonic clock) it is used. */
export interface BearerToken {
  readonly token: string;
  readonly usableUntil: number;
}

/** What a token is fetched with. */
export interface TokenContext {
  readonly transport: Transport;
  readonly clock: Clock;
  /** The registry's origin. */
  readonly origin: string;
  readonly credential: Credential | undefined;
  readonly realmPolicy: RealmPolicy;
}

/** What a token is for. */
export interface TokenRequest {
  /** Such as `repository:team/app:pull`. */
  readonly scope: string;
  /** Where the registry that asks for the token was reached. */
  readonly address: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Fetches a token from the realm of a challenge: by GET, with Basic when there is a password, or by OAuth2 POST when
 * there is an identity token. Only the scope that is needed is asked for, whatever the challenge suggests.
 */
export async function fetchToken(
  context: TokenContext,
  challenge: Challenge,
  { scope, address, signal }: TokenRequest,
): Promise<BearerToken> {
  const registry = { origin: context.origin, address };
  const admitted = admitRealm(challenge.parameters.get('realm') ?? '', registry, context.realmPolicy);
  const service = checkService(challenge.parameters.get('service'), admitted);
  const request = { ...tokenRequest(context.credential, admitted, service, scope), signal };
  const asked = context.clock.monotonic();
  const followed = await sendToRealm(context.transport, request, registry);
  if (followed.response.status !== 200) throw await responseError(followed, context);
  await refuseEncoding(followed);
  const { token, expiresIn } = readReply(await readDocument(followed, MAX_REPLY), followed);
  const lifetime = Math.min(Math.max(expiresIn, MIN_LIFETIME_S), MAX_LIFETIME_S);
  // A tenth early, so that no token runs out on its way; and in milliseconds.
  return { token, usableUntil: asked + lifetime * 900 };
}

function checkService(service: string | undefined, { url }: AdmittedUrl): string | undefined {
  if (service === undefined || /^[ -~]*$/.test(service)) return service;
  const shown = printable(redactUrl(url));
  throw new RequestRefusedError(`Cannot ask token realm ${shown}: the service has a character that is not ASCII`, {
    url: shown,
    rule: 'invalid-service',
  });
}

function tokenRequest(
  credential: Credential | undefined,
  admitted: AdmittedUrl,
  service: string | undefined,
  scope: string,
): TransportRequest {
  const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'kubepull' };
  const parameters = { ...(service === undefined ? {} : { service }), scope };
  const refreshToken = credential?.identityToken?.reveal();
  const { allowAddresses } = admitted;
  const url = new URL(admitted.url);
  if (refreshToken === undefined) {
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const authorization = hasPassword(credential)
      ? { authorization: basicAuthorization(credential, redactUrl(url)) }
      : {};
    return { method: 'GET', url: url.href, headers: { ...headers, ...authorization }, allowAddresses };
  }
  const grant = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'kubepull' };
  return {
    method: 'POST',
    url: url.href,
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: encodeUtf8(new URLSearchParams({ ...grant, ...parameters }).toString()),
    allowAddresses,
  };
}

/** The token server stands on its own: it may redirect within its own origin only, and a refresh token not at all. */
async function sendToRealm(
  transport: Transport,
  request: TransportRequest,
  registry: RegistryPeer,
): Promise<FollowedResponse> {
  if (request.method !== 'POST')
    return sendFollowing(transport, request, registry, { maxRedirects: MAX_REDIRECTS, sameOriginOnly: true });
  return { response: await transport(request), request, shown: shownUrl(request), foreign: false };
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
