import {
  createAwsCredentials,
  createAzureManagedIdentity,
  createAcrKeyring,
  createEcrKeyring,
  createGcrKeyring,
  createOcirKeyring,
  createOcirAuthToken,
  createAcrServicePrincipal,
} from 'kubepull/cloud';
import type { TransportRequest } from 'kubepull/distribution';
import { createSecret } from 'kubepull/docker-config';
import { createFakeClock } from 'kubepull/testing';
import { describe, expect, it } from 'vitest';
import { canary } from '../support/canary.ts';
import { imageNamed } from '../support/image-name.ts';
import { createMemoryTransport, type Reply } from '../support/memory-transport.ts';

const form = ({ body }: TransportRequest): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(body instanceof Uint8Array ? new TextDecoder().decode(body) : ''));
const refusal = (message: RegExp | string): Error =>
  expect.objectContaining({
    code: 'ERR_CREDENTIAL_PROVIDER',
    message: expect.stringMatching(message) as string,
  }) as Error;

describe('the web identity of a pod on AWS', () => {
  const env = {
    AWS_WEB_IDENTITY_TOKEN_FILE: '/token',
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/pod',
    AWS_REGION: 'eu-west-1',
  };
  const xml = (secret: string, session: string): string =>
    `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA</AccessKeyId>
     <SecretAccessKey>${secret}</SecretAccessKey><SessionToken>${session}</SessionToken></Credentials>`;

  it('goes before the role of the node, and needs no signature', async () => {
    const [token, secret, session] = [canary('bearer-token'), canary('private-key'), canary('bearer-token')];
    const { transport, requests } = createMemoryTransport(() => ({ body: xml(secret, session) }));
    const readFile = (path: string): Promise<string> => Promise.resolve(path === '/token' ? `${token}\n` : '');
    const source = createAwsCredentials({
      transport,
      clock: createFakeClock(),
      env: { ...env, AWS_ROLE_SESSION_NAME: 'web', AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/node' },
      readFile,
    });
    const credentials = await source({});
    expect(credentials.accessKeyId).toBe('ASIA');
    expect([credentials.secretAccessKey.reveal() === secret, credentials.sessionToken?.reveal() === session]).toEqual([
      true,
      true,
    ]);
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST https://sts.eu-west-1.amazonaws.com/',
    ]);
    const { WebIdentityToken: sent, ...rest } = requests.map(form)[0] ?? {};
    expect(sent === token).toBe(true);
    expect(rest).toEqual({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: env.AWS_ROLE_ARN,
      RoleSessionName: 'web',
    });
  });

  it.each([
    [undefined, 'https://sts.amazonaws.com/'],
    ['us-gov-west-1', 'https://sts.us-gov-west-1.amazonaws.com/'],
    ['cn-north-1', 'https://sts.cn-north-1.amazonaws.com.cn/'],
    ['eusc-de-east-1', 'https://sts.eusc-de-east-1.amazonaws.eu/'],
    ['us-iso-east-1', 'https://sts.us-iso-east-1.c2s.ic.gov/'],
    ['us-isob-east-1', 'https://sts.us-isob-east-1.sc2s.sgov.gov/'],
  ])('is exchanged in the region %s at %s', async (region, url) => {
    const { transport, requests } = createMemoryTransport(() => ({ body: xml('s', 't') }));
    const readFile = (): Promise<string> => Promise.resolve(canary('bearer-token'));
    await createAwsCredentials({ transport, env: { ...env, AWS_REGION: region }, readFile })({});
    expect(requests.map((request) => request.url)).toEqual([url]);
  });

  it.each<[string, object, Reply, RegExp]>([
    [
      'no role',
      { AWS_ROLE_ARN: undefined },
      {},
      /^Cannot assume a role: AWS_WEB_IDENTITY_TOKEN_FILE needs AWS_ROLE_ARN$/,
    ],
    ['no region', { AWS_REGION: 'evil.test/x' }, {}, /^Cannot assume a role: AWS_REGION is not a region$/],
    ['a refusal', {}, { status: 403, body: '<Error><Code>AccessDenied</Code>' }, /it answered 403 \(AccessDenied\)$/],
    ['an answer without a key', {}, { body: '<Credentials>' }, /it has no AccessKeyId$/],
  ])('fails with %s, and does not fall back to the node', async (_, change, reply, message) => {
    const { transport, requests } = createMemoryTransport(() => reply);
    const readFile = (): Promise<string> => Promise.resolve(canary('bearer-token'));
    await expect(createAwsCredentials({ transport, env: { ...env, ...change }, readFile })({})).rejects.toEqual(
      refusal(message),
    );
    expect(requests.every(({ url }) => url.startsWith('https://sts.'))).toBe(true);
  });

  it('fails without a way to read its file, and for a profile, which is not read', async () => {
    const { transport, requests } = createMemoryTransport(() => ({ status: 500 }));
    await expect(createAwsCredentials({ transport, env })({})).rejects.toEqual(
      refusal(/cannot be read; pass readFile$/),
    );
    await expect(createAwsCredentials({ transport, env: { AWS_PROFILE: 'team' } })({})).rejects.toEqual(
      refusal(/fromNodeProviderChain of @aws-sdk\/credential-providers$/),
    );
    expect(requests.length).toBe(0);
  });
});

