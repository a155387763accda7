import type { CallOptions } from '../clock/index.js';
import { createCredential, createSecret, type DockerConfigEntry, type Secret } from '../docker-config/index.js';
import type { TransportRequest } from '../distribution/index.js';
import { ImageError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { createKeyring, type Keyring, type StaticKeyring } from '../keyring/index.js';
import {
  checkCloud,
  envKind,
  type CloudClient,
  createCloudClient,
  readFields,
  secondsField,
  textField,
} from './ask.js';
import { type CloudCredential, createCloudKeyring } from './cloud-keyring.js';
import type { CloudOptions, CloudToken, CloudTokenSource } from './types.js';

/**
 * How Azure Container Registry is asked.
 *
 * @public
 */
export interface AcrOptions extends CloudOptions {
  /** An Entra token for `https://containerregistry.azure.net`, of an SDK or of {@link createAzureManagedIdentity}. */
  readonly entraToken: CloudTokenSource;
  /** The id of the Entra tenant that the token is from. @defaultValue none: the service takes it from the token */
  readonly tenant?: string | undefined;
}

/** The user name for a refresh token. */
const NOBODY = '00000000-0000-0000-0000-000000000000';
const HOST = /^[a-z\d-]{5,63}(?:\.[a-z\d-]+\.geo)?\.azurecr\.(?:io|cn|de|us)$/;
const KEYS = ['io', 'cn', 'de', 'us'].flatMap((tld) => [`*.azurecr.${tld}`, `*.*.geo.azurecr.${tld}`]);
const IDENTITY = 'http://169.254.169.254/metadata/identity/oauth2/token';
const RESOURCE = 'https://containerregistry.azure.net';
/** The service issues refresh tokens for three hours. */
const REFRESH_TOKEN_MS = 3 * 60 * 60 * 1000;

/**
 * Makes the keyring of Azure Container Registry: an Entra token, exchanged at the registry itself for its refresh token.
 * Its hosts are `<name>.azurecr.io`, and `<name>.<region>.geo.azurecr.io` for one replica, also in the other clouds.
 *
 * @param options - see {@link AcrOptions}
 * @returns the keyring; a failure is in `sources` of its answer
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a `timeoutMs` that is not a whole number from 1
 * @example
 * ```ts
 * import { createAzureManagedIdentity, createAcrKeyring } from 'kubepull/cloud';
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const { transport } = createUndiciTransport();
 * const keyring = createAcrKeyring({ transport, entraToken: createAzureManagedIdentity({ transport }) });
 * ```
 * @see https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md, and for the hosts
 * https://learn.microsoft.com/azure/container-registry/container-registry-endpoint-reference
 * @public
 */
export function createAcrKeyring(options: AcrOptions): Keyring {
  checkCloud(options, { entraToken: is.callable, tenant: is.optional(is.text) });
  const client = createCloudClient(options);
  return createCloudKeyring(
    {
      provider: 'acr',
      target: (host) => (HOST.test(host) ? host : undefined),
      key: (host) => host,
      obtain: (host, call) => exchange(client, host, options, call),
    },
    client.clock,
  );
}

/** The token goes to the registry that it is for, and nowhere else: no challenge is followed. */
async function exchange(
  client: CloudClient,
  host: string,
  { entraToken, tenant }: AcrOptions,
  call: CallOptions,
): Promise<CloudCredential> {
  const { token } = await client.call('entraToken', entraToken, call);
  const form = new URLSearchParams({ grant_type: 'access_token', service: host, access_token: token.reveal() });
  if (tenant !== undefined) form.set('tenant', tenant);
  const reply = await client.ask(
    {
      method: 'POST',
      url: `https://${host}/oauth2/exchange`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new TextEncoder().encode(form.toString()),
    },
    call,
  );
  const password = createSecret(textField(reply, readFields(reply), 'refresh_token'));
  return { username: NOBODY, password, lifetimeMs: REFRESH_TOKEN_MS };
}

/**
 * How Azure is asked for a token of the program's own identity.
 *
 * @public
 */
export interface AzureIdentityOptions extends CloudOptions {
  /**
   * The client id of a user-assigned identity.
   *
   * @defaultValue `AZURE_CLIENT_ID` for workload identity, else the one identity of the machine
   */
  readonly clientId?: string | undefined;
  /**
   * The variables of the environment, such as `process.env`. Without them a pod with an identity of its own gets that of
   * the machine.
   *
   * @defaultValue none
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Reads the file that `AZURE_FEDERATED_TOKEN_FILE` names.
   *
   * @defaultValue none, so that the variable is an error
   */
  readonly readFile?: ((path: string) => Promise<string>) | undefined;
}

/**
 * Gives Entra tokens of the program's identity, as the SDKs order them: the workload identity of a pod
 * (`AZURE_FEDERATED_TOKEN_FILE`), that of an App Service or a Container App (`IDENTITY_ENDPOINT` and `IDENTITY_HEADER`), the
 * managed identity of the machine. An Azure Arc machine is refused: give the tokens of `@azure/identity` as `entraToken`.
 *
 * @param options - see {@link AzureIdentityOptions}
 * @returns a token source for {@link createAcrKeyring}; it rejects with `ERR_CREDENTIAL_PROVIDER`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a `timeoutMs` that is not a whole number from 1
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { createAzureManagedIdentity } from 'kubepull/cloud';
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const entraToken = createAzureManagedIdentity({
 *   transport: createUndiciTransport().transport,
 *   env: process.env,
 *   readFile: (path) => readFile(path, 'utf8'),
 * });
 * ```
 * @see https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 * and https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 * @public
 */
export function createAzureManagedIdentity(options: AzureIdentityOptions): CloudTokenSource {
  checkCloud(options, { clientId: is.optional(is.text), env: envKind, readFile: is.optional(is.callable) });
  const client = createCloudClient(options);
  return async (call): Promise<CloudToken> => {
    const reply = await client.ask(await tokenRequest(options), call);
    const fields = readFields(reply);
    const token = createSecret(textField(reply, fields, 'access_token'));
    const until = secondsField(fields, 'expires_on');
    const left = until === undefined ? 60 : until - client.clock.now() / 1000;
    return { token, lifetimeMs: (secondsField(fields, 'expires_in') ?? left) * 1000 };
  };
}

async function tokenRequest(options: AzureIdentityOptions): Promise<TransportRequest> {
  const { env = {}, clientId } = options;
  if (env['AZURE_FEDERATED_TOKEN_FILE']) return workloadRequest(options, env, env['AZURE_FEDERATED_TOKEN_FILE']);
  const endpoint = env['IDENTITY_ENDPOINT'];
  if (endpoint && env['IMDS_ENDPOINT'])
    throw identityError('this is an Azure Arc machine; pass the tokens of @azure/identity as entraToken');
  const secret = env['IDENTITY_HEADER'];
  const isHosted = endpoint !== undefined && secret !== undefined && endpoint !== '';
  if (isHosted && !isOwnEndpoint(endpoint))
    throw identityError('IDENTITY_ENDPOINT must be https, or an address of the host');
  const url = new URL(isHosted ? endpoint : IDENTITY);
  url.searchParams.set('api-version', isHosted ? '2019-08-01' : '2018-02-01');
  url.searchParams.set('resource', RESOURCE);
  if (clientId !== undefined) url.searchParams.set('client_id', clientId);
  return { method: 'GET', url: url.href, headers: isHosted ? { 'x-identity-header': secret } : { metadata: 'true' } };
}

/** A token of Kubernetes for the pod's service account, exchanged for one of Entra. */
async function workloadRequest(
  { clientId, readFile }: AzureIdentityOptions,
  env: Readonly<Record<string, string | undefined>>,
  file: string,
): Promise<TransportRequest> {
  const [tenant, client] = [env['AZURE_TENANT_ID'], clientId ?? env['AZURE_CLIENT_ID']];
  if (!tenant || !/^[\w.-]+$/.test(tenant) || !client)
    throw identityError('AZURE_FEDERATED_TOKEN_FILE needs AZURE_TENANT_ID and AZURE_CLIENT_ID');
  const host = env['AZURE_AUTHORITY_HOST'] || 'https://login.microsoftonline.com/';
  if (!URL.canParse(host) || new URL(host).protocol !== 'https:')
    throw identityError('AZURE_AUTHORITY_HOST must be https');
  const assertion = (await readFile?.(file).catch(() => undefined))?.trim();
  if (!assertion) throw identityError('the file that AZURE_FEDERATED_TOKEN_FILE names cannot be read; pass readFile');
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: client,
    scope: `${RESOURCE}/.default`,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  });
  return {
    method: 'POST',
    url: new URL(`${tenant}/oauth2/v2.0/token`, host).href,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new TextEncoder().encode(form.toString()),
  };
}

