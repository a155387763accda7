import type { CallOptions } from '../clock/index.js';
import { createCredential, createSecret, type DockerConfigEntry, type Secret } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { createKeyring, type Keyring, type StaticKeyring } from '../keyring/index.js';
import {
  checkCloud,
  type CloudClient,
  createCloudClient,
  envKind,
  malformed,
  readFields,
  secondsField,
  textField,
} from './ask.js';
import { type CloudCredential, createCloudKeyring } from './cloud-keyring.js';
import type { CloudOptions, CloudToken, CloudTokenSource } from './types.js';

/**
 * How Google's metadata server is asked.
 *
 * @public
 */
export interface GcrOptions extends CloudOptions {
  /**
   * The service account of the machine.
   *
   * @defaultValue `'default'`
   */
  readonly serviceAccount?: string | undefined;
  /**
   * Gives access tokens in place of the metadata server, such as those of `google-auth-library`, which knows workload
   * identity federation.
   *
   * @defaultValue the metadata server
   */
  readonly accessToken?: CloudTokenSource | undefined;
  /**
   * The variables of the environment, such as `process.env`: `GOOGLE_APPLICATION_CREDENTIALS` without `accessToken` is an
   * error then, because the credentials that it names would not be used.
   *
   * @defaultValue none
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

const METADATA = 'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts';
const HOST = /^(?:(?:[a-z\d-]+\.)?gcr\.io|[a-z\d-]+-docker\.pkg\.dev|container\.cloud\.google\.com)$/;
const KEYS = ['container.cloud.google.com', 'gcr.io', '*.gcr.io', '*.pkg.dev'];

/**
 * Makes the keyring of Google Container Registry and Artifact Registry on a machine of Google's cloud: the access token
 * of its service account, from the metadata server.
 *
 * @param options - see {@link GcrOptions}
 * @returns the keyring; a failure is in `sources` of its answer
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a service account that is no name, and for an environment that names
 * other credentials
 * @example
 * ```ts
 * import { createGcrKeyring } from 'kubepull/cloud';
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const keyring = createGcrKeyring({ transport: createUndiciTransport().transport });
 * ```
 * @see https://cloud.google.com/compute/docs/access/authenticate-workloads
 * @public
 */
export function createGcrKeyring(options: GcrOptions): Keyring {
  checkCloud(options, { serviceAccount: is.optional(is.text), accessToken: is.optional(is.callable), env: envKind });
  const client = createCloudClient(options);
  const { serviceAccount = 'default', accessToken, env = {} } = options;
  if (accessToken === undefined && env['GOOGLE_APPLICATION_CREDENTIALS'])
    throw new ImageError(
      'ERR_OPTION_INVALID',
      'Cannot use the metadata server: GOOGLE_APPLICATION_CREDENTIALS names other credentials; pass accessToken, such as of' +
        ' google-auth-library, or use createGcrServiceAccountKey for a key',
    );
  if (!/^[\w.@-]+$/.test(serviceAccount))
    throw new ImageError(
      'ERR_OPTION_INVALID',
      'Cannot ask for a service account whose name has other characters than letters, digits, ".", "@" and "-"',
    );
  return createCloudKeyring(
    {
      provider: 'gcr',
      target: (host) => (HOST.test(host) ? host : undefined),
      key: () => serviceAccount,
      obtain: (_, call) =>
        accessToken === undefined
          ? askMetadata(client, serviceAccount, call)
          : client.call('accessToken', accessToken, call).then(toCredential),
    },
    client.clock,
  );
}

function toCredential({ token, lifetimeMs }: CloudToken): CloudCredential {
  return { username: '_token', password: token, lifetimeMs };
}

async function askMetadata(client: CloudClient, account: string, call: CallOptions): Promise<CloudCredential> {
  const request = {
    method: 'GET',
    url: `${METADATA}/${account}/token`,
    headers: { 'metadata-flavor': 'Google' },
  } as const;
  const reply = await client.ask(request, call);
  const fields = readFields(reply);
  // Whoever else answers on that name, in a network without metadata server, does not say so.
  if (reply.headers.get('metadata-flavor')?.[0] !== 'Google')
    throw malformed(reply, 'it is not from a metadata server');
  const token = textField(reply, fields, 'access_token');
  const seconds = secondsField(fields, 'expires_in') ?? 60;
  return toCredential({ token: createSecret(token), lifetimeMs: seconds * 1000 });
}

/**
 * Makes the keyring of a service account's key, which is a password that does not expire.
 *
 * @param key - the JSON file of the key, as Google gives it out
 * @returns a keyring for Google's registries
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when it is not a key
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { createGcrServiceAccountKey } from 'kubepull/cloud';
 * import { createSecret } from 'kubepull/docker-config';
 *
 * const keyring = createGcrServiceAccountKey(createSecret(await readFile('key.json', 'utf8')));
 * ```
 * @see https://cloud.google.com/artifact-registry/docs/docker/authentication#json-key
 * @public
 */
export function createGcrServiceAccountKey(key: Secret): StaticKeyring {
  check('Cannot make a keyring', { key }, { key: is.secret });
  if (!isKey(key.reveal()))
    throw new ImageError(
      'ERR_OPTION_INVALID',
      'Cannot use the key of a service account: it is not the JSON that Google gives out',
    );
  const credential = createCredential({ username: '_json_key', password: key });
  return createKeyring(
    KEYS.map((pattern): DockerConfigEntry => ({ pattern, credential, source: { kind: 'cloud', provider: 'gcr' } })),
  );
}

function isKey(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return (
      typeof value === 'object' &&
      value !== null &&
      'type' in value &&
      value.type === 'service_account' &&
      'private_key' in value
    );
  } catch {
    return false;
  }
}
