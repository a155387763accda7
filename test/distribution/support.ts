import { createRegistrySession, type RegistrySessionOptions, type TransportRequest } from 'kubepull/distribution';
import { type Credential, createSecret } from 'kubepull/docker-config';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { parseReference } from 'kubepull/reference';
import { createFakeClock } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import type { MemoryTransport, Reply } from '../support/memory-transport.ts';

export const ORIGIN = 'https://r.example';
export const REALM = 'https://auth.r.example/token';
export const ref = parseReference('r.example/team/app:1');
export const manifest = new TextEncoder().encode('{"schemaVersion":2}');
export const mediaType = 'application/vnd.oci.image.manifest.v1+json';
export const digest = computeDigest(manifest, nodeHasher);
export const blob = { mediaType: 'application/octet-stream', digest, size: manifest.length };

export const credential = (fields: Partial<Credential> = {}): Credential => ({
  username: 'u',
  password: createSecret(canary('password')),
  identityToken: undefined,
  registryToken: undefined,
  email: undefined,
  ...fields,
});

export const found: Reply = { headers: { 'content-type': mediaType }, body: manifest };
export const basicChallenge: Reply = { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
/** A challenge that asks for more than the client needs. */
export const bearerChallenge = (realm = REALM): Reply => ({
  status: 401,
  headers: {
    'www-authenticate': `Bearer realm="${realm}",service="s",scope="repository:other:pull,push registry:catalog:*"`,
  },
});
export const tokenReply = (token: string, more: object = {}): Reply => ({ body: JSON.stringify({ token, ...more }) });

export const isRealm = ({ url }: TransportRequest): boolean => url.startsWith(REALM);
export const authorization = ({ headers }: TransportRequest): string | undefined => headers['authorization'];

/** A session with servers in memory; its pauses take no time. */
export function connect(server: MemoryTransport, options: Partial<RegistrySessionOptions> = {}) {
  const clock = createFakeClock();
  const session = createRegistrySession({
    transport: server.transport,
    origin: ORIGIN,
    createHasher: nodeHasher,
    clock: { ...clock, sleep: async () => undefined },
    random: () => 0,
    ...options,
  });
  return { session, clock };
}
