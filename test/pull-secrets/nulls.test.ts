// YAML has `key:` with nothing behind it, and `- ` alone: `null` where the types have none. To the API that is empty.
import { describe, expect, it } from 'vitest';
import { isImageError } from 'kubepull/errors';
import {
  admitServiceAccount,
  mergePullSecrets,
  type SecretLike,
  selectPullSecrets,
  type ServiceAccountLike,
  validateSecret,
} from 'kubepull/pull-secrets';
import type { PodLike } from 'kubepull/kubernetes';
import { jsonSecret } from './support.ts';

const pod: PodLike = {
  metadata: { name: 'web', namespace: 'default', annotations: {} },
  spec: { serviceAccountName: 'robot', imagePullSecrets: [{ name: 'creds' }] },
};
const secret: SecretLike = { ...jsonSecret('creds', { 'r.io': 'user' }), stringData: { note: 'x' } };
const account: ServiceAccountLike = {
  metadata: { name: 'robot', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
  imagePullSecrets: [{ name: 'creds' }],
};

/** The value with one member at a time replaced by `null`, at any depth, and where that was. */
function nulled<T extends object>(value: T): readonly (readonly [place: string, value: T])[] {
  return Object.entries(value).flatMap(([key, member]: [string, unknown]) => {
    const inner = typeof member === 'object' && member !== null ? nulled(member) : [];
    return [['', null] as const, ...inner].map(
      ([place, changed]) => [`${key}.${place}`, replaced(value, key, changed)] as const,
    );
  });
}

function replaced<T extends object>(value: T, key: string, member: unknown): T {
  const copy: object = Array.isArray(value) ? [...(value as readonly unknown[])] : { ...value };
  return Object.assign(copy, { [key]: member }) as T;
}

/** Runs it; an error of ours is an answer, too. */
function attempt(use: () => unknown): void {
  try {
    use();
  } catch (error) {
    if (!isImageError(error)) throw error;
  }
}

describe('selectPullSecrets and admitServiceAccount', () => {
  it.each(nulled(pod))('take a pod with null at %s', (_, changed) => {
    attempt(() => selectPullSecrets(changed, [secret]));
    attempt(() => admitServiceAccount(changed, account));
  });

  it.each(nulled(account))('take an account with null at %s', (_, changed) => {
    attempt(() => admitServiceAccount({ spec: {} }, changed));
    attempt(() => admitServiceAccount(pod, changed));
  });

  it('read a null item and a null name as an empty name', () => {
    const spec = JSON.parse('{"imagePullSecrets":[null,{"name":null},{"name":"creds"}]}') as NonNullable<
      PodLike['spec']
    >;
    expect(selectPullSecrets({ spec }, [secret])).toMatchObject({ found: [secret], missing: [] });
    const admission = admitServiceAccount({ spec: {} }, { imagePullSecrets: spec.imagePullSecrets });
    expect(admission).toMatchObject({
      pod: { spec: { imagePullSecrets: [{ name: '' }, { name: '' }, { name: 'creds' }] } },
    });
  });
});

describe('mergePullSecrets and validateSecret', () => {
  it.each(nulled(secret))('take a secret with null at %s', (_, changed) => {
    attempt(() => mergePullSecrets([changed]));
    attempt(() => validateSecret(changed));
  });

  it('read null data as none', () => {
    const empty = { ...secret, data: JSON.parse('null') as undefined };
    expect(mergePullSecrets([empty]).skipped).toMatchObject([{ name: 'creds', reason: 'key' }]);
    expect(validateSecret(empty).errors).toMatchObject([{ type: 'FieldValueRequired' }]);
  });
});
