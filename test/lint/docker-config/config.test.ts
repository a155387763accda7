import { describe, expect, it } from 'vitest';
import { encodeAuth } from 'kubepull/docker-config';
import { type LintCode, lintDockerConfig } from 'kubepull/lint';
import { matchImage } from 'kubepull/match';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../../support/canary.ts';
import { base64, codes, config, configFor, find } from '../support.ts';

describe('lintDockerConfig', () => {
  it('finds nothing in a good document', () => {
    const good = configFor(
      'https://index.docker.io/v1/',
      'ghcr.io',
      '*.r.example:5000',
      'localhost:5000',
      '[::1]:5000',
    );
    expect(lintDockerConfig(good)).toEqual([]);
    expect(lintDockerConfig(new TextEncoder().encode(good), { image: 'nginx' })).toEqual([]);
  });

  it('names the place, the severity, the cause and the cure', () => {
    expect(lintDockerConfig(configFor('foo.com/*'))).toEqual([
      {
        code: 'KEY_GLOB_IN_PATH',
        severity: 'error',
        place: 'auths["foo.com/*"]',
        message: 'The wildcard in the path stands for itself',
        cure: 'End the key before the wildcard: a path is a prefix anyway',
        suggestion: 'foo.com',
      },
    ]);
  });

  it('goes by the document, then by entries beside each other, then by the image', () => {
    const findings = lintDockerConfig(
      config({ 'b.example/x': {}, 'https://a.example': {}, 'a.example': {} }, { credsStore: 'desktop' }),
      { image: 'c.example/app' },
    );
    expect(findings.map(({ code, place }) => `${code} ${place}`)).toEqual([
      'KEY_PREFIX_BROAD auths["b.example/x"]',
      'ENTRY_EMPTY auths["b.example/x"]',
      'ENTRY_EMPTY auths["https://a.example"]',
      'ENTRY_EMPTY auths["a.example"]',
      'CREDENTIAL_HELPER_IGNORED credsStore',
      'KEY_SAME_NORMAL_FORM auths["a.example"]',
      'IMAGE_NOT_COVERED auths',
    ]);
  });

  it('places the entries of a .dockercfg at the top', () => {
    const [found] = lintDockerConfig('{"r.example":{}}', { format: 'dockercfg' });
    expect(found).toMatchObject({ code: 'ENTRY_EMPTY', place: '["r.example"]' });
  });

  it('does not take __proto__ for anything but a key', () => {
    const findings = lintDockerConfig('{"auths":{"__proto__":{"__proto__":{"auth":"!"}}},"__proto__":{"auths":5}}');
    expect(codes(findings)).toEqual(['KEY_HOST_IMPOSSIBLE', 'ENTRY_EMPTY']);
  });

  it.each([5, null, undefined, {}, []])('makes a finding of %j in the place of a document', (json) => {
    expect(codes(lintDockerConfig(json as string))).toEqual(['WRONG_TYPE']);
  });

  it('refuses unknown options', () => {
    expect(() => lintDockerConfig('{}', { format: 'toml' as 'dockercfg' })).toThrow(/format must be/);
    expect(() => lintDockerConfig('{}', { image: 5 as unknown as string })).toThrow(/image must be a text, not 5/);
  });

  it('makes a finding of an image that is no reference', () => {
    const [found] = lintDockerConfig(configFor('r.example'), { image: 'https://r.example/app' });
    expect(found).toMatchObject({ code: 'IMAGE_INVALID', place: 'image', suggestion: 'r.example/app' });
  });

  it('reports more entries and more bytes than it reads', () => {
    const many = config(Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`r${i}.example`, 'x'])));
    const good = configFor(...Array.from({ length: 10_001 }, (_, i) => `r${i}.example`));
    expect(codes(lintDockerConfig(many)).filter((code) => code === 'WRONG_TYPE')).toHaveLength(10_001);
    expect(find(lintDockerConfig(good), 'DOCUMENT_UNREADABLE')?.message).toBe('It has more than 10000 entries');
    expect(codes(lintDockerConfig(' '.repeat(4 * 1024 * 1024 + 1)))).toEqual(['DOCUMENT_UNREADABLE']);
  });
});

