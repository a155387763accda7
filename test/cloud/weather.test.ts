import { describe, expect, it } from 'vitest';
import {
  createAwsCredentials,
  type CloudOptions,
  createAcrKeyring,
  createEcrKeyring,
  createGcrKeyring,
  createIbmKeyring,
  createOcirKeyring,
} from 'kubepull/cloud';
import { createSecret } from 'kubepull/docker-config';
import { TransportError } from 'kubepull/errors';
import type { LookupResult } from 'kubepull/keyring';
import { createFakeClock, type FakeClock } from 'kubepull/testing';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../support/canary.ts';
import { createMemoryTransport, type Reply } from '../support/memory-transport.ts';
import { imageNamed } from '../support/image-name.ts';

const token = (fields: object = {}): Reply => ({
  headers: { 'metadata-flavor': 'Google' },
  body: JSON.stringify({ access_token: canary('bearer-token'), expires_in: 3600, ...fields }),
});
const cut = async function* (): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode('{"access_');
  const failure = { method: 'GET', url: 'https://cloud.test', phase: 'body', retryable: true } as const;
  throw new TransportError('Cannot read https://cloud.test: the connection broke', failure);
};
const unanswered = (): Promise<never> => new Promise(() => undefined);

function startIbm(options: Pick<CloudOptions, 'transport'> & Partial<CloudOptions>, apiKey = canary('private-key')) {
  const keyring = createIbmKeyring({ random: () => 0.5, ...options, apiKey: createSecret(apiKey) });
  return async (): Promise<LookupResult> => keyring.lookup(parseImageName('icr.io/app'));
}

/** Lets time pass until the work is done. */
async function pass<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  const end = { reached: false };
  const reach = (): void => void (end.reached = true);
  work.then(reach, reach);
  for (let step = 0; step < 2000 && !end.reached; step += 1) await clock.advance(100);
  return work;
}

describe('a cloud in bad weather', () => {
  it.each<[string, () => Reply]>([
    ['falls over', () => ({ status: 503 })],
    ['is cut in its answer', () => ({ body: cut() })],
  ])('is asked again for a token by POST when it %s', async (_, first) => {
    const clock = createFakeClock();
    const { transport, requests } = createMemoryTransport(() => (requests.length === 1 ? first() : token()));
    expect((await pass(clock, startIbm({ transport, clock })())).sources).toMatchObject([{ outcome: 'fetched' }]);
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST']);
  });

  it('is asked again by GET when its answer is cut, and no more than three times', async () => {
    const clock = createFakeClock();
    const { transport, requests } = createMemoryTransport(() => (requests.length === 1 ? { body: cut() } : token()));
    const keyring = createGcrKeyring({ transport, clock });
    expect((await pass(clock, Promise.resolve(keyring.lookup(parseImageName('gcr.io/x'))))).candidates.length).toBe(1);
    const broken = createMemoryTransport(() => ({ body: cut() }));
    await pass(clock, startIbm({ transport: broken.transport, clock })());
    expect(broken.requests.length).toBe(3);
  });

  it('is given up in time by a transport that does not listen, before and in the answer', async () => {
    const clock = createFakeClock();
    const silent = createMemoryTransport(() => ({ body: { [Symbol.asyncIterator]: () => ({ next: unanswered }) } }));
    for (const transport of [unanswered, silent.transport]) {
      const { sources } = await pass(clock, startIbm({ transport, clock })());
      expect(sources[0]?.detail).toBe('Cannot ask https://iam.cloud.ibm.com/identity/token: it took longer than 10 s');
    }
  });

  it('is asked again after a function of the caller that never answered', async () => {
    const clock = createFakeClock();
    const secret = createSecret(canary('bearer-token'));
    const options = { transport: createMemoryTransport(() => ({ status: 401 })).transport, clock };
    const calls: (AbortSignal | undefined)[] = [];
    const give = async <T>(value: T, signal: AbortSignal | undefined): Promise<T> =>
      calls.push(signal) % 2 === 1 ? unanswered() : value;
    const keyrings = [
      [
        createAcrKeyring({ ...options, entraToken: ({ signal }) => give({ token: secret, lifetimeMs: 1 }, signal) }),
        'contoso.azurecr.io/x',
        'entraToken',
      ],
      [createOcirKeyring({ ...options, sign: (_, { signal }) => give({}, signal) }), 'fra.ocir.io/x', 'sign'],
      [
        createEcrKeyring({
          ...options,
          credentials: ({ signal }) =>
            give({ accessKeyId: 'id', secretAccessKey: secret, sessionToken: undefined }, signal),
        }),
        'public.ecr.aws/x',
        'credentials',
      ],
    ] as const;
    for (const [keyring, image, name] of keyrings) {
      const stuck = await pass(clock, Promise.resolve(keyring.lookup(imageNamed(image))));
      expect(stuck.sources[0]?.detail).toBe(`Cannot get what ${name} gives: it took longer than 60 s`);
      expect(calls.at(-1)?.aborted, 'it is told').toBe(true);
      const next = await Promise.resolve(keyring.lookup(imageNamed(image)));
      expect(next.sources[0]?.detail).toMatch(/it answered 401$/);
    }
  });

  it.each([0, 1.5, Number.NaN, 2 ** 31])('refuses a time limit of %d ms', (timeoutMs) => {
    const { transport } = createMemoryTransport(() => token());
    expect(() => startIbm({ transport, timeoutMs })).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
  });

  it('does not give out a credential that ended while its renewal failed', async () => {
    const clock = createFakeClock();
    const { transport, requests } = createMemoryTransport(() =>
      requests.length === 1 ? token({ expires_in: 40 }) : unanswered(),
    );
    const lookup = startIbm({ transport, clock });
    await lookup();
    await clock.advance(34_000);
    expect(await pass(clock, lookup())).toMatchObject({ candidates: [], sources: [{ outcome: 'failed' }] });
  });

  it('gives what has ended no time at all', async () => {
    const { transport, requests } = createMemoryTransport(() => token({ expires_in: -5 }));
    const lookup = startIbm({ transport });
    expect((await lookup()).sources[0]?.detail).toBe('good for 0 s');
    await lookup();
    expect(requests.length).toBe(2);
  });

  it('takes no token of ECR for good beyond its twelve hours, when milliseconds or our clock mislead', async () => {
    const expiresAt = Date.now() + 12 * 3_600_000;
    const authorizationToken = Buffer.from(`AWS:${canary('password')}`).toString('base64');
    const { transport } = createMemoryTransport(() => ({
      body: JSON.stringify({ authorizationData: { authorizationToken, expiresAt } }),
    }));
    const env = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: canary('private-key') };
    const keyring = createEcrKeyring({ transport, credentials: createAwsCredentials({ transport, env }) });
    expect((await keyring.lookup(parseImageName('public.ecr.aws/x'))).sources[0]?.detail).toBe('good for 43200 s');
  });
});