describe('the identity of a program on Azure', () => {
  const workload = { AZURE_FEDERATED_TOKEN_FILE: '/token', AZURE_TENANT_ID: 'tenant', AZURE_CLIENT_ID: 'client' };

  it('is the workload identity of a pod, not that of the node', async () => {
    const [assertion, token] = [canary('bearer-token'), canary('bearer-token')];
    const { transport, requests } = createMemoryTransport(() => ({
      body: JSON.stringify({ access_token: token, expires_in: 3599 }),
    }));
    const source = createAzureManagedIdentity({
      transport,
      env: workload,
      readFile: () => Promise.resolve(`${assertion}\n`),
    });
    const given = await source({});
    expect([given.token.reveal() === token, given.lifetimeMs]).toEqual([true, 3_599_000]);
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST https://login.microsoftonline.com/tenant/oauth2/v2.0/token',
    ]);
    const { client_assertion: sent, ...rest } = requests.map(form)[0] ?? {};
    expect(sent === assertion).toBe(true);
    expect(rest).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client',
      scope: 'https://containerregistry.azure.net/.default',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
  });

  it('is that of an App Service, whose tokens end at a time', async () => {
    const [secret, token] = [canary('bearer-token'), canary('bearer-token')];
    const clock = createFakeClock();
    const expires = clock.now() / 1000 + 600;
    const { transport, requests } = createMemoryTransport(() => ({
      body: JSON.stringify({ access_token: token, expires_on: String(Math.floor(expires)) }),
    }));
    const env = { IDENTITY_ENDPOINT: 'http://127.0.0.1:41056/msi/token', IDENTITY_HEADER: secret };
    const given = await createAzureManagedIdentity({ transport, clock, env, clientId: 'id' })({});
    expect(Math.round(given.lifetimeMs / 1000)).toBeGreaterThanOrEqual(599);
    expect(requests[0]?.url).toBe(
      'http://127.0.0.1:41056/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcontainerregistry.azure.net&client_id=id',
    );
    expect(requests[0]?.headers['x-identity-header'] === secret).toBe(true);
  });

  it.each<[string, object, RegExp]>([
    [
      'an Arc machine',
      { IDENTITY_ENDPOINT: 'http://localhost/x', IMDS_ENDPOINT: 'http://localhost' },
      /@azure\/identity/,
    ],
    [
      'an endpoint elsewhere',
      { IDENTITY_ENDPOINT: 'http://evil.test/x', IDENTITY_HEADER: 'h' },
      /must be https, or an address/,
    ],
    ['no tenant', { ...workload, AZURE_TENANT_ID: undefined }, /needs AZURE_TENANT_ID and AZURE_CLIENT_ID/],
    ['another path as tenant', { ...workload, AZURE_TENANT_ID: 'a/../b' }, /needs AZURE_TENANT_ID/],
    [
      'an authority over http',
      { ...workload, AZURE_AUTHORITY_HOST: 'http://evil.test' },
      /AZURE_AUTHORITY_HOST must be https/,
    ],
    ['no way to read the file', workload, /cannot be read; pass readFile$/],
  ])('is refused for %s, and nothing is asked', async (_, env, message) => {
    const { transport, requests } = createMemoryTransport(() => ({ body: '{}' }));
    await expect(createAzureManagedIdentity({ transport, env: env as Record<string, string> })({})).rejects.toEqual(
      refusal(message),
    );
    expect(requests.length).toBe(0);
  });
});