describe('the nearest key', () => {
  const suggestion = (key: string, image?: string): string | undefined =>
    lintDockerConfig(configFor(key), { image }).find(({ suggestion: text }) => text !== undefined)?.suggestion;

  it.each([
    ['https://index.docker.io/v1', 'https://index.docker.io/v1/'],
    ['index.docker.io/v2', 'https://index.docker.io/v1/'],
    ['index.docker.io/team', 'docker.io/team'],
    ['registry-1.docker.io', 'https://index.docker.io/v1/'],
    ['https://hub.docker.com', 'https://index.docker.io/v1/'],
    ['registry.hub.docker.com/team', 'docker.io/team'],
    ['foo.com/*', 'foo.com'],
    ['foo.com/team/*', 'foo.com/team/'],
    ['foo.com/te*m/app', 'foo.com'],
    ['HTTPS://foo.com/*', 'foo.com'],
    ['HTTPS://foo.com', 'https://foo.com'],
    ['docker://foo.com/team', 'foo.com/team'],
    [' foo.com', 'foo.com'],
    ['foo.com/App:1', 'foo.com/app'],
    ['foo.com//team', 'foo.com/team'],
    ['foo.com/v2', 'foo.com'],
    ['foo?.com', 'foo*.com'],
    ['foo.com?x=1', 'foo.com'],
    ['{a,b}.foo.com', '*.foo.com'],
    ['a[bc].foo.com', 'a*.foo.com'],
    ['foo\\*.com', 'foo*.com'],
    ['Foo.com/team', 'foo.com/team'],
    ['foo.com:443', 'foo.com'],
    ['*my-registry.io', '*.my-registry.io'],
    ['team/app', 'docker.io/team/app'],
    ['::1', '[::1]:443'],
    ['[::1]', '[::1]:443'],
  ])('to %s is %s', (key, nearest) => {
    expect(suggestion(key)).toBe(nearest);
  });

  it.each(['a:b:c:x', 'foo.com:80:90', '', '/', 'https://', 'team', 'foo|bar.com', '\u{1f600}.com'])(
    'to %j is not clear',
    (key) => {
      expect(lintDockerConfig(configFor(key))[0]).toMatchObject({ severity: 'error', suggestion: undefined });
    },
  );

  it.each<readonly [key: string, image: string, code: LintCode, nearest: string]>([
    ['foo.com', 'foo.com:443/app', 'KEY_PORT_DIFFERS', 'foo.com:443'],
    ['foo.com:5000', 'foo.com/app', 'KEY_PORT_DIFFERS', 'foo.com'],
    ['*.foo.com', 'eu.foo.com:5000/app', 'KEY_PORT_DIFFERS', '*.foo.com:5000'],
    ['[::1]:5000', '[::1]:5001/app', 'KEY_PORT_DIFFERS', '[::1]:5001'],
    ['*.foo.com', 'a.b.foo.com/app', 'KEY_LABEL_COUNT', '*.*.foo.com'],
    ['*.*.foo.com', 'b.foo.com/app', 'KEY_LABEL_COUNT', '*.foo.com'],
    ['*.foo.com', 'foo.com/app', 'KEY_LABEL_COUNT', 'foo.com'],
    ['foo.com', 'eu.foo.com/app', 'KEY_LABEL_COUNT', 'eu.foo.com'],
    ['*my-registry.io/images/', 'sub.my-registry.io/images/app', 'KEY_LABEL_COUNT', '*.my-registry.io/images/'],
    ['*my-registry.io/images/', 'a.sub.my-registry.io/images/app', 'KEY_LABEL_COUNT', '*.*.my-registry.io/images/'],
    ['docker.io/nginx', 'nginx', 'KEY_PATH_DIFFERS', 'docker.io/library/nginx'],
    ['foo.com/team/app', 'foo.com/other/app:1', 'KEY_PATH_DIFFERS', 'foo.com/other/app'],
    ['ghcr.io', 'foo.com:5000/app', 'IMAGE_NOT_COVERED', 'foo.com:5000'],
    ['ghcr.io', 'team/app', 'IMAGE_NOT_COVERED', 'https://index.docker.io/v1/'],
  ])('to %s for the image %s is found', (key, image, code, nearest) => {
    expect(find(lintDockerConfig(configFor(key), { image }), code)?.suggestion).toBe(nearest);
  });

  it('is not looked for when another key serves the image, or when the key has a fault of its own', () => {
    expect(lintDockerConfig(configFor('foo.com:5000', 'foo.com'), { image: 'foo.com/app' })).toEqual([]);
    expect(codes(lintDockerConfig(configFor('foo.com/*'), { image: 'foo.com/app' }))).toEqual([
      'KEY_GLOB_IN_PATH',
      'IMAGE_NOT_COVERED',
    ]);
  });

  it('is left open where kubelet would read it otherwise', () => {
    // The key r.example/v1/app has the normal form r.example/app.
    const findings = lintDockerConfig(configFor('r.example/team/'), { image: 'r.example/v1/app' });
    expect(codes(findings)).toEqual(['KEY_TRAILING_SLASH', 'IMAGE_NOT_COVERED']);
  });

  it('keeps a key as it is that matches the image exactly', () => {
    const image = 'foo.com:443/team/app';
    const [found] = lintDockerConfig(configFor('foo.com:443/team/app'), { image });
    expect(found).toMatchObject({ code: 'KEY_PREFIX_BROAD', suggestion: undefined });
    expect(matchImage('foo.com:443/team/app', parseImageName('foo.com:443/team/app-evil')).matched).toBe(true);
  });
});

