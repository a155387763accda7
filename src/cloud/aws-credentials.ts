import type { CallOptions } from '../clock/index.js';
import { createSecret, type Secret } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import * as is from '../errors/inner.js';
import {
  checkCloud,
  type CloudReply,
  createCloudClient,
  envKind,
  faultCode,
  malformed,
  readFields,
  refused,
  textField,
  xmlText,
} from './ask.js';
import type { CloudOptions } from './types.js';

/**
 * What requests to AWS are signed with.
 *
 * @public
 */
export interface AwsCredentials {
  /** The id of the access key; no secret. */
  readonly accessKeyId: string;
  /** The secret access key, which requests are signed with. */
  readonly secretAccessKey: Secret;
  /** The session token of temporary credentials; `undefined` for a long-term key. */
  readonly sessionToken: Secret | undefined;
}

/**
 * Gives AWS credentials when a request has to be signed.
 *
 * @public
 */
export type AwsCredentialSource = (options: CallOptions) => Promise<AwsCredentials>;

/**
 * Where AWS credentials are looked for.
 *
 * @public
 */
export interface AwsCredentialOptions extends CloudOptions {
  /**
   * The variables of the environment, such as `process.env`. With `AWS_EC2_METADATA_DISABLED=true` the instance is not
   * asked.
   *
   * @defaultValue none
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Reads the files that `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` name.
   *
   * @defaultValue none, so that the variables are an error
   */
  readonly readFile?: ((path: string) => Promise<string>) | undefined;
}

const CONTAINER = 'http://169.254.170.2';
const INSTANCE = 'http://169.254.169.254/latest';
/** By the beginning of a region, where it is not `amazonaws.com`. */
const STS_DOMAINS = [
  ['cn-', 'amazonaws.com.cn'],
  ['eusc-', 'amazonaws.eu'],
  ['us-iso-', 'c2s.ic.gov'],
  ['us-isob-', 'sc2s.sgov.gov'],
  ['us-isof-', 'csp.hci.ic.gov'],
  ['eu-isoe-', 'cloud.adc-e.uk'],
] as const;
/** An address, as URLs write it; a name may begin like one. */
const LOOPBACK = /^127(?:\.\d+){3}$/;

/**
 * Finds AWS credentials as the SDKs do: in the environment, then by the web identity of a pod (IRSA), then from the
 * container's endpoint, then from the instance's metadata service (version 2 only). Profiles are not read: with
 * `AWS_PROFILE` it fails, instead of taking the role of the node; pass `fromNodeProviderChain()` of
 * `@aws-sdk/credential-providers` then.
 *
 * @param options - see {@link AwsCredentialOptions}
 * @returns a source that asks anew each time; the keyring of ECR asks only when it needs a token
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option of the wrong kind; `ERR_CREDENTIAL_PROVIDER`, by the source,
 * when none of them has credentials
 * @example
 * ```ts
 * import { createAwsCredentials, createEcrKeyring } from 'kubepull/cloud';
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const { transport } = createUndiciTransport();
 * const keyring = createEcrKeyring({ transport, credentials: createAwsCredentials({ transport, env: process.env }) });
 * ```
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html and
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 * @public
 */
