import type { CallOptions } from '../clock/index.js';
import { createCredential, createSecret, type DockerConfigEntry, type Secret } from '../docker-config/index.js';
import { createKeyring, type Keyring, type StaticKeyring } from '../keyring/index.js';
import { type CloudClient, createCloudClient, readFields, secondsField, textField } from './ask.js';
import { type CloudCredential, createCloudKeyring } from './cloud-keyring.js';
import type { CloudOptions, CloudToken, CloudTokenSource } from './types.js';

/**
 * How Azure Container Registry is asked.
 *
 * @public
 */
export interface AcrOptions extends CloudOptions {
  /** An Entra token for `https://containerregistry.azure.net`, of an SDK or of {@link azureManagedIdentity}. */
  readonly entraToken: CloudTokenSource;
  /** @defaultValue none, which the service takes from the token */
  readonly tenant?: string | undefined;
}

/** The user name for a refresh token. */
const NOBODY = '00000000-0000-0000-0000-000000000000';
const HOST = /^[a-z\d-]{5,63}(?:\.[a-z\d-]+)?\.azurecr\.(?:io|cn|de|us)$/;
const KEYS = ['*.azurecr.io', '*.azurecr.cn', '*.azurecr.de', '*.azurecr.us'];
const IDENTITY = 'http://169.254.169.254/metadata/identity/oauth2/token';
const RESOURCE = 'https://containerregistry.azure.net';
/** The service issues refresh tokens for three hours. */
const REFRESH_TOKEN_MS = 3 * 60 * 60 * 1000;

/**
 * Makes the keyring of Azure Container Registry: an Entra token, exchanged at the registry itself for its refresh token.
 *
 * @param options - see {@link AcrOptions}
 * @returns the keyring; a failure is in `sources` of its answer
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a `timeoutMs` that is not a whole number from 1
 * @example
 * ```ts
 * import { azureManagedIdentity, createAcrKeyring } from 'kubepull/cloud';
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const { transport } = createUndiciTransport();
 * const keyring = createAcrKeyring({ transport, entraToken: azureManagedIdentity({ transport }) });
 * ```
 * @see https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
 * @public
 */
export function createAcrKeyring(options: AcrOptions): Keyring {
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
 * How Azure's instance metadata is asked for a token.
 *
 * @public
 */
export interface AzureIdentityOptions extends CloudOptions {
  /**
   * The client id of a user-assigned identity.
   *
   * @defaultValue the one identity of the machine
   */
  readonly clientId?: string | undefined;
}

/**
 * Gives Entra tokens of a machine's managed identity.
 *
 * @param options - see {@link AzureIdentityOptions}
 * @returns a token source for {@link createAcrKeyring}; it rejects with `ERR_CREDENTIAL_PROVIDER`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a `timeoutMs` that is not a whole number from 1
 * @example
 * ```ts
 * import { azureManagedIdentity } from 'kubepull/cloud';
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const entraToken = azureManagedIdentity({ transport: createUndiciTransport().transport });
 * ```
 * @see https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 * @public
 */
export function azureManagedIdentity(options: AzureIdentityOptions): CloudTokenSource {
  const client = createCloudClient(options);
  const url = new URL(IDENTITY);
  url.searchParams.set('api-version', '2018-02-01');
  url.searchParams.set('resource', RESOURCE);
  if (options.clientId !== undefined) url.searchParams.set('client_id', options.clientId);
  return async (call): Promise<CloudToken> => {
    const reply = await client.ask({ method: 'GET', url: url.href, headers: { metadata: 'true' } }, call);
    const fields = readFields(reply);
    const token = createSecret(textField(reply, fields, 'access_token'));
    return { token, lifetimeMs: (secondsField(fields, 'expires_in') ?? 60) * 1000 };
  };
}

/**
 * Makes the keyring of a service principal: its client id and secret are a registry's user name and password.
 *
 * @param clientId - the id of the application
 * @param clientSecret - its secret
 * @returns a keyring for every registry of Azure
 * @example
 * ```ts
 * import { acrServicePrincipal } from 'kubepull/cloud';
 * import { createSecret } from 'kubepull/docker-config';
 *
 * const keyring = acrServicePrincipal('11111111-2222-3333-4444-555555555555', createSecret(clientSecret));
 * ```
 * @see https://learn.microsoft.com/azure/container-registry/container-registry-auth-service-principal
 * @public
 */
export function acrServicePrincipal(clientId: string, clientSecret: Secret): StaticKeyring {
  return createKeyring(KEYS.map((pattern) => entry(pattern, clientId, clientSecret)));
}

/**
 * Makes the keyring of a registry's admin user.
 *
 * @param loginServer - the registry, such as `team.azurecr.io`
 * @param username - the admin user's name, which is the registry's
 * @param password - one of its two passwords
 * @returns a keyring for that registry alone
 * @example
 * ```ts
 * import { acrAdminUser } from 'kubepull/cloud';
 * import { createSecret } from 'kubepull/docker-config';
 *
 * const keyring = acrAdminUser('team.azurecr.io', 'team', createSecret(adminPassword));
 * ```
 * @see https://learn.microsoft.com/azure/container-registry/container-registry-authentication#admin-account
 * @public
 */
export function acrAdminUser(loginServer: string, username: string, password: Secret): StaticKeyring {
  return createKeyring([entry(loginServer, username, password)]);
}

function entry(pattern: string, username: string, password: Secret): DockerConfigEntry {
  const credential = createCredential({ username, password });
  return { pattern, credential, source: { kind: 'cloud', provider: 'acr' } };
}
