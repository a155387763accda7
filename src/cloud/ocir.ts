import type { CallOptions } from '../clock/index.js';
import { createCredential, createSecret, type DockerConfigEntry, type Secret } from '../docker-config/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { createKeyring, type Keyring, type StaticKeyring } from '../keyring/index.js';
import { checkCloud, type CloudClient, createCloudClient, readFields, secondsField, textField } from './ask.js';
import { type CloudCredential, createCloudKeyring } from './cloud-keyring.js';
import type { CloudOptions } from './types.js';

/**
 * Signs a request to Oracle's cloud, as its SDKs do for an instance, a resource or a user.
 *
 * @public
 */
export type OciSigner = (
  request: { readonly method: 'GET'; readonly url: string },
  options: CallOptions,
) => Promise<Readonly<Record<string, string>>>;

/**
 * How Oracle's registry is asked.
 *
 * @public
 */
export interface OcirOptions extends CloudOptions {
  /** Gives the headers of a signed request: `date`, `authorization` and what else was signed. */
  readonly sign: OciSigner;
}

/** Domains of the realms; `oraclecloud*.com` would be anybody's. */
const REALMS = [
  'oraclecloud.com',
  'oraclegovcloud.com',
  'oraclegovcloud.uk',
  'oraclecloud.eu',
  ...[8, 9, 10, 14, 15, 20, 21, 23, 24, 26, 29, 35].map((realm) => `oraclecloud${realm}.com`),
];
const SHORT_HOST = /^(?:[a-z]{3}|[a-z]{2}-[a-z\d-]+-\d+)\.ocir\.io$/;
const LONG_HOST = /^ocir\.[a-z]{2}-[a-z\d-]+-\d+\.oci\.(.+)$/;
const TOKEN_PATH = '/20180419/docker/token';
const KEYS = ['*.ocir.io', ...REALMS.map((domain) => `ocir.*.oci.${domain}`)];

/**
 * Makes the keyring of Oracle Cloud Infrastructure Registry for who can sign requests, such as an instance: a token of
 * the registry, for an hour as a rule. Its hosts are `<region key>.ocir.io`, and `ocir.<region>.oci.<domain>` in every
 * realm: commercial, government, and the dedicated ones.
 *
 * @param options - see {@link OcirOptions}
 * @returns the keyring; a failure is in `sources` of its answer
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a `timeoutMs` that is not a whole number from 1
 * @example
 * ```ts
 * import { createOcirKeyring } from 'kubepull/cloud';
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const keyring = createOcirKeyring({
 *   transport: createUndiciTransport().transport,
 *   sign: async ({ method, url }) => signer.headersFor(method, url), // of Oracle's SDK
 * });
 * ```
 * @see https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm, and for the realms `regions_definitions.py` of
 * https://github.com/oracle/oci-python-sdk
 * @public
 */
export function createOcirKeyring(options: OcirOptions): Keyring {
  checkCloud(options, { sign: is.callable });
  const client = createCloudClient(options);
  return createCloudKeyring(
    {
      provider: 'ocir',
      target: (host) => (isOcirHost(host) ? host : undefined),
      key: (host) => host,
      obtain: (host, call) => askToken(client, host, options.sign, call),
    },
    client.clock,
  );
}

function isOcirHost(host: string): boolean {
  return SHORT_HOST.test(host) || REALMS.includes(LONG_HOST.exec(host)?.[1] ?? '');
}

async function askToken(
  client: CloudClient,
  host: string,
  sign: OciSigner,
  call: CallOptions,
): Promise<CloudCredential> {
  const url = `https://${host}${TOKEN_PATH}`;
  const headers = await client.call('sign', async (options) => sign({ method: 'GET', url }, options), call);
  const reply = await client.ask({ method: 'GET', url, headers }, call);
  const fields = readFields(reply);
  const token = textField(reply, fields, 'token');
  const seconds = secondsField(fields, 'expires_in') ?? 60;
  return { username: 'BEARER_TOKEN', password: createSecret(token), lifetimeMs: seconds * 1000 };
}

/**
 * Makes the keyring of a user's auth token, which does not expire.
 *
 * @param username - `<tenancy namespace>/<user>`, or `<tenancy namespace>/<domain>/<user>` for a federated one
 * @param authToken - an auth token of the user; the password of the console will not do
 * @returns a keyring for every region of Oracle's registry
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is not text, or not a secret
 * @example
 * ```ts
 * import { createOcirAuthToken } from 'kubepull/cloud';
 * import { createSecret } from 'kubepull/docker-config';
 *
 * const keyring = createOcirAuthToken('tenancy/jane@example.com', createSecret(authToken));
 * ```
 * @see https://docs.oracle.com/iaas/Content/Registry/Tasks/registrygettingauthtoken.htm
 * @public
 */
export function createOcirAuthToken(username: string, authToken: Secret): StaticKeyring {
  check('Cannot make a keyring', { username, authToken }, { username: is.text, authToken: is.secret });
  const credential = createCredential({ username, password: authToken });
  return createKeyring(
    KEYS.map((pattern): DockerConfigEntry => ({ pattern, credential, source: { kind: 'cloud', provider: 'ocir' } })),
  );
}