export function createAwsCredentials(options: AwsCredentialOptions): AwsCredentialSource {
  checkCloud(options, { env: envKind, readFile: is.optional(is.callable) });
  const { env = {} } = options;
  return async (call) => {
    const own = fromEnvironment(env);
    if (own !== undefined) return own;
    if (env['AWS_PROFILE'])
      throw new ImageError(
        'ERR_CREDENTIAL_PROVIDER',
        'Cannot find AWS credentials: AWS_PROFILE names a profile, and profiles are not read; pass credentials of' +
          ' fromNodeProviderChain of @aws-sdk/credential-providers',
      );
    if (env['AWS_WEB_IDENTITY_TOKEN_FILE']) return fromWebIdentity(options, env, call);
    if (env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] || env['AWS_CONTAINER_CREDENTIALS_FULL_URI'])
      return fromContainer(options, env, call);
    if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() !== 'true') return fromInstance(options, call);
    throw new ImageError(
      'ERR_CREDENTIAL_PROVIDER',
      'Cannot find AWS credentials: the environment has none, and the metadata of the instance is disabled',
    );
  };
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): AwsCredentials | undefined {
  const [id, secret, token] = [env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY'], env['AWS_SESSION_TOKEN']];
  if (!id || !secret) return undefined;
  return {
    accessKeyId: id,
    secretAccessKey: createSecret(secret),
    sessionToken: token ? createSecret(token) : undefined,
  };
}

async function fromContainer(
  options: AwsCredentialOptions,
  env: Readonly<Record<string, string | undefined>>,
  call: CallOptions,
): Promise<AwsCredentials> {
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  // Joined as text, as the SDKs do it: whatever stands there cannot lead to https, and so to another host.
  const url = relative ? `${CONTAINER}${relative}` : (env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '');
  if (!isContainerUrl(url))
    throw new ImageError(
      'ERR_CREDENTIAL_PROVIDER',
      'Cannot ask the container for AWS credentials: its URL must be https, or that of the host itself',
    );
  const file = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const purpose = 'ask the container for AWS credentials: the file of its authorization token';
  const token = file ? await readToken(options, file, purpose) : env['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
  const reply = await createCloudClient(options).ask(
    { method: 'GET', url, headers: token ? { authorization: token } : {} },
    call,
  );
  return readCredentials(reply);
}

async function readToken({ readFile }: AwsCredentialOptions, path: string, purpose: string): Promise<string> {
  const text = await readFile?.(path).catch(() => undefined);
  if (text !== undefined) return text.trim();
  const hint = readFile === undefined ? '; pass readFile' : '';
  throw new ImageError('ERR_CREDENTIAL_PROVIDER', `Cannot ${purpose} cannot be read${hint}`);
}

/** A role for the token of a pod's service account. The request needs no signature, and answers in XML. */
async function fromWebIdentity(
  options: AwsCredentialOptions,
  env: Readonly<Record<string, string | undefined>>,
  call: CallOptions,
): Promise<AwsCredentials> {
  const [role, file] = [env['AWS_ROLE_ARN'], env['AWS_WEB_IDENTITY_TOKEN_FILE'] ?? ''];
  if (!role)
    throw new ImageError(
      'ERR_CREDENTIAL_PROVIDER',
      'Cannot assume a role: AWS_WEB_IDENTITY_TOKEN_FILE needs AWS_ROLE_ARN',
    );
  const url = stsUrl(env['AWS_REGION'] || env['AWS_DEFAULT_REGION']);
  const token = await readToken(options, file, 'assume a role: the file that AWS_WEB_IDENTITY_TOKEN_FILE names');
  const client = createCloudClient(options);
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: env['AWS_ROLE_SESSION_NAME'] || `kubepull-${client.clock.now()}`,
    WebIdentityToken: token,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = new TextEncoder().encode(form.toString());
  const reply = await client.ask({ method: 'POST', url, headers, body }, call);
  if (reply.status !== 200) throw refused(reply);
  const field = (name: string): string => {
    const text = xmlText(reply.text, name);
    if (text === undefined) throw malformed(reply, `it has no ${name}`);
    return text;
  };
  return {
    accessKeyId: field('AccessKeyId'),
    secretAccessKey: createSecret(field('SecretAccessKey')),
    sessionToken: createSecret(field('SessionToken')),
  };
}

/** The token service of a region; the global one answers where none is set. */
function stsUrl(region: string | undefined): string {
  if (!region) return 'https://sts.amazonaws.com/';
  if (!/^[a-z\d-]+$/.test(region))
    throw new ImageError('ERR_CREDENTIAL_PROVIDER', 'Cannot assume a role: AWS_REGION is not a region');
  const [, domain = 'amazonaws.com'] = STS_DOMAINS.find(([prefix]) => region.startsWith(prefix)) ?? [];
  return `https://sts.${region}.${domain}/`;
}

/** A token goes to https, or over http to the addresses that containers are given for this only. */
function isContainerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  const own = ['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]', 'localhost', '[::1]'];
  return protocol === 'https:' || (protocol === 'http:' && (own.includes(hostname) || LOOPBACK.test(hostname)));
}

async function fromInstance(options: AwsCredentialOptions, call: CallOptions): Promise<AwsCredentials> {
  const client = createCloudClient(options);
  const session = await client.ask(
    {
      method: 'PUT',
      url: `${INSTANCE}/api/token`,
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '300' },
      body: new Uint8Array(),
    },
    call,
  );
  if (session.status !== 200) throw refused(session);
  const headers = { 'x-aws-ec2-metadata-token': session.text.trim() };
  if (!/^[\x21-\x7e]+$/.test(headers['x-aws-ec2-metadata-token'])) throw malformed(session, 'it is no token');
  const roles = `${INSTANCE}/meta-data/iam/security-credentials/`;
  const names = await client.ask({ method: 'GET', url: roles, headers }, call);
  if (names.status !== 200) throw refused(names);
  const [role = ''] = names.text.split('\n');
  if (!/^[\w+=,.@-]+$/.test(role.trim())) throw malformed(names, 'it names no role');
  return readCredentials(await client.ask({ method: 'GET', url: roles + role.trim(), headers }, call));
}

/** Both services answer alike. */
function readCredentials(reply: CloudReply): AwsCredentials {
  const fields = readFields(reply);
  // The instance tells of a role that it may not take with status 200.
  if (!fields.has('AccessKeyId') && faultCode(reply) !== undefined) throw refused(reply);
  return {
    accessKeyId: textField(reply, fields, 'AccessKeyId'),
    secretAccessKey: createSecret(textField(reply, fields, 'SecretAccessKey')),
    sessionToken: createSecret(textField(reply, fields, 'Token')),
  };
}
