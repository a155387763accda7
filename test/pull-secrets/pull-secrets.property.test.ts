import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDockercfg, parseDockerConfigJson } from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import {
  admitServiceAccount,
  mergePullSecrets,
  selectPullSecrets,
  type SecretLike,
  validateSecret,
} from 'kubepull/pull-secrets';
import { deepFreeze, triples } from '../docker-config/support.ts';
import { base64, CFG_TYPE, JSON_TYPE } from './support.ts';
import { anyText } from '../support/any-text.ts';

const type = fc.constantFrom(JSON_TYPE, CFG_TYPE, 'Opaque', undefined);
const content = fc.constantFrom(
  '',
  '{}',
  'null',
  '[]',
  '{',
  '{"auths":{"a":{"username":"u"},"b":{}}}',
  '{"a":{"username":"v"}}',
  '{"auths":{"a":{"auth":"!"}}}',
  '{"b":{"auth":"dTpw"}}',
);
const dataKey = fc.constantFrom('.dockerconfigjson', '.dockercfg', 'x', '..', '__proto__');
const values = fc.dictionary(dataKey, content, { maxKeys: 3, noNullPrototype: true });
const name = fc.constantFrom('a', 'b', 'c', '');
const secret: fc.Arbitrary<SecretLike> = fc
  .tuple(name, type, values, values, fc.boolean())
  .map(([secretName, kind, data, text, plain]) => ({
    metadata: { name: secretName },
    type: kind,
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
    ...(plain ? { stringData: text } : {}),
  }));
const secrets = fc.array(secret, { maxLength: 5 });
const pod = fc
  .array(name, { maxLength: 4 })
  .map((names) => ({ spec: { imagePullSecrets: names.map((one) => ({ name: one })) } }));

/** What kubelet does, one secret after the other; `undefined` where kubelet gives up. */
function naiveMerge(all: readonly SecretLike[]): readonly unknown[] | undefined {
  const rows: unknown[] = [];
  for (const one of all) {
    const key = one.type === JSON_TYPE ? '.dockerconfigjson' : one.type === CFG_TYPE ? '.dockercfg' : undefined;
    const text = key && (one.stringData?.[key] ?? Buffer.from(one.data?.[key] ?? '', 'base64').toString());
    if (!text) continue;
    try {
      rows.push(...triples(one.type === JSON_TYPE ? parseDockerConfigJson(text) : parseDockercfg(text)));
    } catch {
      return undefined;
    }
  }
  return rows;
}

function merge(all: readonly SecretLike[]): readonly unknown[] | undefined {
  try {
    return triples(mergePullSecrets(all).entries);
  } catch (error) {
    if (isImageError(error)) return undefined;
    throw error;
  }
}

describe('mergePullSecrets', () => {
  it('agrees with the reference model, and changes nothing of its input [C10]', () => {
    fc.assert(
      fc.property(secrets, (all) => {
        expect(JSON.stringify(merge(deepFreeze(all)))).toBe(JSON.stringify(naiveMerge(all)));
      }),
    );
  });

  it('throws nothing when lenient, gives what is good, and accounts for the rest [C10]', () => {
    fc.assert(
      fc.property(secrets, (all) => {
        const { entries, skipped } = mergePullSecrets(all, { mode: 'lenient' });
        const good = all.map((one) => merge([one])).flatMap((rows) => rows ?? []);
        expect(JSON.stringify(triples(entries))).toBe(JSON.stringify(good));
        expect(skipped.some(({ reason }) => reason === 'malformed')).toBe(merge(all) === undefined);
      }),
    );
  });

  it('is the same for a list as for its parts put together', () => {
    fc.assert(
      fc.property(secrets, secrets, (one, two) => {
        const [first, second, both] = [merge(one), merge(two), merge([...one, ...two])];
        const parts = first && second && [...first, ...second];
        expect(JSON.stringify(both)).toBe(JSON.stringify(parts));
      }),
    );
  });
});

describe('selectPullSecrets', () => {
  it('gives every name of the pod its secret or misses it, in order, and changes nothing', () => {
    fc.assert(
      fc.property(pod, secrets, (one, all) => {
        const { found, missing, event } = selectPullSecrets(deepFreeze(one), deepFreeze(all));
        const names = one.spec.imagePullSecrets.map((reference) => reference.name).filter(Boolean);
        const known = new Set(all.map(({ metadata }) => metadata?.name));
        expect(found.map(({ metadata }) => metadata?.name).join()).toBe(names.filter((key) => known.has(key)).join());
        expect(missing.join()).toBe(names.filter((key) => !known.has(key)).join());
        return (event === undefined) === (missing.length === 0);
      }),
    );
  });
});

describe('validateSecret', () => {
  it('throws on no secret, and is valid exactly when it has no error', () => {
    const odd = fc.dictionary(anyText({ maxLength: 5 }), anyText({ maxLength: 9 }), { maxKeys: 3 });
    fc.assert(
      fc.property(fc.oneof(secret, fc.record({ type, data: odd, stringData: odd })), (one) => {
        const { valid, errors, message } = validateSecret(deepFreeze(one));
        return valid === (errors.length === 0) && valid === (message === undefined);
      }),
    );
  });
});

describe('admitServiceAccount', () => {
  it('does nothing more the second time', () => {
    fc.assert(
      fc.property(pod, fc.array(name, { maxLength: 3 }), (one, names) => {
        const account = { imagePullSecrets: names.map((key) => ({ name: key })) };
        const first = admitServiceAccount(deepFreeze(one), deepFreeze(account));
        if (!first.allowed) return false;
        const again = admitServiceAccount(first.pod, { imagePullSecrets: [{ name: 'other' }] });
        return first.pod.spec.imagePullSecrets.length === 0 || JSON.stringify(again) === JSON.stringify(first);
      }),
    );
  });
});
