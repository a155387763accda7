import { type CreateHasher, digestOf } from '../../digest/index.js';
import type { Credential } from '../../docker-config/index.js';
import { encodeUtf8 } from '../../internal/index.js';

/**
 * Tells credentials apart without showing them: equal for the same secrets under one salt, and of no use elsewhere.
 * Nobody is an identity of its own.
 */
export function credentialIdentity(
  credential: Credential | undefined,
  { salt, createHasher }: { readonly salt: string; readonly createHasher: CreateHasher },
): string {
  if (credential === undefined) return 'anonymous';
  const { username, password, identityToken, registryToken } = credential;
  const secrets = [password, identityToken, registryToken].map((secret) => secret?.reveal() ?? null);
  return digestOf(encodeUtf8(JSON.stringify([salt, username, ...secrets])), createHasher);
}
