// A key as text: its parts, what of it is shown, and what stands in it for a value.
import { describe, expect, it } from 'vitest';
import { placeOf, showKey, splitKey } from '../../src/match/key-parts.ts';
import { findPlaceholder } from '../../src/match/placeholder.ts';
import { canary } from '../support/canary.ts';

describe('splitKey', () => {
  it.each([
    ['r.example', '', undefined, 'r.example', '', ''],
    ['https://user:x@r.example:5000/team?a=1#b', 'https://', 'user:x', 'r.example:5000', '/team', '?a=1#b'],
    ['r.example/team#a?b', '', undefined, 'r.example', '/team', '#a?b'],
    ['a@b@r.example/c@d', '', 'a@b', 'r.example', '/c@d', ''],
    ['@r.example', '', '', 'r.example', '', ''],
    ['', '', undefined, '', '', ''],
    ['/team', '', undefined, '', '/team', ''],
    ['?x', '', undefined, '', '', '?x'],
    ['OCI+v1.0-x2://r.example', 'OCI+v1.0-x2://', undefined, 'r.example', '', ''],
    ['x://r.example', 'x://', undefined, 'r.example', '', ''],
    ['9p://r.example', '', undefined, '9p:', '//r.example', ''],
    ['r.example/https://a', '', undefined, 'r.example', '/https://a', ''],
  ])('cuts %j at the signs of a URL', (key, scheme, userInfo, authority, path, tail) => {
    expect(splitKey(key)).toEqual({ scheme, userInfo, authority, path, tail });
  });
});

describe('showKey', () => {
  it.each([
    ['https://r.example:5000/team', '"https://r.example:5000/team"'],
    ['@r.example', '"…@r.example"'],
    ['a@sha:0', '"…@sha:0"'],
    ['a@xsha256:0', '"…@xsha256:0"'],
    ['sha256:0@r.example', '"…@r.example"'],
    ['r.example/app@sha256:00', '"r.example/app@sha256:00"'],
    ['@sha256:00', '"@sha256:00"'],
    ['r.example?x', '"r.example?x"'],
  ])('shows %j as %s', (key, shown) => {
    expect(showKey(key)).toBe(shown);
  });

  it.each([
    [(secret: string) => `https://user:${secret}@r.example/team`, '"https://…@r.example/team"'],
    [(secret: string) => `user:a/${secret}@r.example`, '"…@r.example"'],
    [(secret: string) => `${secret}@r.example/app@sha256:00`, '"…@r.example/app@sha256:00"'],
    [(secret: string) => `r.example/team?token=${secret}`, '"r.example/team?…"'],
    [(secret: string) => `r.example#token=${secret}`, '"r.example#…"'],
  ])('leaves a secret out (%#)', (make, shown) => {
    expect(showKey(make(canary('password')))).toBe(shown);
  });

  it('is a part of the place of an entry, and of its field', () => {
    expect(placeOf('auths', 'user@r.example')).toBe('auths["…@r.example"]');
    expect(placeOf('auths', 'r.example', 'auth')).toBe('auths["r.example"].auth');
    expect(placeOf('', 'r.example')).toBe('["r.example"]');
  });
});

describe('findPlaceholder', () => {
  it.each([
    '${}',
    '${REGISTRY}',
    '$()',
    '$(REGISTRY)',
    '$REGISTRY_1',
    '{{}}',
    '{{ .Values.registry }}',
    '<no value>',
    '<nil>',
    '<x>',
    '<your registry-1>',
    '<REGISTRY_HOST>',
    '%TEAM_1%',
    '%!s()',
    '%!v(MISSING)',
    '__REGISTRY_1__',
    '__R__',
    '@REGISTRY_HOST@',
    '@R@',
  ])('finds %s within a text', (placeholder) => {
    expect(findPlaceholder(`r.example/${placeholder}/app`)).toBe(placeholder);
  });

  it.each([
    '',
    'r.example',
    'a$',
    '${a',
    '$(a',
    '{a}',
    '{{a}',
    '<>',
    '<a.b>',
    '50%/%',
    '%a b%',
    '%!(a)',
    '__x__',
    '@a@',
  ])('finds nothing in %j', (text) => {
    expect(findPlaceholder(text)).toBeUndefined();
  });

  it('reads no farther than 80 characters, or 40 between signs that other texts have too', () => {
    const [forty, eighty] = ['a'.repeat(40), 'a'.repeat(80)];
    for (const long of [
      `\${${eighty}}`,
      `$(${eighty})`,
      `{{${eighty}}}`,
      `<${forty}>`,
      `%${forty}%`,
      `%!s(${forty})`,
    ]) {
      expect(findPlaceholder(long)).toBe(long);
      expect(findPlaceholder(long.replace('a', 'aa'))).toBeUndefined();
    }
    expect(findPlaceholder(`$${eighty}a`)).toBe(`$${eighty}`);
  });
});
