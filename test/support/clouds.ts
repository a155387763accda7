// Emulators of the clouds' token services. Each checks what the real service checks, from its documented wire format.
import { createPublicKey, createSign, createVerify, generateKeyPairSync, randomBytes } from 'node:crypto';
import aws4 from 'aws4';
import {
  type CloudOptions,
  createAcrKeyring,
  createEcrKeyring,
  createGcrKeyring,
  createIbmKeyring,
  createOcirKeyring,
  type OciSigner,
} from 'kubepull/cloud';
import type { Clock } from 'kubepull/clock';
import type { Transport, TransportRequest } from 'kubepull/distribution';
import { createSecret } from 'kubepull/docker-config';
import type { Keyring } from 'kubepull/keyring';
import { canary } from './canary.ts';
import { createMemoryTransport, type Reply } from './memory-transport.ts';

/** How the service behaves from now on. `throttled` turns two requests away, then serves. */
export type CloudMood = 'well' | 'refuses' | 'throttled' | 'talks nonsense' | 'is silent' | 'falls over';

export interface CloudUnderTest {
  readonly name: string;
  readonly image: string;
  readonly username: string;
  readonly keyring: Keyring;
  /** Passwords that were given out, newest last. */
  readonly issued: readonly string[];
  readonly requests: readonly TransportRequest[];
  readonly lifetimeMs: number;
  mood: CloudMood;
}

interface Service {
  readonly name: string;
  readonly image: string;
  readonly username: string;
  readonly lifetimeMs: number;
  /** What the service says to a request that it takes, with a new password; or why it does not. */
  serve(request: TransportRequest, password: string): Reply;
  readonly refusal: Reply;
  readonly throttle: Reply;
  /** What the examples of the guides call the secrets of this service. */
  readonly ambient: Readonly<Record<string, unknown>>;
  keyring(options: CloudOptions): Keyring;
}

const HOUR = 60 * 60 * 1000;
const SKEW = 5 * 60 * 1000;
const json = (status: number, value: unknown, headers: Reply['headers'] = {}): Reply => ({
  status,
  headers,
  body: JSON.stringify(value),
});
const BUSY: Reply = { status: 429, headers: { 'retry-after': '1' }, body: '' };
const form = ({ body }: TransportRequest): URLSearchParams =>
  new URLSearchParams(body instanceof Uint8Array ? new TextDecoder().decode(body) : '');

/** Starts every cloud; each with credentials of its own. */
export function startClouds(clock: Clock): readonly CloudUnderTest[] {
  return [ecr(clock), gcr(), acr(), ocir(clock), ibm()].map((service) => start(service, clock));
}

export function startEcr(
  clock: Clock,
  options: { readonly service?: Clock; readonly image?: string } = {},
): CloudUnderTest {
  return start(ecr(options.service ?? clock, options.image), clock);
}

/** All clouds behind one transport, as a program meets them, and the secrets that they take. */
export function startInternet(clock: Clock): {
  readonly transport: Transport;
  readonly ambient: Readonly<Record<string, unknown>>;
} {
  const entra = canary('bearer-token');
  const all = [ecr(clock), ecr(clock, 'public.ecr.aws/x'), gcr(), acr(entra), ocir(clock), ibm()];
  const [aws, publicAws] = all;
  const services: readonly (readonly [RegExp, Service | undefined])[] = [
    [/^https:\/\/api\.ecr\./, aws],
    [/^https:\/\/api\.ecr-public\./, publicAws],
    [/^http:\/\/metadata\.google\.internal\//, all[2]],
    [/azurecr/, all[3]],
    [/ocir/, all[4]],
    [/iam\.cloud\.ibm/, all[5]],
  ];
  const { transport } = createMemoryTransport((request) => {
    if (request.url.startsWith('http://169.254.169.254/metadata/identity/'))
      return json(200, { access_token: entra, expires_in: '3599' });
    const service = services.find(([pattern]) => pattern.test(request.url))?.[1];
    return service?.serve(request, canary('password')) ?? { status: 404 };
  });
  return { transport, ambient: Object.assign({}, ...all.map(({ ambient }) => ambient)) as Record<string, unknown> };
}

function start(service: Service, clock: Clock): CloudUnderTest {
  const issued: string[] = [];
  let busy = 2;
  const cloud = { mood: 'well' as CloudMood };
  const answer = (request: TransportRequest): Reply | Promise<Reply> => {
    if (cloud.mood === 'is silent') return silence(request);
    if (cloud.mood === 'refuses') return service.refusal;
    if (cloud.mood === 'falls over') return { status: 503, body: '' };
    if (cloud.mood === 'talks nonsense') return { status: 200, body: `<html>${canary('plugin-output')}` };
    if (cloud.mood === 'throttled' && busy > 0) {
      busy -= 1;
      return service.throttle;
    }
    const password = canary('password');
    const reply = service.serve(request, password);
    if ((reply.status ?? 200) === 200) issued.push(password);
    return reply;
  };
  const { transport, requests } = createMemoryTransport(answer);
  const keyring = service.keyring({ transport, clock, random: () => 0.5 });
  const { name, image, username, lifetimeMs } = service;
  return Object.assign(cloud, { name, image, username, lifetimeMs, keyring, issued, requests });
}

function silence({ signal }: TransportRequest): Promise<Reply> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html */
const AWS_KEYS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: randomBytes(20).toString('hex'),
  sessionToken: randomBytes(20).toString('hex'),
};