/** The secret header goes to https, or over http to addresses that only the host itself has. */
function isOwnEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(?:127|169\.254)(?:\.\d+){2,3}$|^localhost$/.test(hostname))
  );
}

function identityError(reason: string): ImageError<'ERR_CREDENTIAL_PROVIDER'> {
  return new ImageError('ERR_CREDENTIAL_PROVIDER', `Cannot get a token of the identity: ${reason}`);
}

/**
 * Makes the keyring of a service principal: its client id and secret are a registry's user name and password.
 *
 * @param clientId - the id of the application
 * @param clientSecret - its secret
 * @returns a keyring for every registry of Azure
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is not text, or not a secret
 * @example
 * ```ts
 * import { createAcrServicePrincipal } from 'kubepull/cloud';
 * import { createSecret } from 'kubepull/docker-config';
 *
 * const keyring = createAcrServicePrincipal('11111111-2222-3333-4444-555555555555', createSecret(clientSecret));
 * ```
 * @see https://learn.microsoft.com/azure/container-registry/container-registry-auth-service-principal
 * @public
 */
export function createAcrServicePrincipal(clientId: string, clientSecret: Secret): StaticKeyring {
  check('Cannot make a keyring', { clientId, clientSecret }, { clientId: is.text, clientSecret: is.secret });
  return createKeyring(KEYS.map((pattern) => entry(pattern, clientId, clientSecret)));
}

/**
 * Makes the keyring of a registry's admin user.
 *
 * @param loginServer - the registry, such as `team.azurecr.io`
 * @param username - the admin user's name, which is the registry's
 * @param password - one of its two passwords
 * @returns a keyring for that registry alone
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is not text, or not a secret
 * @example
 * ```ts
 * import { createAcrAdminUser } from 'kubepull/cloud';
 * import { createSecret } from 'kubepull/docker-config';
 *
 * const keyring = createAcrAdminUser('team.azurecr.io', 'team', createSecret(adminPassword));
 * ```
 * @see https://learn.microsoft.com/azure/container-registry/container-registry-authentication#admin-account
 * @public
 */
export function createAcrAdminUser(loginServer: string, username: string, password: Secret): StaticKeyring {
  const kinds = { loginServer: is.text, username: is.text, password: is.secret };
  check('Cannot make a keyring', { loginServer, username, password }, kinds);
  return createKeyring([entry(loginServer, username, password)]);
}

function entry(pattern: string, username: string, password: Secret): DockerConfigEntry {
  const credential = createCredential({ username, password });
  return { pattern, credential, source: { kind: 'cloud', provider: 'acr' } };
}
