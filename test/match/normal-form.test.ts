// The normal form of a credential key.
import { normalizeKey, parsePattern, toTarget } from 'kubepull/match';
import { imageNamed } from '../support/image-name.ts';
import { describe, expect, it } from 'vitest';

const NORMAL_FORMS: readonly (readonly [key: string, normal: string | undefined])[] = [
  ['https://index.docker.io/v1/', 'index.docker.io'],
  ['index.docker.io/v1/', 'index.docker.io'],
  ['https://index.docker.io/v1', 'index.docker.io/v1'],
  ['docker.io', 'docker.io'],
  ['https://docker.io/', 'docker.io'],
  ['https://registry-1.docker.io/v2/', 'registry-1.docker.io'],
  ['http://foo.com:5000/v2/', 'foo.com:5000'],
  ['foo.com/v1/bar', 'foo.com/bar'],
  ['foo.com/v1/v2/x', 'foo.com/v2/x'],
  ['foo.com/v2', 'foo.com/v2'],
  ['foo.com/v10/x', 'foo.com/v10/x'],
  ['foo.com/v3/x', 'foo.com/v3/x'],
  ['foo.com/team/v1/x', 'foo.com/team/v1/x'],
  ['foo.com/', 'foo.com'],
  ['foo.com/ns/', 'foo.com/ns/'],
  ['foo.com//ns', 'foo.com//ns'],
  ['FOO.com', 'FOO.com'],
  ['https://foo.com:443', 'foo.com:443'],
  ['foo.com:', 'foo.com:'],
  ['user:pw@foo.com', 'foo.com'],
  ['a@b@foo.com', 'foo.com'],
  ['u%41@foo.com', 'foo.com'],
  ['foo.com?x=1', 'foo.com'],
  ['foo.com#x', 'foo.com'],
  ['foo?.com', 'foo'],
  ['foo.com/%41b', 'foo.com/Ab'],
  ['foo.com/%e6%97%a5', 'foo.com/日'],
  ['foo.com/%41%ff%80%7f', 'foo.com/A\udcff\udc80\u007f'],
  ['foo.com/a b', 'foo.com/a b'],
  ['*.foo.com', '*.foo.com'],
  ['*foo.com/images', '*foo.com/images'],
  ['*:5000', '*:5000'],
  ['*', '*'],
  ['[::1]:5000', '[::1]:5000'],
  ['[::1]', '[::1]'],
  ['[fe80::1%25eth0]:5000', '[fe80::1%eth0]:5000'],
  ['[fe80::1%25en%200]', '[fe80::1%en 0]'],
  ['[fe80::1%25%41%5b%25]', '[fe80::1%A[%]'],
  ['[fe80::1%25é]', '[fe80::1%é]'],
  ['[::ffff:1.2.3.4]', '[::ffff:1.2.3.4]'],
  ['[::255.250.249.200]', '[::255.250.249.200]'],
  ['[::199.100.99.0]', '[::199.100.99.0]'],
  ['[1:2:3:4:5:6:7:8]', '[1:2:3:4:5:6:7:8]'],
  ['[1:2:3:4:5:6:7::]', '[1:2:3:4:5:6:7::]'],
  ['[::2:3:4:5:6:7:8]', '[::2:3:4:5:6:7:8]'],
  ['[1::8]', '[1::8]'],
  ['bücher.example', 'bücher.example'],
  ['b%c3%bccher.example', 'bücher.example'],
  ['foo%25.com', 'foo%.com'],
  ['ftp://foo.com', 'ftp://foo.com'],
  ['HTTPS://foo.com', 'HTTPS://foo.com'],
  ['http.example/https://foo.com', 'http.example/https://foo.com'],
  ['', ''],
  ['/', ''],
  ['https://', ''],
  ['/foo', '/foo'],
  ['?x', ''],
  ['#x', ''],
];

const DROPPED: readonly string[] = [
  '::1',
  'a:b:c',
  'foo.com:80:90',
  'a:b]:80',
  'foo%25%41.com',
  'foo.com:abc',
  'foo bar.com',
  'foo\\*.com',
  '{a,b}.foo.com',
  'foo.com|bar',
  'a[bc].foo.com',
  '[a-c].foo.com',
  'a[^bc].foo.com',
  '%2A.foo.com',
  '%zz.foo.com',
  'foo.com/%',
  'foo.com/%4',
  'foo.com#%g1',
  'foo.com/a\u0000b',
  'foo.com?a\nb',
  'foo.com\u007f',
  'us er@foo.com',
  'u%zz@foo.com',
  'u%4@foo.com',
  '[::1',
  '[::1]x',
  '[::1]:http',
  'x[::1]',
  '[1.2.3.4]',
  '[a[::1]',
  '[::256.1.1.1]',
  '[::1.2.3.4.5]',
  '[::1.2.3.4.]',
  '[::1:]',
  '[::311.2.3.4]',
  '[::1.2.3.04]',
  '[1:2:3:4:5:6:7]',
  '[1:2:3:4:5:6:7:8:9]',
  '[1:2:3:4:5:6:7::8]',
  '[1::2::3]',
  '[:::]',
  '[12345::]',
  '[1:2:3:4:5:6:7:8:]',
  '[]',
  '[fe80::1%25]',
  '[fe80::1%25%2f]',
  '[fe80::1%25%80]',
  '[fe80::1%25%%4189]',
  '[fe80::1%25a][b]',
  '[fe80::1%25%c3%a9]',
  '[fe80::1%25%%41f]',
  '[fe80::1%eth0]',
];

