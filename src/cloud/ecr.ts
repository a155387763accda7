import { AwsV4Signer } from 'aws4fetch';
import type { CallOptions } from '../clock/index.js';
import { createSecret } from '../docker-config/index.js';
import * as is from '../errors/inner.js';
import { decodeBase64, decodeUtf8 } from '../internal/index.js';
import type { Keyring } from '../keyring/index.js';
import {
  checkCloud,
  type CloudClient,
  type CloudReply,
  createCloudClient,
  faultCode,
  malformed,
  readFields,
} from './ask.js';
import type { AwsCredentials, AwsCredentialSource } from './aws-credentials.js';
import { type CloudCredential, createCloudKeyring } from './cloud-keyring.js';
import type { CloudOptions } from './types.js';

/**
 * How Amazon ECR is asked.
 *
 * @public
 */
export interface EcrOptions extends CloudOptions {
  /** What requests are signed with; see {@link createAwsCredentials}. */
  readonly credentials: AwsCredentialSource;
}

const PRIVATE_TARGET = 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken';
const PUBLIC_TARGET = 'SpencerFrontendService.GetAuthorizationToken';
/** AWS takes signatures that are up to five minutes off. */
const MAX_SKEW_MS = 4 * 60_000;
const FALLBACK_LIFETIME_MS = 60_000;
/** No token is good for longer, whatever an answer without a date, read by a clock that is off, looks like. */
const LIFETIME_MS = 12 * 60 * 60 * 1000;

/**
 * Makes the keyring of Amazon ECR: private registries of every partition, also FIPS and dual-stack hosts, and
 * `public.ecr.aws`, also as `ecr-public.aws.com`.
 *
 * It asks `GetAuthorizationToken` of the registry's own account and region. When the service says that our clock is off,
 * it asks once more by the service's clock.
 *
 * @param options - see {@link EcrOptions}
 * @returns the keyring; a failure is in `sources` of its answer
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a `timeoutMs` that is not a whole number from 1
 * @example
 * ```ts
 * import { createEcrKeyring } from 'kubepull/cloud';
 * import { createSecret } from 'kubepull/docker-config';
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const keyring = createEcrKeyring({
 *   transport: createUndiciTransport().transport,
 *   credentials: async () => ({ accessKeyId, secretAccessKey: createSecret(secretKey), sessionToken: undefined }),
 * });
 * ```
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html and, for the hosts,
 * https://docs.aws.amazon.com/general/latest/gr/ecr.html and https://docs.aws.amazon.com/general/latest/gr/ecr-public.html
 * @public
 */
export function createEcrKeyring(options: EcrOptions): Keyring {
  checkCloud(options, { credentials: is.callable });
  const client = createCloudClient(options);
  return createCloudKeyring(
    {
      provider: 'ecr',
      target: parseEcrHost,
      key: ({ api, account }) => `${api} ${account ?? ''}`,
      obtain: (registry, call) => getAuthorizationToken(client, options.credentials, registry, call),
    },
    client.clock,
  );
}

async function getAuthorizationToken(
  client: CloudClient,
  credentials: AwsCredentialSource,
  registry: EcrRegistry,
  call: CallOptions,
): Promise<CloudCredential> {
  const signing = await client.call('credentials', credentials, call);
  const now = client.clock.now();
  let reply = await askSigned(client, signing, registry, now, call);
  const theirs = serverTime(reply);
  if (isSkewed(reply) && theirs !== undefined && Math.abs(theirs - now) > MAX_SKEW_MS)
    reply = await askSigned(client, signing, registry, theirs, call);
  return readToken(reply, registry, serverTime(reply) ?? client.clock.now());
}

async function askSigned(
  client: CloudClient,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  { account, region, service, api }: EcrRegistry,
  time: number,
  call: CallOptions,
): Promise<CloudReply> {
  const body = JSON.stringify(account === undefined ? {} : { registryIds: [account] });
  const signed = await new AwsV4Signer({
    method: 'POST',
    url: api,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': service === 'ecr' ? PRIVATE_TARGET : PUBLIC_TARGET,
    },
    body,
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
    service,
    region,
    datetime: new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, ''),
  }).sign();
  const headers = Object.fromEntries(signed.headers as Iterable<[string, string]>);
  return client.ask({ method: 'POST', url: api, headers, body: new TextEncoder().encode(body) }, call);
}

