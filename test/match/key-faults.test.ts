// What keeps a key from serving, as the linter and the editor of pull secrets say it.
import { describe, expect, it } from 'vitest';
import { parsePattern } from 'kubepull/match';
import {
  bareKey,
  faultlessKey,
  findKeyFault,
  hostOf,
  type KeyFaultCode,
  nearestKey,
} from '../../src/match/key-faults.ts';

type Row = readonly [key: string, code: KeyFaultCode, message: string, candidate: string | undefined];

const HUB = 'https://index.docker.io/v1/';
const ALIASES = [
  'registry-1.docker.io',
  'registry.docker.io',
  'auth.docker.io',
  'hub.docker.com',
  'registry.hub.docker.com',
  'cloud.docker.com',
  'www.docker.com',
  'docker.com',
];

const rows = (
  code: KeyFaultCode,
  message: string,
  pairs: readonly (readonly [key: string, candidate: string | undefined])[],
): readonly Row[] => pairs.map(([key, candidate]) => [key, code, message, candidate]);

const FAULTS: readonly Row[] = [
  ...rows('KEY_PLACEHOLDER', '"${X}" stands in the key', [
    ['${X}', undefined],
    ['https://${X}.example', undefined],
    ['r.example/${X}/app', undefined],
    ['r.example?${X}', undefined],
    ['OCI://${X}', undefined],
  ]),
  ...rows('KEY_SCHEME_CASE', 'the scheme is read in lower case only', [
    ['HTTPS://r.example', 'https://r.example'],
    ['Http://R.example:5000/Team?x#y', 'http://R.example:5000/Team?x#y'],
    ['HTTPS://user@r.example', 'https://r.example'],
  ]),
  ...rows('KEY_SCHEME_UNKNOWN', 'the scheme "oci://" is not known to kubelet', [
    ['oci://r.example', 'r.example'],
    ['oci://r.example:5000/team?x#y', 'r.example:5000/team?x#y'],
  ]),
  ...rows('KEY_SCHEME_UNKNOWN', 'the scheme "xhttps://" is not known to kubelet', [
    ['xhttps://r.example', 'r.example'],
  ]),
  ...rows('KEY_WITHOUT_HOST', 'there is no host in the key', [
    ['', undefined],
    ['/team', undefined],
    ['https://', undefined],
    ['https:///team', undefined],
    ['user@/team', undefined],
    ['?x', undefined],
  ]),
  ...rows('KEY_HAS_SPACE', 'there is white space in the key', [
    ['r.example ', 'r.example'],
    [' \tr. example', 'r.example'],
    ['https://user@r.example/a b\n/c?x', 'https://r.example/ab/c?x'],
  ]),
  ...rows('KEY_CUT_SHORT', 'the key ends before its ?', [
    ['r?.example', 'r*.example'],
    ['r??.example/te?m', 'r**.example/te*m'],
    ['r.example/te?m', 'r.example/te*m'],
    ['r.example?a b', 'r.example*a b'],
    ['https://r.example/team?x=1', 'r.example/team'],
  ]),
  ...rows('KEY_CUT_SHORT', 'the key ends before its #', [
    ['r.example#x', 'r.example'],
    ['r.example/team#x?', 'r.example/team'],
  ]),
  ...rows('KEY_IPV6_NEEDS_BRACKETS', 'the address has no brackets', [
    ['2001:db8::1', '[2001:db8::1]:443'],
    ['https://2001:db8::1/team', '[2001:db8::1]:443/team'],
    ['::', '[::]:443'],
    ['::ffff:10.0.0.1', '[::ffff:10.0.0.1]:443'],
  ]),
  ...rows('KEY_GLOB_UNSUPPORTED', 'only * may stand in the host', [
    ['{eu,us}.r.example/team', '*.r.example/team'],
    ['a[bc].r.example', 'a*.r.example'],
    ['*{a,b}[cd]*.r.example', '*.r.example'],
    ['r\\*.exam\\ple', 'r*.example'],
    ['r|s.example', 'r|s.example'],
    ['r^.example', 'r^.example'],
    ['r}.example', 'r}.example'],
    ['r].example:x', 'r].example:x'],
  ]),
  ...rows('KEY_DROPPED', 'the key cannot be read as a URL', [
    ['r.example:abc', undefined],
    ['r.example:80:90', undefined],
    ['g::1', undefined],
    ['a:b:c:x', undefined],
    // Its normal form is none either, which is read again.
    ['r.example/%0a', undefined],
    ['https://user:x@r.example:abc/team', 'https://r.example:abc/team'],
  ]),
  ...rows('KEY_DOCKER_HUB_PATH', 'the key is used only without a path', [
    ['https://index.docker.io/v1', HUB],
    ['index.docker.io/v2', HUB],
    ['index.docker.io/v3', 'docker.io/v3'],
    ['index.docker.io/v1x', 'docker.io/v1x'],
    ['index.docker.io/team/v1', 'docker.io/team/v1'],
  ]),
  ...ALIASES.map((host): Row => {
    return [host, 'KEY_DOCKER_HUB_ALIAS', `images of Docker Hub are looked up as docker.io, not ${host}`, HUB];
  }),
  ...rows('KEY_DOCKER_HUB_ALIAS', 'images of Docker Hub are looked up as docker.io, not Registry-1.docker.io', [
    ['https://Registry-1.docker.io:443', HUB],
    ['Registry-1.docker.io/v2', HUB],
    ['Registry-1.docker.io:443/team', 'docker.io/team'],
  ]),
  ...rows('KEY_API_PATH', 'the path /v2 is a part of the name', [
    ['r.example/v2', 'r.example'],
    ['https://r.example:5000/v2', 'r.example:5000'],
  ]),
  ...rows('KEY_API_PATH', 'the path /v1 is a part of the name', [['r.example/v1', 'r.example']]),
  ...rows('KEY_GLOB_IN_PATH', 'the wildcard in the path stands for itself', [
    ['r.example/*', 'r.example'],
    ['r.example/te*m/app', 'r.example'],
    ['r.example:5000/team/*/app*', 'r.example:5000/team/'],
    ['r.example/a/{b,c}', 'r.example/a/'],
    ['r.example/a/b}', 'r.example/a/'],
    ['r.example/a/b[cd]/e', 'r.example/a/'],
    ['r.example/a/b]', 'r.example/a/'],
    ['r.example/a/\\b', 'r.example/a/'],
  ]),
  ...rows('KEY_PATH_IMPOSSIBLE', 'no repository begins with this path', [
    ['r.example/Team/App', 'r.example/team/app'],
    ['r.example:5000/team/app:1.0', 'r.example:5000/team/app'],
    ['r.example/app@sha256:00', 'r.example/app'],
    ['r.example/a//b///c', 'r.example/a/b/c'],
    ['r.example//', 'r.example'],
    ['r.example/a..b', 'r.example/a..b'],
    ['r.example/a___b', 'r.example/a___b'],
    ['r.example/a.-b', 'r.example/a.-b'],
    ['r.example/a-B', 'r.example/a-b'],
    ['r.example/-a', 'r.example/-a'],
    ['r.example/a/_b', 'r.example/a/_b'],
    ['r.example/a+b', 'r.example/a+b'],
    ['r.example/a-/b', 'r.example/a-/b'],
  ]),
  ...rows('KEY_IPV6_NEEDS_PORT', 'the address has no port', [
    ['[2001:db8::1]', '[2001:db8::1]:443'],
    ['https://[2001:db8::1]/team', '[2001:db8::1]:443/team'],
    ['[::ffff:10.0.0.1]', '[::ffff:10.0.0.1]:443'],
  ]),
  ...rows('KEY_HOST_IMPOSSIBLE', 'without dot and port the name is read as one of Docker Hub', [
    ['team', undefined],
    ['team_1-a/app', 'docker.io/team_1-a/app'],
    ['localhost2/app', 'docker.io/localhost2/app'],
  ]),
  ...rows('KEY_HOST_IMPOSSIBLE', 'no image can have this host', [
    ['r..example', undefined],
    ['.example', undefined],
    ['r.example.', undefined],
    ['!r.example', undefined],
    ['r.example!', undefined],
    ['é.example/team', undefined],
    ['é.example:5000', undefined],
  ]),
];