describe('normalizeKey', () => {
  it.each(NORMAL_FORMS)('gives %j the normal form %j [C12]', (key, normal) => {
    expect(normalizeKey(key)).toBe(normal);
  });

  it.each(DROPPED)('drops %j [C12]', (key) => {
    expect(normalizeKey(key)).toBeUndefined();
    expect(parsePattern(key)).toBeUndefined();
  });

  it('keeps a control character that stands behind the fragment mark', () => {
    expect(normalizeKey('foo.com#a\u0001')).toBe('foo.com');
  });

  it('leaves glob characters alone in the documented dialect', () => {
    expect(normalizeKey('https://foo?.com/v1/team', { dialect: 'documented' })).toBe('foo?.com/team');
    expect(normalizeKey('a[bc].foo.com', { dialect: 'documented' })).toBe('a[bc].foo.com');
  });
});

describe('parsePattern', () => {
  it('splits a key into labels, port and path', () => {
    expect(parsePattern('https://*.example.com:5000/v2/team')).toEqual({
      key: '*.example.com:5000/team',
      labels: ['*', 'example', 'com'],
      port: '5000',
      path: '/team',
      literal: false,
    });
  });

  it('takes the brackets off an IPv6 address only when there is a port', () => {
    expect(parsePattern('[::1]:5000')).toMatchObject({ labels: ['::1'], port: '5000', literal: true });
    expect(parsePattern('[::1]')).toMatchObject({ labels: ['[::1]'], port: '', literal: false });
  });

  it('takes what stands between two brackets for an address only when it is one, in the documented dialect', () => {
    const labelsOf = (key: string): unknown => parsePattern(key, { dialect: 'documented' })?.labels;
    expect(labelsOf('[::1]')).toEqual(['\\[::1]']);
    expect(labelsOf('[::1]:5000')).toEqual(['::1']);
    expect(labelsOf('[ab]')).toEqual(['[ab]']);
    expect(labelsOf('[::1x')).toEqual(['[::1x']);
    expect(labelsOf('x::1]')).toEqual(['x::1]']);
    expect(labelsOf('x::1y')).toEqual(['x::1y']);
  });

  it('has no host for a key that begins with its path, in the documented dialect too', () => {
    expect(parsePattern('/foo', { dialect: 'documented' })).toMatchObject({ labels: [''], path: '/foo' });
  });

  it('decodes escapes twice, as kubelet parses the stored key again', () => {
    expect(parsePattern('foo.com/%2541')).toMatchObject({ key: 'foo.com/%41', path: '/A' });
    expect(parsePattern('foo.com/a%3Fb')).toMatchObject({ key: 'foo.com/a?b', path: '/a' });
  });

  it('has no target for a key whose normal form is no URL', () => {
    expect(normalizeKey('foo.com/%0a')).toBe('foo.com/\n');
    expect(parsePattern('foo.com/%0a')).toBeUndefined();
  });

  it('keeps bytes that are not UTF-8 apart', () => {
    expect(parsePattern('foo.com/%ff')).not.toEqual(parsePattern('foo.com/%fe'));
  });

  it('refuses an unknown dialect', () => {
    const options = { dialect: 'podman' } as unknown as { readonly dialect: 'kubelet' };
    expect(() => parsePattern('foo.com', options)).toThrow(
      'Cannot match images: option dialect must be kubelet or documented or docker',
    );
  });
});

describe('toTarget', () => {
  it('takes no scheme and no API version off', () => {
    expect(toTarget(imageNamed('https://gcr.io/v1/x'))).toMatchObject({
      labels: ['https'],
      port: '',
      path: '//gcr.io/v1/x',
    });
    expect(toTarget(imageNamed('gcr.io/v1/x'))).toMatchObject({ path: '/v1/x' });
  });

  it.each(['a]b:5000', '[::1]', '[fe80::1%25a]b]:80', '[::1%25%5b]:80'])(
    'does not split the host %j, as net.SplitHostPort',
    (host) => {
      expect(toTarget(imageNamed(host))?.port).toBe('');
    },
  );
});