function ecr(clock: Clock, image = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app'): Service {
  const keys = AWS_KEYS;
  const isPublic = image.startsWith('public.');
  const account = isPublic ? undefined : image.slice(0, 12);
  return {
    name: 'ecr',
    image,
    username: 'AWS',
    lifetimeMs: 12 * HOUR,
    refusal: json(400, { __type: 'com.amazon.coral.service#AccessDeniedException', message: canary('plugin-output') }),
    throttle: json(400, { __type: 'ThrottlingException', message: 'Rate exceeded' }),
    ambient: { provider: async () => keys },
    serve(request, password) {
      const date = { date: new Date(clock.now()).toUTCString() };
      const fault = awsFault(request, keys, clock, isPublic);
      if (fault !== undefined) return json(403, { __type: fault }, date);
      const body = JSON.parse(new TextDecoder().decode(request.body as Uint8Array)) as { registryIds?: string[] };
      if (body.registryIds?.[0] !== account) return json(400, { __type: 'InvalidParameterException' }, date);
      const data = {
        authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
        expiresAt: Math.floor((clock.now() + 12 * HOUR) / 1000) + 1,
      };
      return json(200, { authorizationData: isPublic ? data : [data] }, date);
    },
    keyring: (options) =>
      createEcrKeyring({
        ...options,
        credentials: async () => ({
          accessKeyId: keys.accessKeyId,
          secretAccessKey: createSecret(keys.secretAccessKey),
          sessionToken: createSecret(keys.sessionToken),
        }),
      }),
  };
}

/** Signs the same request with another signer, and compares. */
function awsFault(
  { url, method, headers, body }: TransportRequest,
  keys: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string },
  clock: Clock,
  isPublic: boolean,
): string | undefined {
  const { host, pathname } = new URL(url);
  const date = headers['x-amz-date'] ?? '';
  const time = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Math.abs(time - clock.now()) > SKEW) return 'InvalidSignatureException';
  const target = isPublic
    ? 'SpencerFrontendService.GetAuthorizationToken'
    : 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken';
  if (headers['x-amz-target'] !== target || headers['content-type'] !== 'application/x-amz-json-1.1')
    return 'UnknownOperationException';
  const [, signedHeaders = ''] = /SignedHeaders=([^,]+)/.exec(headers['authorization'] ?? '') ?? [];
  const chosen = Object.fromEntries(
    signedHeaders
      .split(';')
      .filter((name) => name !== 'host')
      .map((name) => [name, headers[name] ?? '']),
  );
  const region = isPublic ? 'us-east-1' : (/(?:ecr|ecr-fips)\.([\w-]+)\./.exec(host)?.[1] ?? '');
  const signed = aws4.sign(
    {
      host,
      path: pathname,
      method,
      service: isPublic ? 'ecr-public' : 'ecr',
      region,
      body: Buffer.from(body as Uint8Array),
      headers: { ...chosen, Host: host },
      extraHeadersToIgnore: { 'content-length': true, 'content-type': true },
    } as aws4.Request,
    { ...keys },
  );
  const signature = (text: unknown): string | undefined => /Signature=([0-9a-f]{64})/.exec(String(text))?.[1];
  const ours = signature(headers['authorization']);
  return ours !== undefined && ours === signature(signed.headers?.['Authorization'])
    ? undefined
    : 'InvalidSignatureException';
}

/** @see https://cloud.google.com/compute/docs/metadata/querying-metadata */
function gcr(): Service {
  return {
    name: 'gcr',
    image: 'europe-docker.pkg.dev/project/repo/app',
    username: '_token',
    lifetimeMs: HOUR,
    refusal: { status: 404, body: '' },
    throttle: BUSY,
    ambient: { serviceAccountKey: JSON.stringify({ type: 'service_account', private_key: canary('private-key') }) },
    serve({ url, headers }, password) {
      const wanted = 'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token';
      if (url !== wanted || headers['metadata-flavor'] !== 'Google') return { status: 403, body: 'Missing header' };
      return json(
        200,
        { access_token: password, expires_in: HOUR / 1000, token_type: 'Bearer' },
        { 'metadata-flavor': 'Google' },
      );
    },
    keyring: createGcrKeyring,
  };
}