describe('a placeholder in a key', () => {
  it.each([
    ['${REGISTRY}', '"${REGISTRY}"'],
    ['https://$(REGISTRY)/v1/', '"$(REGISTRY)"'],
    ['$REGISTRY/team', '"$REGISTRY"'],
    ['{{ .Values.registry }}', '"{{ .Values.registry }}"'],
    ['<no value>/team', '"<no value>"'],
    ['r.example/%TEAM%', '"%TEAM%"'],
  ])('is named: %s', (key, shown) => {
    const [found, ...others] = lintDockerConfig(configFor(key));
    expect(found).toMatchObject({
      code: 'KEY_PLACEHOLDER',
      message: `${shown} stands in the key`,
      suggestion: undefined,
    });
    expect(others).toEqual([]);
  });

  it('is not looked for in user info, which may be a password', () => {
    const [found] = lintDockerConfig(configFor('https://user:pa$word@r.example'));
    expect(found?.code).toBe('KEY_HAS_USER_INFO');
  });
});

describe('what a finding shows', () => {
  it.each([
    (secret: string) => `https://user:${secret}@r.example`,
    (secret: string) => `user:a/${secret}@r.example/team`,
    (secret: string) => `user:a#${secret}@r.example`,
    (secret: string) => `oci://user:${secret}@r.example/*`,
    (secret: string) => `r.example?token=${secret}`,
    (secret: string) => `r.example/team#token=${secret}`,
    (secret: string) => `user@x:${secret}@R.example:443/team`,
    (secret: string) => `a\\b:${secret}@*.io`,
  ])('of a key with a secret in it is only the rest (%#)', (make) => {
    const secret = canary('password');
    const findings = lintDockerConfig(configFor(make(secret)), { image: 'ghcr.io/team/app' });
    expect(findings).not.toHaveLength(0);
  });

  it('of a key with a digest is the digest, too', () => {
    const [found] = lintDockerConfig(configFor('r.example/app@sha256:00'));
    expect(found).toMatchObject({ code: 'KEY_PATH_IMPOSSIBLE', place: 'auths["r.example/app@sha256:00"]' });
    expect(found?.suggestion).toBe('r.example/app');
  });

  it('of a text that is no JSON is the fault, without the character', () => {
    expect(lintDockerConfig('hunter2')).toMatchObject([
      { code: 'DOCUMENT_UNREADABLE', message: 'Go says: invalid character looking for beginning of value (byte 0)' },
    ]);
  });

  it('is never a value, wherever it stands', () => {
    const secret = canary('password');
    const findings = [
      secret,
      JSON.stringify(secret),
      `{"auths":{"r.example":{"username":{"${secret}":1}}}}`,
      `{"auths":{"r.example":"${secret}"}}`,
      `{"auths":{"r.example":["${secret}"]}}`,
      `{"auths":"${secret}","HttpHeaders":"${secret}"}`,
      `{"HttpHeaders":{"Authorization":"${secret}","X":["${secret}"]},"credsStore":"${secret}"}`,
      config({ 'r.example': { username: `${secret}:x`, password: ` ${secret}\n`, auth: encodeAuth(secret, 'old') } }),
      config({ 'r.example': { auth: base64(`"${secret}":\0'${secret}'\n`) } }),
      config({ 'r.example': { auth: `${secret}-_` } }),
    ].map((json) => lintDockerConfig(json));
    for (const found of findings) expect(found).not.toHaveLength(0);
  });
});

