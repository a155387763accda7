import { describe, expect, it } from 'vitest';
import { createAwsCredentials, createEcrKeyring } from 'kubepull/cloud';
import { createSecret } from 'kubepull/docker-config';
import { createFakeClock } from 'kubepull/testing';
import { parseImageName } from 'kubepull/reference';
import { parseEcrHost } from '../../src/cloud/ecr.ts';
import { canary } from '../support/canary.ts';
import { startEcr } from '../support/clouds.ts';
import { createMemoryTransport, type Reply } from '../support/memory-transport.ts';
import { imageNamed } from '../support/image-name.ts';

describe('parseEcrHost', () => {
  it.each([
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'eu-west-1', 'https://api.ecr.eu-west-1.amazonaws.com/'],
    [
      '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
      'us-gov-west-1',
      'https://ecr-fips.us-gov-west-1.amazonaws.com/',
    ],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'cn-north-1', 'https://api.ecr.cn-north-1.amazonaws.com.cn/'],
    ['123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov', 'us-iso-east-1', 'https://api.ecr.us-iso-east-1.c2s.ic.gov/'],
    [
      '123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov',
      'us-isob-east-1',
      'https://api.ecr.us-isob-east-1.sc2s.sgov.gov/',
    ],
    ['123456789012.dkr-ecr.eu-west-1.on.aws', 'eu-west-1', 'https://ecr.eu-west-1.api.aws/'],
    ['public.ecr.aws', 'us-east-1', 'https://api.ecr-public.us-east-1.amazonaws.com/'],
  ])('reads %s', (host, region, api) => {
    expect(parseEcrHost(host)).toMatchObject({ region, api });
  });

  it.each([
    '12345678901.dkr.ecr.eu-west-1.amazonaws.com',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.test',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com:443',
    'x123456789012.dkr.ecr.eu-west-1.amazonaws.com',
    '123456789012.dkr.ecr.eu.west.1.amazonaws.com',
    '123456789012.dkr.ecr..amazonaws.com',
    '123456789012.dkr.ecr.evil.test/.amazonaws.com',
    'evil.public.ecr.aws',
  ])('takes %s for the registry of somebody else', (host) => {
    expect(parseEcrHost(host)).toBeUndefined();
  });
});

