// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import {
  createPullSecret,
  mergePullSecrets,
  type SecretLike,
  selectPullSecrets,
  validateSecret,
} from 'kubepull/pull-secrets';

const secret = createPullSecret({ name: 'creds', server: 'r.example', username: 'u', password: 'p' });
const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error;

describe.each<readonly [string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['one secret', secret],
  ["the API's list object", { kind: 'SecretList', items: [secret] }],
  ['a list with a hole', [secret, undefined]],
  ['text', 'creds'],
])('secrets that are no list of secrets: %s', (_, secrets) => {
  it('are refused by mergePullSecrets', () => {
    expect(() => mergePullSecrets(secrets as SecretLike[])).toThrow(refusal);
  });

  it('are refused by selectPullSecrets', () => {
    expect(() => selectPullSecrets({}, secrets as SecretLike[])).toThrow(refusal);
  });
});

describe('selectPullSecrets', () => {
  it.each(['creds', { name: 'creds' }])('wants a list of names, as YAML without a dash is not: %j', (names) => {
    const pod = { spec: { imagePullSecrets: names as unknown as [] } };
    expect(() => selectPullSecrets(pod, [secret])).toThrow(/must be a list of names/);
  });
});

describe('data that is no text', () => {
  const [json] = Object.values(secret.data);
  const bytes = { ...secret, data: { '.dockerconfigjson': new TextEncoder().encode(json) as unknown as string } };
  const parsed = { ...secret, data: { '.dockerconfigjson': { auths: {} } as unknown as string } };

  it.each([bytes, parsed])('makes the secret malformed, not empty', (bad) => {
    expect(() => mergePullSecrets([bad])).toThrow('data[.dockerconfigjson] is no base64 text');
    const { skipped } = mergePullSecrets([bad], { mode: 'lenient' });
    expect(skipped.map(({ reason }) => reason)).toEqual(['malformed']);
    expect(validateSecret(bad)).toMatchObject({ valid: false, errors: [{ field: 'data[.dockerconfigjson]' }] });
  });
});

describe('createPullSecret', () => {
  it.each([{ password: 12_345 }, { password: new Uint8Array(3) }, { username: 5 }, { email: 5 }])(
    'refuses %j',
    (change) => {
      const options = { name: 'creds', username: 'u', password: 'p', ...change };
      expect(() => createPullSecret(options as unknown as Parameters<typeof createPullSecret>[0])).toThrow(refusal);
    },
  );
});

describe('mergePullSecrets', () => {
  it('skips no secret for a fault that is not in its content', () => {
    const metadata = {
      name: 'creds',
      get uid(): string {
        throw new RangeError('broken');
      },
    };
    expect(() => mergePullSecrets([{ ...secret, metadata }], { mode: 'lenient' })).toThrow(RangeError);
  });
});

describe('validateSecret', () => {
  it.each([
    ['kubernetes.io/basic-auth', { password: 'eA==' }, true],
    ['kubernetes.io/basic-auth', { username: 'eA==' }, true],
    ['kubernetes.io/basic-auth', {}, false],
    ['kubernetes.io/ssh-auth', { 'ssh-privatekey': 'eA==' }, true],
    ['kubernetes.io/ssh-auth', { 'ssh-privatekey': '' }, false],
    ['kubernetes.io/ssh-auth', {}, false],
    ['Opaque', { '..': 'eA==' }, false],
  ])('wants of %s what it is for: %j', (type, data, valid) => {
    expect(validateSecret({ metadata: { name: 's' }, type, data }).valid).toBe(valid);
  });

  it('takes no empty name of a service account', () => {
    const annotated = (name: string): SecretLike => ({
      metadata: { name: 's', annotations: { 'kubernetes.io/service-account.name': name } },
      type: 'kubernetes.io/service-account-token',
    });
    expect([annotated('a'), annotated('')].map((one) => validateSecret(one).valid)).toEqual([true, false]);
  });
});

describe('a key with a line break and half a character, whose value is no text', () => {
  it('is escaped and cut in the message, so that it forges no line of a log', () => {
    const key = `a\nlevel=info \ud800${'x'.repeat(1000)}`;
    const secrets = [{ ...secret, stringData: { [key]: ['p'] as unknown as string } }];
    for (const call of [() => mergePullSecrets(secrets), () => validateSecret(secrets[0] ?? secret)])
      expect(call).toThrow(/: secret\.stringData\.a\\x0alevel=info \\ud800x{50}… must be a text, not a list$/);
  });
});
