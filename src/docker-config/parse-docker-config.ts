import { parseDockerConfig } from './read-docker-config.js';
import type { DockerConfigEntry } from './types.js';
import type { CredentialSource } from '../internal/index.js';

/**
 * Reads the entries of a `config.json`, which is also the content of a `kubernetes.io/dockerconfigjson` secret, as
 * kubelet does.
 *
 * Field names match whatever their case, `auths` objects that occur twice merge, and a non-empty `auth` overrides user
 * name and password. One bad entry spoils the document. Entries stand in the order of the document (Go's is random); of
 * entries with the same key the last counts, at its place.
 *
 * @param json - the document, as text or bytes; at most 4 MiB, 10,000 entries and 64 levels
 * @param source - where it came from, kept with every entry and named in errors
 * @returns the entries
 * @throws {@link InvalidConfigError} with Go's text in `upstream`; nothing of the document is in the message
 * @example
 * ```ts
 * import { parseDockerConfigJson } from 'kubepull/docker-config';
 *
 * const [entry] = parseDockerConfigJson('{"auths":{"r.example":{"auth":"dXNlcjpwYXNz"}}}');
 * entry?.credential.username; // 'user'
 * ```
 * @see DockerConfigJSON in kubernetes pkg/credentialprovider/config.go
 * @public
 */
export function parseDockerConfigJson(
  json: string | Uint8Array,
  source?: CredentialSource,
): readonly DockerConfigEntry[] {
  return parseDockerConfig(json, { source }).entries;
}

/**
 * Reads the entries of a `.dockercfg`, which is also the content of a `kubernetes.io/dockercfg` secret, as kubelet does:
 * like {@link parseDockerConfigJson}, without the level `auths`.
 *
 * A modern document is read too, as one useless entry with the key `auths`.
 *
 * @param json - the document, as text or bytes; at most 4 MiB, 10,000 entries and 64 levels
 * @param source - where it came from, kept with every entry and named in errors
 * @returns the entries
 * @throws {@link InvalidConfigError} with Go's text in `upstream`; nothing of the document is in the message
 * @example
 * ```ts
 * import { parseDockercfg } from 'kubepull/docker-config';
 *
 * const [entry] = parseDockercfg('{"r.example":{"username":"user","password":"pass"}}');
 * entry?.pattern; // 'r.example'
 * ```
 * @see DockerConfig in kubernetes pkg/credentialprovider/config.go
 * @public
 */
export function parseDockercfg(json: string | Uint8Array, source?: CredentialSource): readonly DockerConfigEntry[] {
  return parseDockerConfig(json, { source, format: 'dockercfg' }).entries;
}