function isSkewed(reply: CloudReply): boolean {
  const code = reply.status === 200 ? undefined : faultCode(reply);
  return code !== undefined && /Signature|RequestExpired|TimeTooSkewed|NotYetCurrent/i.test(code);
}

/** The clock of the service, by which it counts lifetimes. */
function serverTime({ headers }: CloudReply): number | undefined {
  const time = Date.parse(headers.get('date')?.[0] ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** One object for the public registry, a list of one for private ones. */
function readToken(reply: CloudReply, { service }: EcrRegistry, now: number): CloudCredential {
  const data: unknown = readFields(reply).get('authorizationData');
  const item: unknown = service === 'ecr' && Array.isArray(data) ? data[0] : data;
  const fields = new Map(typeof item === 'object' && item !== null ? Object.entries(item) : []);
  const token = fields.get('authorizationToken');
  const bytes = typeof token === 'string' ? decodeBase64(token, true) : '';
  const text = typeof bytes === 'string' ? '' : decodeUtf8(bytes);
  const colon = text.indexOf(':');
  if (colon < 1) throw malformed(reply, 'it has no authorization token');
  const expires: unknown = fields.get('expiresAt');
  const lifetimeMs = typeof expires === 'number' ? Math.min(expires * 1000 - now, LIFETIME_MS) : FALLBACK_LIFETIME_MS;
  return { username: text.slice(0, colon), password: createSecret(text.slice(colon + 1)), lifetimeMs };
}

/** A private registry of Amazon ECR, or the public one. */
export interface EcrRegistry {
  /** The twelve digits of the account; `undefined` for the public registry. */
  readonly account: string | undefined;
  readonly region: string;
  /** The service that signs for it. */
  readonly service: 'ecr' | 'ecr-public';
  /** Where its API answers. */
  readonly api: string;
}

/** Domains of registries, by partition. */
const DOMAINS = [
  'amazonaws\\.com',
  'amazonaws\\.com\\.cn',
  'amazonaws\\.eu',
  'c2s\\.ic\\.gov',
  'sc2s\\.sgov\\.gov',
  'cloud\\.adc-e\\.uk',
  'csp\\.hci\\.ic\\.gov',
].join('|');
const PRIVATE = new RegExp(`^(\\d{12})\\.dkr\\.ecr(-fips)?\\.([a-z\\d][\\w-]*)\\.(${DOMAINS})$`);
/** The names with both IPv4 and IPv6. */
const DUAL_STACK = /^(\d{12})\.dkr-ecr(-fips)?\.([a-z\d][\w-]*)\.on\.(aws|amazonwebservices\.com\.cn)$/;

/**
 * Reads the host of a registry of ECR. `ecr-public.aws.com` is the public one with both IPv4 and IPv6.
 *
 * @returns `undefined` for the registry of somebody else, also with a port: ECR has none
 * @see https://docs.aws.amazon.com/general/latest/gr/ecr.html for the API's own hosts
 */
export function parseEcrHost(host: string): EcrRegistry | undefined {
  if (host === 'public.ecr.aws' || host === 'ecr-public.aws.com')
    return {
      account: undefined,
      region: 'us-east-1',
      service: 'ecr-public',
      api: 'https://api.ecr-public.us-east-1.amazonaws.com/',
    };
  const plain = PRIVATE.exec(host);
  const [, account, fips, region = '', domain = ''] = plain ?? DUAL_STACK.exec(host) ?? [];
  if (account === undefined) return undefined;
  const name = `ecr${fips ?? ''}`;
  const api =
    plain === null
      ? `https://${name}.${region}.api.${domain}/`
      : `https://${fips === undefined ? `api.${name}` : name}.${region}.${domain}/`;
  return { account, region, service: 'ecr', api };
}