describe('createEcrKeyring', () => {
  it.each([
    '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app',
    '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app',
    'public.ecr.aws/team/app',
  ])('signs what the service of %s takes', async (image) => {
    const cloud = startEcr(createFakeClock(), { image });
    const { candidates } = await cloud.keyring.lookup(imageNamed(image));
    expect(candidates.map(({ entry }) => entry.credential.username)).toEqual(['AWS']);
  });

  it.each([-3, 3])('asks once more by the clock of the service when ours is off by %d hours', async (hours) => {
    const [ours, theirs] = [createFakeClock(), createFakeClock()];
    theirs.setWallClock(ours.now() + hours * 3_600_000);
    const cloud = startEcr(ours, { service: theirs });
    expect((await cloud.keyring.lookup(imageNamed(cloud.image))).sources).toMatchObject([{ outcome: 'fetched' }]);
    expect(cloud.requests.length).toBe(2);
    await ours.advance(11 * 3_600_000 * 0.8);
    expect(
      (await cloud.keyring.lookup(imageNamed(cloud.image))).sources,
      'by the lifetime that the service means',
    ).toMatchObject([{ outcome: 'cached' }]);
  });

  it('tells a wrong secret from a wrong clock', async () => {
    const clock = createFakeClock();
    const { transport, requests } = createMemoryTransport(() => ({
      status: 403,
      headers: { date: new Date(clock.now()).toUTCString() },
      body: '{"__type":"InvalidSignatureException"}',
    }));
    const keyring = createEcrKeyring({
      transport,
      clock,
      credentials: async () => ({
        accessKeyId: 'AKID',
        secretAccessKey: createSecret(canary('private-key')),
        sessionToken: undefined,
      }),
    });
    const { sources } = await keyring.lookup(parseImageName('123456789012.dkr.ecr.eu-west-1.amazonaws.com/app'));
    expect(sources[0]?.detail).toBe(
      'Cannot get a token from https://api.ecr.eu-west-1.amazonaws.com/: it answered 403 (InvalidSignatureException)',
    );
    expect(requests.length).toBe(1);
  });

  it.each<[string, unknown]>([
    ['no data', {}],
    ['an empty list', { authorizationData: [] }],
    ['no token', { authorizationData: [{ expiresAt: 1 }] }],
    ['a token that is no base64', { authorizationData: [{ authorizationToken: '*' }] }],
    ['a token without colon', { authorizationData: [{ authorizationToken: 'QVdT' }] }],
    ['a null', null],
  ])('takes no credential from an answer with %s', async (_, body) => {
    const { transport } = createMemoryTransport(() => ({ body: JSON.stringify(body) }));
    const credentials = createAwsCredentials({
      transport,
      env: { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'secret-key' },
    });
    const { sources } = await createEcrKeyring({ transport, credentials }).lookup(parseImageName('public.ecr.aws/x'));
    const { sources: others } = await createEcrKeyring({ transport, credentials }).lookup(
      parseImageName('123456789012.dkr.ecr.eu-west-1.amazonaws.com/app'),
    );
    expect([...sources, ...others].map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
  });
});

describe('awsCredentials', () => {
  const answer = (secret: string) => ({
    AccessKeyId: 'AKID',
    SecretAccessKey: secret,
    Token: canary('bearer-token'),
    Expiration: '',
  });

  it('takes the environment first', async () => {
    const secret = canary('private-key');
    const { transport, requests } = createMemoryTransport(() => ({ status: 500 }));
    const env = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: secret };
    const credentials = await createAwsCredentials({ transport, env })({});
    expect(credentials).toMatchObject({ accessKeyId: 'AKID', sessionToken: undefined });
    expect(credentials.secretAccessKey.reveal() === secret).toBe(true);
    expect(requests.length).toBe(0);
  });

  it.each([
    [
      'a path',
      { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/1' },
      'http://169.254.170.2/v2/credentials/1',
    ],
    ['https', { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'https://agent.example/creds' }, 'https://agent.example/creds'],
    [
      'the agent of EKS',
      { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials' },
      'http://169.254.170.23/v1/credentials',
    ],
  ])('asks the container by %s, with its token', async (_, env, url) => {
    const [secret, token] = [canary('private-key'), canary('bearer-token')];
    const { transport, requests } = createMemoryTransport((request) =>
      request.headers['authorization'] === token ? { body: JSON.stringify(answer(secret)) } : { status: 401 },
    );
    const source = createAwsCredentials({
      transport,
      env: { ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/token' },
      readFile: async (path) => (path === '/token' ? `${token}\n` : ''),
    });
    expect((await source({})).secretAccessKey.reveal() === secret).toBe(true);
    expect(requests.map((request) => request.url)).toEqual([url]);
  });

  it.each(['http://evil.test/x', 'http://169.254.169.254/x', 'https://u:p@agent.example/', 'ftp://127.0.0.1/', 'x'])(
    'sends no token to %s',
    async (url) => {
      const { transport, requests } = createMemoryTransport(() => ({ body: '{}' }));
      const source = createAwsCredentials({
        transport,
        env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: canary('bearer-token') },
      });
      await expect(source({})).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_PROVIDER' });
      expect(requests.length).toBe(0);
    },
  );

  it('asks the instance in version 2 of its protocol', async () => {
    const [secret, session] = [canary('private-key'), canary('bearer-token')];
    const base = 'http://169.254.169.254/latest';
    const { transport, requests } = createMemoryTransport(({ url, method, headers }): Reply => {
      if (url === `${base}/api/token`)
        return method === 'PUT' && headers['x-aws-ec2-metadata-token-ttl-seconds'] === '300'
          ? { body: session }
          : { status: 405 };
      if (headers['x-aws-ec2-metadata-token'] !== session) return { status: 401 };
      return url.endsWith('/security-credentials/')
        ? { body: 'node-role\n' }
        : { body: JSON.stringify(answer(secret)) };
    });
    expect((await createAwsCredentials({ transport })({})).secretAccessKey.reveal() === secret).toBe(true);
    expect(requests.map(({ url }) => url.slice(base.length))).toEqual([
      '/api/token',
      '/meta-data/iam/security-credentials/',
      '/meta-data/iam/security-credentials/node-role',
    ]);
  });

  it.each<[string, (url: string) => Reply]>([
    ['has no role', (url) => (url.endsWith('/token') ? { body: 'session' } : { status: 404 })],
    ['names a path as role', (url) => (url.endsWith('/token') ? { body: 'session' } : { body: '../../x' })],
    ['gives a session that is no header', () => ({ body: 'a\r\nb: c' })],
    ['turns the session away', () => ({ status: 403 })],
  ])('fails by name when the instance %s', async (_, serve) => {
    const { transport } = createMemoryTransport(({ url }) => serve(url));
    await expect(createAwsCredentials({ transport })({})).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_PROVIDER' });
  });

  it('asks no instance where that is disabled', async () => {
    const { transport, requests } = createMemoryTransport(() => ({ status: 500 }));
    await expect(createAwsCredentials({ transport, env: { AWS_EC2_METADATA_DISABLED: 'True' } })({})).rejects.toThrow(
      'Cannot find AWS credentials: the environment has none, and the metadata of the instance is disabled',
    );
    expect(requests.length).toBe(0);
  });
});
