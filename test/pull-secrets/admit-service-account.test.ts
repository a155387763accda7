import { describe, expect, it } from 'vitest';
import { admitServiceAccount, admitStaticPod, type ServiceAccountLike } from 'kubepull/pull-secrets';
import { deepFreeze } from '../docker-config/support.ts';

const list = (...names: readonly string[]) => names.map((name) => ({ name }));
const account = (names: readonly string[] | undefined, enforce?: string): ServiceAccountLike => ({
  metadata: {
    name: 'robot',
    annotations: enforce === undefined ? {} : { 'kubernetes.io/enforce-mountable-secrets': enforce },
  },
  imagePullSecrets: names && list(...names),
});
const mirror = (spec: object) => ({ metadata: { annotations: { 'kubernetes.io/config.mirror': '' } }, spec });

describe('admitServiceAccount', () => {
  it.each([
    [undefined, ['a', 'b'], ['a', 'b']],
    [[], ['a'], ['a']],
    [['x'], ['a', 'b'], ['x']],
    [[''], ['a'], ['']],
    [undefined, undefined, []],
    [undefined, ['b', '', 'a', 'b'], ['b', '', 'a', 'b']],
  ])('makes of the pod list %j and the account list %j: %j', (own, given, expected) => {
    const pod = deepFreeze({
      metadata: { name: 'p' },
      spec: { imagePullSecrets: own && list(...own), containers: [] },
    });
    const admission = admitServiceAccount(pod, deepFreeze(account(given)));
    expect(admission).toEqual({
      allowed: true,
      pod: {
        metadata: { name: 'p' },
        spec: { imagePullSecrets: list(...expected), containers: [], serviceAccountName: 'default' },
      },
    });
  });

  it('copies names only, and fills in the name of the account', () => {
    const given = { imagePullSecrets: [{ name: 'a', extra: 1 }, {}] };
    const admission = admitServiceAccount({ spec: { serviceAccountName: 'robot' } }, given);
    expect(admission).toEqual({
      allowed: true,
      pod: { spec: { serviceAccountName: 'robot', imagePullSecrets: list('a', '') } },
    });
    expect(admitServiceAccount({}, given)).toMatchObject({ pod: { spec: { serviceAccountName: 'default' } } });
  });

  it('forbids a pod whose account does not exist', () => {
    expect(admitServiceAccount({ metadata: { namespace: 'team' }, spec: {} }, undefined)).toEqual({
      allowed: false,
      message: 'error looking up service account team/default: serviceaccount "default" not found',
    });
  });

  it('leaves mirror pods alone, and forbids them accounts and secrets', () => {
    const pod = mirror({ imagePullSecrets: list('') });
    expect(admitServiceAccount(pod, undefined)).toEqual({ allowed: true, pod });
    const bare = { metadata: pod.metadata };
    expect(admitServiceAccount(bare, undefined)).toEqual({ allowed: true, pod: bare });
    expect(admitServiceAccount(mirror({ serviceAccountName: 'robot' }), account([]))).toEqual({
      allowed: false,
      message: 'a mirror pod may not reference service accounts',
    });
    expect(admitServiceAccount(mirror({ imagePullSecrets: list('a') }), undefined)).toEqual({
      allowed: false,
      message: 'a mirror pod may not reference secrets',
    });
  });

  it.each(['1', 't', 'T', 'true', 'TRUE', 'True'])('holds the pod to the list of an account with %s', (enforce) => {
    const pod = { spec: { serviceAccountName: 'robot', imagePullSecrets: list('a', 'x', 'y') } };
    expect(admitServiceAccount(pod, account(['a'], enforce))).toEqual({
      allowed: false,
      message:
        'imagePullSecrets[1].name="x" is not allowed because service account robot does not reference that imagePullSecret',
    });
    expect(admitServiceAccount(pod, account(['y', 'a', 'x'], enforce)).allowed).toBe(true);
    expect(admitServiceAccount({ spec: {} }, account(['a'], enforce)).allowed).toBe(true);
  });

  it('names the account as the pod does where the account has no name', () => {
    const annotations = { 'kubernetes.io/enforce-mountable-secrets': 'true' };
    const pod = { spec: { serviceAccountName: 'robot', imagePullSecrets: list('x') } };
    expect(admitServiceAccount(pod, { metadata: { annotations } })).toEqual({
      allowed: false,
      message:
        'imagePullSecrets[0].name="x" is not allowed because service account robot does not reference that imagePullSecret',
    });
  });

  it('looks at own annotations only', () => {
    const annotations = Object.create({ 'kubernetes.io/config.mirror': '' }) as Record<string, string>;
    expect(admitServiceAccount({ metadata: { annotations }, spec: {} }, undefined).allowed).toBe(false);
  });

  it('names no namespace but the default one where there is none, and shows what does not print', () => {
    expect(admitServiceAccount({ spec: { serviceAccountName: 'a\u0007' } }, undefined)).toEqual({
      allowed: false,
      message: String.raw`error looking up service account default/a\x07: serviceaccount "a\a" not found`,
    });
  });

  it.each(['', 'yes', 'tRUE', '0', 'false', 'true ', ' 1', '11'])('does not with %j', (enforce) => {
    expect(admitServiceAccount({ spec: { imagePullSecrets: list('x') } }, account(['a'], enforce)).allowed).toBe(true);
  });
});

describe('the deprecated field serviceAccount', () => {
  it.each([
    [{ serviceAccount: 'old' }, { serviceAccount: 'old', serviceAccountName: 'old' }],
    [
      { serviceAccount: 'old', serviceAccountName: 'new' },
      { serviceAccount: 'new', serviceAccountName: 'new' },
    ],
    [{ serviceAccount: '' }, { serviceAccount: 'default', serviceAccountName: 'default' }],
  ])('names the account where serviceAccountName does not: %j', (spec, expected) => {
    expect(admitServiceAccount({ spec }, account(['x']))).toMatchObject({ allowed: true, pod: { spec: expected } });
  });

  it('names the account that does not exist', () => {
    expect(admitServiceAccount({ metadata: { namespace: 'n' }, spec: { serviceAccount: 'old' } }, undefined)).toEqual({
      allowed: false,
      message: 'error looking up service account n/old: serviceaccount "old" not found',
    });
  });

  it('is refused to a mirror pod too', () => {
    expect(admitServiceAccount(mirror({ serviceAccount: 'old' }), account([])).allowed).toBe(false);
  });
});

describe('admitStaticPod', () => {
  const pod = (spec: object) => deepFreeze({ metadata: { name: 'p' }, spec: { containers: [], ...spec } });

  it.each([
    {},
    { imagePullSecrets: [] },
    { imagePullSecrets: list('') },
    { serviceAccountName: '', serviceAccount: '' },
  ])('allows %j', (spec) => {
    const given = pod(spec);
    expect(admitStaticPod(given)).toEqual({ allowed: true, pod: given });
    expect(admitStaticPod({})).toEqual({ allowed: true, pod: {} });
  });

  it.each([
    [{ imagePullSecrets: list('', 'creds') }, 'secrets'],
    [{ serviceAccountName: 'robot' }, 'serviceaccounts'],
    [{ serviceAccount: 'robot' }, 'serviceaccounts'],
    [{ serviceAccountName: 'robot', imagePullSecrets: list('creds') }, 'serviceaccounts'],
  ])('refuses %j, which names %s', (spec, resource) => {
    expect(admitStaticPod(pod(spec))).toEqual({
      allowed: false,
      message: `static pods may not reference ${resource}`,
    });
  });
});