describe('the identity of a program on Google Cloud', () => {
  const { transport, requests } = createMemoryTransport(() => ({ status: 500 }));

  it('is not that of the machine where the environment names other credentials', () => {
    const env = { GOOGLE_APPLICATION_CREDENTIALS: '/federation.json' };
    expect(() => createGcrKeyring({ transport, env })).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message: expect.stringContaining('google-auth-library') as string,
      }),
    );
  });

  it('is what the program gives tokens of', async () => {
    const token = canary('bearer-token');
    const accessToken = () => Promise.resolve({ token: createSecret(token), lifetimeMs: 3_600_000 });
    const keyring = createGcrKeyring({
      transport,
      accessToken,
      env: { GOOGLE_APPLICATION_CREDENTIALS: '/federation.json' },
    });
    const { candidates } = await keyring.lookup(imageNamed('eu.gcr.io/team/app'));
    expect(
      candidates.map(({ entry }) => [entry.credential.username, entry.credential.password?.reveal() === token]),
    ).toEqual([['_token', true]]);
    expect(requests.length).toBe(0);
  });
});

describe('the hosts of a cloud', () => {
  const never = () => Promise.reject(new Error('asked'));
  const { transport } = createMemoryTransport(() => ({ status: 500 }));
  const options = { transport, clock: createFakeClock() };
  const acr = createAcrKeyring({ ...options, entraToken: never });
  const ecr = createEcrKeyring({ ...options, credentials: never });
  const ocir = createOcirKeyring({ ...options, sign: never });
  it.each([
    ['team1.westeurope.geo.azurecr.io', acr, true],
    ['Team1.AzureCR.io', acr, true],
    ['team1.chinaeast2.geo.azurecr.cn', acr, true],
    ['team1.westeurope.data.azurecr.io', acr, false],
    ['team1.eastus2.azurecr.io', acr, false],
    ['team1.azurecr.io.evil.test', acr, false],
    ['ecr-public.aws.com', ecr, true],
    ['evil.ecr-public.aws.com', ecr, false],
    ['123456789012.DKR.ecr.eu-west-1.amazonaws.com', ecr, true],
    ['ocir.us-langley-1.oci.oraclegovcloud.com', ocir, true],
    ['ocir.uk-gov-london-1.oci.oraclegovcloud.uk', ocir, true],
    ['ocir.ap-chiyoda-1.oci.oraclecloud8.com', ocir, true],
    ['ocir.eu-frankfurt-2.oci.oraclecloud.eu', ocir, true],
    ['ocir.eu-frankfurt-2.oci.oraclecloud666.com', ocir, false],
    ['ocir.eu-frankfurt-2.oci.oraclecloud-evil.com', ocir, false],
  ])('%s is one: %j', async (host, keyring, isOne) => {
    const { sources } = await keyring.lookup(imageNamed(`${host}/team/app`));
    expect(sources.map(({ outcome }) => outcome)).toEqual([isOne ? 'failed' : 'unmatched']);
  });

  it.each([
    ['team1.westeurope.geo.azurecr.io', () => createAcrServicePrincipal('id', createSecret('word')), 1],
    ['ocir.ap-chiyoda-1.oci.oraclecloud8.com', () => createOcirAuthToken('ns/jane', createSecret('word')), 1],
    ['ocir.ap-chiyoda-1.oci.oraclecloud666.com', () => createOcirAuthToken('ns/jane', createSecret('word')), 0],
  ])('%s is for a credential that does not expire, too', (host, make, count) => {
    expect(make().lookup(imageNamed(`${host}/a`)).candidates.length).toBe(count);
  });
});
