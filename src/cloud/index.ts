/**
 * The registries of the clouds: a keyring for each, which fetches, keeps and renews its credentials.
 *
 * @packageDocumentation
 */
export {
  acrAdminUser,
  type AcrOptions,
  acrServicePrincipal,
  type AzureIdentityOptions,
  azureManagedIdentity,
  createAcrKeyring,
} from './acr.js';
export {
  type AwsCredentialOptions,
  type AwsCredentials,
  awsCredentials,
  type AwsCredentialSource,
} from './aws-credentials.js';
export { createEcrKeyring, type EcrOptions } from './ecr.js';
export { createGcrKeyring, type GcrOptions, gcrServiceAccountKey } from './gcr.js';
export { createIbmKeyring, ibmApiKey, type IbmOptions } from './ibm.js';
export { createOcirKeyring, ocirAuthToken, type OcirOptions, type OciSigner } from './ocir.js';
export { type CloudOptions, type CloudToken, type CloudTokenSource } from './types.js';