const FAULTLESS: readonly string[] = [
  HUB,
  'index.docker.io',
  'index.docker.io:5000/team',
  'docker.io/team',
  'registry-1.docker.io:5000',
  'http://r.example/v2/',
  'https://user:x@r.example/team',
  'R.example',
  'Team/app',
  'teaM/app',
  'team:5000',
  'te*',
  '*',
  'localhost',
  'localhost/app',
  'x_y-z.example:5000',
  '[2001:db8::1]:5000/team',
  'r.example/v3',
  'r.example/v1x',
  'r.example/team/v1',
  ...['', '.', '_', '__', '-', '---', '/'].map((end) => `r.example/te4m/app2${end}`),
  ...['.', '_', '__', '-', '---'].map((sign) => `r.example/abc${sign}d2${sign}efg/h`),
];

describe('findKeyFault', () => {
  it.each(FAULTS)('finds in %j %s: %s, and cures it as %j', (key, code, message, candidate) => {
    expect(findKeyFault(key)).toEqual({ code, message, candidate });
  });

  it.each(FAULTLESS)('finds nothing in %j', (key) => {
    expect(findKeyFault(key)).toBeUndefined();
  });
});

describe('nearestKey', () => {
  it('cures one fault after the other', () => {
    expect(nearestKey('r.example')).toBe('r.example');
    expect(nearestKey('HTTPS://{eu,us}.r.example /Team//*')).toBe('*.r.example/team/');
  });

  it('gives up after six', () => {
    expect(nearestKey('a://b://c://d://e://r.example')).toBe('r.example');
    expect(nearestKey('a://b://c://d://e://f://r.example')).toBeUndefined();
  });

  it.each(['https://', 'r|s.example', 'r.example:abc', '${X}'])('has none for %j', (key) => {
    expect(nearestKey(key)).toBeUndefined();
  });
});

describe('faultlessKey', () => {
  it('gives a key back that has no fault', () => {
    expect(faultlessKey('*.r.example:5000/team/')).toBe('*.r.example:5000/team/');
    expect(faultlessKey('r.example/*')).toBeUndefined();
  });

  it('gives back no key with user info', () => {
    expect(faultlessKey('user@r.example')).toBeUndefined();
    expect(faultlessKey('https://user:x@r.example')).toBeUndefined();
  });

  it('gives back no key of more than 256 characters', () => {
    const long = `r.example/${'a'.repeat(246)}`;
    expect(faultlessKey(long)).toBe(long);
    expect(faultlessKey(`${long}a`)).toBeUndefined();
  });
});

describe('the parts of a key', () => {
  it('are put together again without the user info', () => {
    const parts = { scheme: 'https://', userInfo: 'user:x', authority: 'r.example:5000', path: '/team', tail: '?x' };
    expect(bareKey(parts)).toBe('https://r.example:5000/team?x');
  });

  it.each([
    ['https://user@r.example:5000/team', 'r.example:5000'],
    ['r.example', 'r.example'],
    ['[::1]:5000/v1/team', '[::1]:5000'],
  ])('have in %s the host and port %s', (key, host) => {
    const target = parsePattern(key);
    expect(target && hostOf(target)).toBe(host);
  });
});
