import { createSecret, type DockerConfigEntry, parseDockerConfigJson } from 'kubepull/docker-config';
import type { LookupResult } from 'kubepull/keyring';

export function entry(pattern: string, username: string = pattern): DockerConfigEntry {
  const credential = {
    username,
    password: createSecret('pw'),
    identityToken: undefined,
    registryToken: undefined,
    email: undefined,
  };
  return { pattern, credential, source: { kind: 'inline' } };
}

/** Entries of a document whose credentials are named by the values. */
export function config(auths: Readonly<Record<string, string>>): readonly DockerConfigEntry[] {
  const entries = Object.entries(auths).map(([key, username]) => [key, { username, password: 'pw' }] as const);
  return parseDockerConfigJson(JSON.stringify({ auths: Object.fromEntries(entries) }));
}

export function users({ candidates }: LookupResult): readonly string[] {
  return candidates.map((candidate) => candidate.entry.credential.username);
}
