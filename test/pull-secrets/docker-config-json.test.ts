import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSecret, type DockerConfigEntry, parseDockerConfigJson, parseDockerConfig } from 'kubepull/docker-config';
import { mergePullSecrets, toDockerConfigJson } from 'kubepull/pull-secrets';
import { anyText } from '../support/any-text.ts';
import { canary } from '../support/canary.ts';
import { deepFreeze, triples } from '../docker-config/support.ts';
import { jsonSecret } from './support.ts';

function entry(pattern: string, username: string, password: string, email?: string): DockerConfigEntry {
  const tokens = { identityToken: undefined, registryToken: undefined };
  return {
    pattern,
    credential: { username, password: createSecret(password), email, ...tokens },
    source: { kind: 'inline' },
  };
}

describe('toDockerConfigJson', () => {
  it('writes one entry per key, the first, and tells of the others', () => {
    const { entries } = mergePullSecrets([
      jsonSecret('s1', { 'r.io': 'a' }),
      jsonSecret('s2', { 'r.io': 'b', 'x.io': 'c' }),
    ]);
    const { document, omitted } = toDockerConfigJson(entries);
    expect(triples(parseDockerConfigJson(document.reveal()))).toEqual([
      ['r.io', 'a', 'pw'],
      ['x.io', 'c', 'pw'],
    ]);
    expect(omitted).toEqual([{ entry: entries[1], reason: 'duplicate-key' }]);
  });

  it('writes plain fields where auth would read back as another pair, and omits what neither can write', () => {
    const { document, omitted } = toDockerConfigJson([
      entry('a', 'x:y', 'z', 'e'),
      entry('b', 'u', '\udcff'),
      entry('c', 'x:y', '\udcff'),
      entry('d', '', ''),
    ]);
    expect(document.reveal()).toBe(
      '{"auths":{"a":{"username":"x:y","password":"z","email":"e"},"b":{"auth":"dTr/"},"d":{}}}',
    );
    expect(omitted).toMatchObject([{ entry: { pattern: 'c' }, reason: 'unwritable' }]);
  });

  it("keeps Docker's tokens", () => {
    const text = '{"auths":{"r.io":{"identitytoken":"it","registrytoken":"rt"}}}';
    const { entries } = parseDockerConfig(text, { mode: 'docker' });
    expect(toDockerConfigJson(entries).document.reveal()).toBe(text);
  });

  it('shows nothing of the document until it is asked to [L01]', () => {
    const result = toDockerConfigJson([entry('r.io', 'u', canary('password'))]);
    expect(JSON.stringify(result)).toBe('{"document":"[redacted]","omitted":[]}');
    expect(result.omitted).toHaveLength(0);
    expect(result).toHaveProperty('document');
  });

  it('takes keys that objects have [C01]', () => {
    const { document } = toDockerConfigJson([entry('__proto__', 'u', 'p'), entry('</script>', 'u', 'p')]);
    expect(document.reveal()).toBe('{"auths":{"__proto__":{"auth":"dTpw"},"\\u003c/script\\u003e":{"auth":"dTpw"}}}');
  });

  it('reads back as what was written, for any entries', () => {
    const text = anyText({ maxLength: 8 });
    const any = fc.tuple(text, text, text, fc.option(text, { nil: undefined }));
    fc.assert(
      fc.property(fc.uniqueArray(any, { selector: ([pattern]) => pattern, maxLength: 5 }), (rows) => {
        const { document, omitted } = toDockerConfigJson(deepFreeze(rows.map((row) => entry(...row))));
        const back = parseDockerConfigJson(document.reveal());
        expect(JSON.stringify(triples(back))).toBe(JSON.stringify(rows.map((row) => row.slice(0, 3))));
        expect(back.map(({ credential }) => credential.email).join()).toBe(
          rows.map((row) => row[3] || undefined).join(),
        );
        expect(omitted).toHaveLength(0);
      }),
    );
  });
});