/** @see https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md */
function acr(entra = canary('bearer-token')): Service {
  return {
    name: 'acr',
    image: 'contoso.azurecr.io/app',
    username: '00000000-0000-0000-0000-000000000000',
    lifetimeMs: 3 * HOUR,
    refusal: json(401, { errors: [{ code: 'UNAUTHORIZED', message: canary('plugin-output') }] }),
    throttle: BUSY,
    ambient: {
      azure: { getToken: async () => ({ token: entra, expiresOnTimestamp: Date.now() + HOUR }) },
      clientSecret: canary('password'),
      adminPassword: canary('password'),
    },
    serve(request, password) {
      const fields = form(request);
      const isRight =
        request.method === 'POST' &&
        request.url === 'https://contoso.azurecr.io/oauth2/exchange' &&
        request.headers['content-type'] === 'application/x-www-form-urlencoded' &&
        fields.get('grant_type') === 'access_token' &&
        fields.get('service') === 'contoso.azurecr.io' &&
        fields.get('access_token') === entra;
      return isRight ? json(200, { refresh_token: password }) : json(400, { errors: [{ code: 'BAD_REQUEST' }] });
    },
    keyring: (options) =>
      createAcrKeyring({ ...options, entraToken: async () => ({ token: createSecret(entra), lifetimeMs: HOUR }) }),
  };
}

let rsaKeys: ReturnType<typeof newRsaKeys> | undefined;

/** One pair for all tests of a process: it takes a quarter of a second to make. */
function newRsaKeys() {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

/** @see https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm */
function ocir(clock: Clock): Service {
  const { privateKey, publicKey } = (rsaKeys ??= newRsaKeys());
  const keyId = 'tenancy/user/fingerprint';
  const text = (url: URL, date: string): string =>
    `date: ${date}\n(request-target): get ${url.pathname}\nhost: ${url.host}`;
  const sign: OciSigner = async ({ url }) => {
    const date = new Date(clock.now()).toUTCString();
    const signature = createSign('RSA-SHA256')
      .update(text(new URL(url), date))
      .sign(privateKey, 'base64');
    return {
      date,
      authorization: `Signature version="1",keyId="${keyId}",algorithm="rsa-sha256",headers="date (request-target) host",signature="${signature}"`,
    };
  };
  return {
    name: 'ocir',
    image: 'fra.ocir.io/tenancy/app',
    username: 'BEARER_TOKEN',
    lifetimeMs: HOUR,
    refusal: json(401, { code: 'NotAuthenticated', message: canary('plugin-output') }),
    throttle: BUSY,
    ambient: {
      signer: { headersFor: async (_: string, url: string) => sign({ method: 'GET', url }, {}) },
      authToken: canary('password'),
    },
    serve({ url, headers }, password) {
      const [, signature = ''] = /signature="([^"]+)"/.exec(headers['authorization'] ?? '') ?? [];
      const date = headers['date'] ?? '';
      const verified = createVerify('RSA-SHA256')
        .update(text(new URL(url), date))
        .verify(createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })), signature, 'base64');
      const isRight =
        verified &&
        url === 'https://fra.ocir.io/20180419/docker/token' &&
        Math.abs(Date.parse(date) - clock.now()) <= SKEW;
      return isRight
        ? json(200, { token: password, expires_in: HOUR / 1000 })
        : json(401, { code: 'NotAuthenticated' });
    },
    keyring: (options) => createOcirKeyring({ ...options, sign }),
  };
}

/** @see https://cloud.ibm.com/apidocs/iam-identity-token-api */
function ibm(): Service {
  const apiKey = canary('private-key');
  return {
    name: 'ibm',
    image: 'de.icr.io/namespace/app',
    username: 'iambearer',
    lifetimeMs: HOUR,
    refusal: json(400, { errorCode: 'BXNIM0415E', errorMessage: canary('plugin-output') }),
    throttle: BUSY,
    ambient: { apiKey },
    serve(request, password) {
      const fields = form(request);
      const isRight =
        request.method === 'POST' &&
        request.url === 'https://iam.cloud.ibm.com/identity/token' &&
        fields.get('grant_type') === 'urn:ibm:params:oauth:grant-type:apikey' &&
        fields.get('apikey') === apiKey;
      return isRight
        ? json(200, {
            access_token: password,
            refresh_token: 'not_supported',
            token_type: 'Bearer',
            expires_in: HOUR / 1000,
          })
        : json(400, { errorCode: 'BXNIM0415E' });
    },
    keyring: (options) => createIbmKeyring({ ...options, apiKey: createSecret(apiKey) }),
  };
}
