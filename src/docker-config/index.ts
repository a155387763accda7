/**
 * Docker's `config.json` and `.dockercfg`, read as kubelet reads them.
 *
 * @packageDocumentation
 */
export { type CredentialSource } from '../internal/index.js';
export { decodeAuth, type DecodedAuth, encodeAuth } from './auth-field.js';
export { createCredential, type CredentialInput } from './create-credential.js';
export { formatCredentialSource } from './format-source.js';
export { parseDockercfg, parseDockerConfigJson } from './parse-docker-config.js';
export { parseDockerConfig } from './read-docker-config.js';
export { createSecret, type Secret } from './secret.js';
export {
  type Credential,
  type CredentialHelper,
  type DockerConfig,
  type DockerConfigEntry,
  type IgnoredField,
  type ParseDockerConfigOptions,
  type SkippedEntry,
} from './types.js';
