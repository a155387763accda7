import { describe, expect, expectTypeOf, it } from 'vitest';
import { mutateAlwaysPullImages, validateAlwaysPullImages, validatePullPolicies } from 'kubepull/pull-policy';
import { selectPullSecrets, type SecretLike } from 'kubepull/pull-secrets';

const spec = { containers: [{ name: 'web', image: 'app:1', imagePullPolicy: 'never' }] };
const OBJECTS: Readonly<Record<string, object>> = {
  'a Deployment': { kind: 'Deployment', spec: { template: { spec } } },
  'a Deployment without kind': { spec: { template: { spec } } },
  'a CronJob without kind': { spec: { jobTemplate: { spec: { template: { spec } } } } },
  'a List': { kind: 'List', items: [{ spec }] },
  'a list of the API without kind': { items: [{ spec }] },
  'a Secret': { kind: 'Secret', data: {} },
};

describe('what takes a pod', () => {
  it.each(Object.entries(OBJECTS))('refuses %s, in which it would find nothing to do', (_, object) => {
    for (const call of [mutateAlwaysPullImages, validateAlwaysPullImages, validatePullPolicies]) {
      expect(() => call(object)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
    }
    expect(() => selectPullSecrets(object, [])).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
  });

  it('takes a pod with its kind', () => {
    const pod = { kind: 'Pod', spec };
    expect(mutateAlwaysPullImages(pod).pod.spec.containers[0]?.imagePullPolicy).toBe('Always');
    expect(validatePullPolicies(pod).errors).toHaveLength(1);
  });
});

describe('selectPullSecrets', () => {
  it('gives secrets of the type that the caller has', () => {
    const secret: SecretLike & { readonly extra: number } = { metadata: { name: 'creds' }, extra: 1 };
    const { found } = selectPullSecrets({ spec: { imagePullSecrets: [{ name: 'creds' }] } }, [secret]);
    expectTypeOf(found).toEqualTypeOf<readonly (SecretLike & { readonly extra: number })[]>();
    expect(found[0]?.extra).toBe(1);
  });
});
