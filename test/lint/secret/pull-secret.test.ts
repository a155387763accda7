import { describe, expect, it } from 'vitest';
import { lintPullSecret } from 'kubepull/lint';
import { createPullSecret } from 'kubepull/pull-secrets';
import { canary } from '../../support/canary.ts';
import { base64, codes, configFor, secretOf } from '../support.ts';

describe('lintPullSecret', () => {
  it('finds nothing in what createPullSecret writes', () => {
    const secret = createPullSecret({ name: 'creds', username: 'user', password: canary('password') });
    expect(lintPullSecret(secret, { image: 'nginx' })).toEqual([]);
  });

  it('lints the document in its place, also in stringData and under the other type', () => {
    const bad = configFor('foo.com/*');
    expect(lintPullSecret(secretOf(bad))[0]?.place).toBe('data[".dockerconfigjson"].auths["foo.com/*"]');
    const plain = { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': bad } };
    expect(lintPullSecret(plain)[0]?.place).toBe('stringData[".dockerconfigjson"].auths["foo.com/*"]');
    expect(codes(lintPullSecret(secretOf(bad, 'Opaque')))).toEqual(['SECRET_TYPE_WRONG', 'KEY_GLOB_IN_PATH']);
    const old = secretOf('{"r.example":{}}', 'kubernetes.io/dockercfg', '.dockercfg');
    expect(lintPullSecret(old)[0]?.place).toBe('data[".dockercfg"]["r.example"]');
  });

  it('suggests the type of the data key', () => {
    expect(lintPullSecret(secretOf('{}', 'Opaque', '.dockercfg'))[0]?.suggestion).toBe('kubernetes.io/dockercfg');
    expect(lintPullSecret({})[0]).toMatchObject({
      code: 'SECRET_TYPE_WRONG',
      place: 'type',
      suggestion: 'kubernetes.io/dockerconfigjson',
    });
  });

  it('tells one document of the wrong form from the other', () => {
    const modern = secretOf(configFor('r.example'), 'kubernetes.io/dockercfg', '.dockercfg');
    expect(codes(lintPullSecret(modern))).toEqual(['AUTHS_DOUBLED']);
    expect(codes(lintPullSecret(secretOf('{"r.example":{"auth":"dTpw"}}')))).toEqual(['AUTHS_MISSING']);
  });

  it('finds base64 twice, in data and in stringData', () => {
    const once = base64(configFor('r.example'));
    expect(codes(lintPullSecret(secretOf(once)))).toEqual(['DOCUMENT_IS_BASE64']);
    const plain = { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': `${once}\n` } };
    expect(codes(lintPullSecret(plain))).toEqual(['DOCUMENT_IS_BASE64']);
  });

  it('asks for the entry of the image', () => {
    const findings = lintPullSecret(secretOf(configFor('r.example')), { image: 'r.example:5000/app' });
    expect(codes(findings)).toEqual(['KEY_PORT_DIFFERS', 'IMAGE_NOT_COVERED']);
    expect(codes(lintPullSecret(secretOf(configFor('r.example')), { image: 'A' }))).toEqual(['IMAGE_INVALID']);
  });

  it.each([null, 5, [], { data: 5, type: 5, metadata: [] }, { data: { '.dockerconfigjson': 5 }, stringData: null }])(
    'takes %j for a secret with faults',
    (value) => {
      expect(lintPullSecret(value as object)).not.toHaveLength(0);
    },
  );

  it('shows no value of any kind', () => {
    const secret = canary('password');
    const findings = lintPullSecret({
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': `{${secret}`, other: `${secret}!`, third: [secret] as unknown as string },
      stringData: { fourth: secret },
    });
    expect(codes(findings)).toEqual(['OBJECT_MALFORMED', 'SECRET_DATA_PLAIN_TEXT', 'SECRET_DATA_NOT_BASE64']);
    expect(findings).toHaveLength(3);
  });
});
