import { createSign, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Certificate, createCertificate } from './certificate.ts';
import { serve } from './servers.ts';

export const ISSUER = 'kubepull-test-issuer';
export const SERVICE = 'kubepull-test-registry';

/** A token server of Docker's kind: it signs what a registry with its certificate believes. */
export interface TokenServer {
  /** The realm: where tokens are to be had. */
  readonly realm: string;
  readonly port: number;
  /** What a registry has to trust, in PEM. */
  readonly certificate: string;
  /** The query of each request so far, with the user to whom it gave a token. */
  readonly requests: readonly { readonly query: URLSearchParams; readonly account: string | undefined }[];
}

export interface TokenServerOptions {
  readonly username: string;
  readonly password: string;
  /** @defaultValue 60 */
  readonly lifetimeSeconds?: number;
}

/** Starts a token server that lets one account pull and push everything; it ends with the test. */
export async function startTokenServer(account: TokenServerOptions): Promise<TokenServer> {
  const signer = createCertificate([], 'rsa');
  const requests: { query: URLSearchParams; account: string | undefined }[] = [];
  const { origin, port } = await serve((request, response) => {
    const query = new URL(request.url ?? '/', 'http://any').searchParams;
    const known = isAccount(request, account);
    requests.push({ query, account: known ? account.username : undefined });
    if (known) sendToken(response, signToken(signer, account, query), account);
    else response.writeHead(401, { 'www-authenticate': `Basic realm="${ISSUER}"` }).end();
  });
  return { realm: `${origin}/token`, port, certificate: signer.cert, requests };
}

function isAccount(request: IncomingMessage, { username, password }: TokenServerOptions): boolean {
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return request.headers.authorization === expected;
}

function sendToken(response: ServerResponse, token: string, { lifetimeSeconds = 60 }: TokenServerOptions): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ token, expires_in: lifetimeSeconds, issued_at: new Date().toISOString() }));
}

/** A JSON Web Token by RS256, with the certificate of its key. */
function signToken(
  { key, cert }: Certificate,
  { username, lifetimeSeconds = 60 }: TokenServerOptions,
  query: URLSearchParams,
): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'RS256', x5c: [cert.replaceAll(/-----.*-----|\n/g, '')] };
  const claims = {
    iss: ISSUER,
    sub: username,
    aud: query.get('service') ?? '',
    iat: now,
    // Clocks of one machine agree, but whole seconds do not.
    nbf: now - 5,
    exp: now + lifetimeSeconds,
    jti: randomUUID(),
    access: query.getAll('scope').flatMap(toAccess),
  };
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createSign('sha256').update(text).sign(key, 'base64url')}`;
}

function toAccess(scope: string): readonly object[] {
  const [, type, name, actions] = /^(\w+):(.+):([\w,*]+)$/.exec(scope) ?? [];
  return type === undefined ? [] : [{ type, name, actions: actions?.split(',') }];
}
