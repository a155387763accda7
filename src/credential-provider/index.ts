/**
 * Kubelet's credential plugins: their configuration, their protocol, the cache, and the keyring over all of them.
 *
 * @packageDocumentation
 */
export { createCredentialProviderKeyring, type CredentialProviderOptions } from './create-keyring.js';
export {
  type CredentialProviderConfigOptions,
  type CredentialProviderFile,
  mergeCredentialProviderConfigs,
  parseCredentialProviderConfig,
} from './parse-config.js';
export {
  type CredentialProvider,
  type CredentialProviderConfig,
  type CredentialProviderKeyring,
  type ExecPlugin,
  type PluginCall,
  type PluginVariable,
  type PodIdentity,
  type ServiceAccountAccess,
  type ServiceAccountTokenRequest,
  type TokenAttributes,
} from './types.js';