describe('the fault of a cloud', () => {
  it('is never a text that was sent', async () => {
    const apiKey = canary('private-key');
    const { transport } = createMemoryTransport(() => ({ status: 400, body: JSON.stringify({ error: apiKey }) }));
    const { sources } = await startIbm({ transport }, apiKey)();
    expect(sources[0]?.detail).toBe(
      'Cannot get a token from https://iam.cloud.ibm.com/identity/token: it answered 400',
    );
  });

  it('is named as registries name it', async () => {
    const { transport } = createMemoryTransport(() => ({ status: 401, body: '{"errors":[{"code":"UNAUTHORIZED"}]}' }));
    expect((await startIbm({ transport })()).sources[0]?.detail).toMatch(/it answered 401 \(UNAUTHORIZED\)$/);
  });

  it('is named when an instance tells of it with status 200', async () => {
    const { transport } = createMemoryTransport(({ url }) =>
      url.endsWith('/token')
        ? { body: 'session' }
        : url.endsWith('/')
          ? { body: 'role' }
          : { body: '{"Code":"AssumeRoleUnauthorizedAccess"}' },
    );
    await expect(createAwsCredentials({ transport })({})).rejects.toThrow(
      /it answered 200 \(AssumeRoleUnauthorizedAccess\)$/,
    );
  });
});

describe('the container of awsCredentials', () => {
  it.each([
    { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.evil.test/x' },
    { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: 'https://evil.test/x' },
    { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '.evil.test/x' },
    { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '@evil.test/x' },
    { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: 'http://[' },
  ])('gets no token at %j', async (place) => {
    const { transport, requests } = createMemoryTransport(() => token());
    const env = { ...place, AWS_CONTAINER_AUTHORIZATION_TOKEN: canary('bearer-token') };
    await expect(createAwsCredentials({ transport, env })({})).rejects.toMatchObject({
      code: 'ERR_CREDENTIAL_PROVIDER',
    });
    expect(requests.length).toBe(0);
  });
});
