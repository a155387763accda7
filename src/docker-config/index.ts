/**
 * Docker's `config.json` and `.dockercfg`, read as kubelet reads them.
 *
 * @packageDocumentation
 */
export { createSecret, type Secret } from './secret.js';
export { type Credential, type CredentialSource, type DockerConfigEntry } from './types.js';
