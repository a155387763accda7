import type { CallOptions } from '../clock/index.js';
import { createCredential, createSecret, type DockerConfigEntry, type Secret } from '../docker-config/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { createKeyring, type Keyring, type StaticKeyring } from '../keyring/index.js';
import { checkCloud, type CloudClient, createCloudClient, readFields, secondsField, textField } from './ask.js';
import { type CloudCredential, createCloudKeyring } from './cloud-keyring.js';
import type { CloudOptions } from './types.js';

/**
 * How IBM Cloud is asked.
 *
 * @public
 */
export interface IbmOptions extends CloudOptions {
  /** The key that is exchanged for tokens. */
  readonly apiKey: Secret;
}

const IAM = 'https://iam.cloud.ibm.com/identity/token';
const HOST = /^(?:(?:private\.)?[a-z]{2}(?:\d)?\.|private\.)?icr\.io$/;
const KEYS = ['icr.io', '*.icr.io', 'private.*.icr.io'];

/**
 * Makes the keyring of IBM Cloud Container Registry that sends tokens of IAM instead of the API key itself.
 *
 * @param options - see {@link IbmOptions}
 * @returns the keyring; a failure is in `sources` of its answer
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a `timeoutMs` that is not a whole number from 1
 * @example
 * ```ts
 * import { createIbmKeyring } from 'kubepull/cloud';
 * import { createSecret } from 'kubepull/docker-config';
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const { transport } = createUndiciTransport();
 * const keyring = createIbmKeyring({ transport, apiKey: createSecret(apiKey) });
 * ```
 * @see https://cloud.ibm.com/docs/account?topic=account-iamtoken_from_apikey
 * @public
 */
export function createIbmKeyring(options: IbmOptions): Keyring {
  checkCloud(options, { apiKey: is.secret });
  const client = createCloudClient(options);
  return createCloudKeyring(
    {
      provider: 'ibm',
      target: (host) => (HOST.test(host) ? host : undefined),
      key: () => IAM,
      obtain: (_, call) => askToken(client, options.apiKey, call),
    },
    client.clock,
  );
}

async function askToken(client: CloudClient, apiKey: Secret, call: CallOptions): Promise<CloudCredential> {
  const form = new URLSearchParams({ grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey: apiKey.reveal() });
  const reply = await client.ask(
    {
      method: 'POST',
      url: IAM,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new TextEncoder().encode(form.toString()),
    },
    call,
  );
  const fields = readFields(reply);
  const token = textField(reply, fields, 'access_token');
  const seconds = secondsField(fields, 'expires_in') ?? 60;
  return { username: 'iambearer', password: createSecret(token), lifetimeMs: seconds * 1000 };
}

/**
 * Makes the keyring of an API key, sent as it is under the name `iamapikey`.
 *
 * @param apiKey - the key of a user or of a service id
 * @returns a keyring for every region of IBM's registry, private hosts included
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is not a secret
 * @example
 * ```ts
 * import { createIbmApiKey } from 'kubepull/cloud';
 * import { createSecret } from 'kubepull/docker-config';
 *
 * const keyring = createIbmApiKey(createSecret(apiKey));
 * ```
 * @see https://cloud.ibm.com/docs/Registry?topic=Registry-registry_access
 * @public
 */
export function createIbmApiKey(apiKey: Secret): StaticKeyring {
  check('Cannot make a keyring', { apiKey }, { apiKey: is.secret });
  const credential = createCredential({ username: 'iamapikey', password: apiKey });
  return createKeyring(
    KEYS.map((pattern): DockerConfigEntry => ({ pattern, credential, source: { kind: 'cloud', provider: 'ibm' } })),
  );
}
