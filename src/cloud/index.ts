/**
 * The registries of the clouds: a keyring for each, which fetches, keeps and renews its credentials.
 *
 * @packageDocumentation
 */
export {
  createAcrAdminUser,
  type AcrOptions,
  createAcrServicePrincipal,
  type AzureIdentityOptions,
  createAzureManagedIdentity,
  createAcrKeyring,
} from './acr.js';
export {
  type AwsCredentialOptions,
  type AwsCredentials,
  createAwsCredentials,
  type AwsCredentialSource,
} from './aws-credentials.js';
export { createEcrKeyring, type EcrOptions } from './ecr.js';
export { createGcrKeyring, type GcrOptions, createGcrServiceAccountKey } from './gcr.js';
export { createIbmKeyring, createIbmApiKey, type IbmOptions } from './ibm.js';
export { createOcirKeyring, createOcirAuthToken, type OcirOptions, type OciSigner } from './ocir.js';
export { type CloudOptions, type CloudToken, type CloudTokenSource } from './types.js';
