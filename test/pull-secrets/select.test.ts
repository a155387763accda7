import { describe, expect, it } from 'vitest';
import { selectPullSecrets, type SecretLike } from 'kubepull/pull-secrets';

const named = (name: string, namespace?: string): SecretLike => ({ metadata: { name, namespace } });
const pod = (names: readonly (string | undefined)[], namespace?: string) => ({
  metadata: { namespace },
  spec: { imagePullSecrets: names.map((name) => ({ name })) },
});

describe('selectPullSecrets', () => {
  it('takes them in the order of the pod, twice when listed twice, and skips empty names', () => {
    const [a, b] = [named('a'), named('b')];
    const { found, missing, event } = selectPullSecrets(pod(['b', '', 'a', undefined, 'b']), [a, b, named('c')]);
    expect(found).toEqual([b, a, b]);
    expect([missing, event]).toEqual([[], undefined]);
  });

  it("gives kubelet's event for what is missing", () => {
    const { found, missing, event } = selectPullSecrets(pod(['x', 'a', 'y', 'x']), [named('a')]);
    expect([found.length, missing]).toEqual([1, ['x', 'y', 'x']]);
    expect(event).toEqual({
      type: 'Warning',
      reason: 'FailedToRetrieveImagePullSecret',
      message: 'Unable to retrieve some image pull secrets (x, y, x); attempting to pull the image may not succeed.',
    });
  });

  it("looks only into the pod's namespace; an absent one is default", () => {
    const secrets = [named('a', 'team'), named('b', 'default'), named('c')];
    expect(selectPullSecrets(pod(['a', 'b', 'c'], 'team'), secrets).missing).toEqual(['b', 'c']);
    expect(selectPullSecrets(pod(['a', 'b', 'c']), secrets).missing).toEqual(['a']);
    expect(selectPullSecrets(pod(['c'], 'default'), secrets).missing).toEqual([]);
  });

  it('takes the later of two secrets with one name', () => {
    const later = named('a');
    expect(selectPullSecrets(pod(['a']), [named('a'), later]).found[0]).toBe(later);
  });

  it('takes pods without a list, and never what a prototype has', () => {
    expect(selectPullSecrets({}, [named('a')])).toEqual({
      found: [],
      missing: [],
      event: undefined,
      eventWhen: 'every-sync',
    });
    expect(selectPullSecrets({}, [], { release: '1.37' }).eventWhen).toBe('failed-pull');
    expect(selectPullSecrets(pod(['__proto__', 'constructor']), []).missing).toEqual(['__proto__', 'constructor']);
  });
});
