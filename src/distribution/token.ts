import type { Clock } from '../clock/index.js';
import type { Credential } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { encodeUtf8, readJson, redactUrl } from '../internal/index.js';
import { basicAuthorization, isToken } from './authorization.js';
import type { Challenge } from './challenge.js';
import { readDocument } from './read-body.js';
import { sendFollowing } from './redirects.js';
import { responseError } from './response-error.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';
import { admitRealm, type AdmittedUrl, type RegistryPeer } from './url-policy.js';

const MAX_REPLY = 128 * 1024;
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
  /** What no message may repeat; grows with every token. */
  readonly secrets: Set<string>;
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
  const admitted = admitRealm(challenge.parameters.get('realm') ?? '', registry);
  const service = challenge.parameters.get('service');
  const request = { ...tokenRequest(context.credential, admitted, service, scope), signal };
  const asked = context.clock.monotonic();
  const { response, url } = await sendToRealm(context.transport, request, registry, admitted);
  if (response.status !== 200) throw await responseError(request.method, url, response, context);
  const reply = readReply(await readDocument(response, MAX_REPLY, url), url);
  const lifetime = Math.min(Math.max(reply.expiresIn, MIN_LIFETIME_S), MAX_LIFETIME_S);
  return { token: reply.token, usableUntil: asked + lifetime * 900 };
}

function tokenRequest(
  credential: Credential | undefined,
  { url, allowAddresses }: AdmittedUrl,
  service: string | undefined,
  scope: string,
): TransportRequest {
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' };
  const refreshToken = credential?.identityToken?.reveal();
  if (refreshToken !== undefined) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: 'kubepull',
      scope,
    });
    if (service !== undefined) form.set('service', service);
    return {
      method: 'POST',
      url: url.href,
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: encodeUtf8(form.toString()),
      allowAddresses,
    };
  }
  const target = new URL(url);
  if (service !== undefined) target.searchParams.set('service', service);
  target.searchParams.set('scope', scope);
  const authorization = hasPassword(credential) ? { authorization: basicAuthorization(credential) } : {};
  return { method: 'GET', url: target.href, headers: { ...headers, ...authorization }, allowAddresses };
}

/** Kubelet hands entries without user and password on as they are; runtimes take them for anonymous. */
export function hasPassword(credential: Credential | undefined): credential is Credential {
  return credential !== undefined && (credential.username !== '' || credential.password.reveal() !== '');
}

async function sendToRealm(
  transport: Transport,
  request: TransportRequest,
  registry: RegistryPeer,
  { url }: AdmittedUrl,
): Promise<{ readonly response: TransportResponse; readonly url: string }> {
  if (request.method === 'POST') return { response: await transport(request), url: request.url };
  // The token server stands on its own: it may redirect within its own origin only.
  const realm = { origin: url.origin, address: registry.address };
  return sendFollowing(transport, request, realm, { maxRedirects: 3, sameOriginOnly: true });
}

function readReply(bytes: Uint8Array, url: string): { readonly token: string; readonly expiresIn: number } {
  const fields = new Map<string, string | number>();
  const parsed = readJson(bytes);
  if (parsed.ok && parsed.node.kind === 'object') {
    for (const { key, value } of parsed.node.members) {
      if (value.kind === 'string') fields.set(key, value.value);
      if (value.kind === 'number') fields.set(key, Number(value.text));
    }
  }
  const token = fields.get('token') ?? fields.get('access_token');
  if (typeof token !== 'string' || !isToken(token)) {
    throw new ImageError(
      'ERR_REGISTRY_DOCUMENT',
      `Cannot read the token of ${redactUrl(url)}: the reply has none that can be used`,
    );
  }
  const expiresIn = fields.get('expires_in');
  return { token, expiresIn: typeof expiresIn === 'number' && Number.isFinite(expiresIn) ? expiresIn : MIN_LIFETIME_S };
}