describe('credentials', () => {
  it('exempts the JSON key of a Google service account', () => {
    const password = '{\n  "type": "service_account"\n}\n';
    expect(lintDockerConfig(config({ 'gcr.io': { auth: encodeAuth('_json_key', password) } }))).toEqual([]);
  });

  it('has one finding for a token without user name and password', () => {
    const json = config({ 'r.example': { auth: 'Og==', identitytoken: canary('password') } });
    expect(lintDockerConfig(json)).toMatchObject([
      { code: 'TOKEN_IGNORED', place: 'auths["r.example"].identitytoken' },
    ]);
  });

  it('places a fault of a plain field at the field', () => {
    const json = config({ 'r.example': { username: 'user', password: `${canary('password')}\n` } });
    expect(lintDockerConfig(json)).toMatchObject([
      { code: 'PASSWORD_ENDS_WITH_NEWLINE', place: 'auths["r.example"].password' },
    ]);
  });

  it('says what hides the entry of Docker Hub, and how much of it', () => {
    const found = lintDockerConfig(configFor('docker.io/team/', 'index.docker.io', '*.io', 'ghcr.io'));
    expect(found.filter(({ code }) => code === 'DOCKER_HUB_ENTRY_HIDDEN')).toMatchObject([
      {
        place: 'auths["index.docker.io"]',
        message: '"docker.io/team/" is tried instead for images that begin with "/team/" of Docker Hub',
      },
      { message: '"*.io" is tried instead for all images of Docker Hub' },
    ]);
  });

  it.each([
    [
      'a bare key of 73 characters',
      `AKCp8${'x'.repeat(68)}`,
      'It has 73 characters, and base64 never has one more than a multiple of four: it may be a bare key or token; Go says: illegal base64 data at input byte 72',
    ],
    [
      'the URL-safe alphabet',
      'dTpw_w==',
      'It is in the URL-safe alphabet, with - or _; Go says: illegal base64 data at input byte 4',
    ],
    [
      'padding that is too short',
      'dTpwdw=',
      'Its padding is not what must end it; Go says: illegal base64 data at input byte 7',
    ],
    [
      'a length that is cut off',
      'dTpwd',
      'It has 5 characters, and base64 never has one more than a multiple of four: it may be cut off; Go says: illegal base64 data at input byte 4',
    ],
    ['white space', 'dTpw dw==', 'It has white space in it; Go says: illegal base64 data at input byte 4'],
    [
      'plain text',
      'user:pass',
      'It is user:password itself, which is not encoded; Go says: illegal base64 data at input byte 4',
    ],
    [
      'another character',
      'dTpw!dw==',
      'It has a character that base64 does not have; Go says: illegal base64 data at input byte 4',
    ],
  ])('says that auth is no base64 because of %s', (_, auth, message) => {
    const found = find(lintDockerConfig(config({ 'r.example': { auth } })), 'AUTH_NOT_BASE64');
    expect(found?.message).toBe(message);
  });

  it('does not say of an image that no key matches, where the entry of its registry cannot be read', () => {
    const findings = lintDockerConfig(config({ 'r.example': { auth: 'not base64' } }), { image: 'r.example/app:1' });
    expect(codes(findings)).toEqual(['AUTH_NOT_BASE64']);
  });

  it('suggests the lower case of a host that differs in case only', () => {
    const findings = lintDockerConfig(configFor('azureregistrydemo1.azurecr.io'), {
      image: 'AzureRegistryDemo1.azurecr.io/web:acr',
    });
    expect(findings).toMatchObject([{ code: 'KEY_CASE_DIFFERS', suggestion: 'azureregistrydemo1.azurecr.io' }]);
  });
});
