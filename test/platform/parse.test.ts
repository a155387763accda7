import { formatPlatform, normalizePlatform, parsePlatform } from 'kubepull/platform';
import { describe, expect, it } from 'vitest';

describe('parsePlatform', () => {
  it('reads version and features of the operating system', () => {
    expect(parsePlatform('windows(10.0.17763.1+win32k+b%2Bc)/amd64')).toEqual({
      os: 'windows',
      architecture: 'amd64',
      'os.version': '10.0.17763.1',
      'os.features': ['win32k', 'b+c'],
    });
  });

  it('leaves out the fields that say nothing', () => {
    expect(Object.keys(parsePlatform('linux()/amd64'))).toEqual(['os', 'architecture']);
  });

  it('fills in the host that is given, and linux/amd64 when none is', () => {
    const host = { os: 'windows', architecture: 'arm', variant: 'v6' };
    expect(parsePlatform('linux', { host })).toEqual({ os: 'linux', architecture: 'arm', variant: 'v6' });
    expect(parsePlatform('linux', { host: { ...host, variant: 'v7' } })).toEqual({ os: 'linux', architecture: 'arm' });
    expect(parsePlatform('arm64', { host })).toEqual({ os: 'windows', architecture: 'arm64' });
    expect(parsePlatform('freebsd')).toEqual({ os: 'freebsd', architecture: 'amd64' });
    expect(parsePlatform('s390x')).toEqual({ os: 'linux', architecture: 's390x' });
  });

  it.each([
    ['', 'the operating system may be followed by (version+feature) only'],
    ['linux/*', 'a part may have letters, digits, underscore, dot and hyphen only, and not be empty'],
    ['linux/arm/v7/x', 'it must be os/architecture/variant or less of it'],
    ['linux(+%zz)/arm', 'a percent sign must be followed by two hex digits'],
    ['unheard-of', 'it is neither a known operating system nor a known architecture'],
    ['a'.repeat(1025), 'it must be os/architecture/variant or less of it'],
  ])('refuses %j', (specifier, reason) => {
    expect(() => parsePlatform(specifier)).toThrow(
      expect.objectContaining({
        code: 'ERR_PLATFORM_INVALID',
        message: expect.stringMatching(reason.replaceAll(/[()+]/g, String.raw`\$&`)) as string,
      }),
    );
  });

  it('quotes no more than 256 characters of a refused specifier', () => {
    expect(() => parsePlatform('x'.repeat(100_000))).toThrow(/^Cannot parse platform "x{256}…": /);
  });
});

describe('normalizePlatform', () => {
  it('changes nothing of what it is given', () => {
    const platform = Object.freeze({ os: 'Linux', architecture: 'x86_64', 'os.features': Object.freeze(['b', 'a']) });
    expect(normalizePlatform(platform)).toEqual({ os: 'linux', architecture: 'amd64', 'os.features': ['a', 'b'] });
  });

  it('takes an empty operating system for the host', () => {
    expect(normalizePlatform({ os: '', architecture: 'arm' })).toEqual({
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
    });
    const host = { os: 'windows', architecture: 'amd64' };
    expect(normalizePlatform({ os: '', architecture: 'amd64' }, { host }).os).toBe('windows');
  });
});

describe('formatPlatform', () => {
  it.each([
    [{ os: '', architecture: 'amd64' }, 'unknown'],
    [{ os: 'linux', architecture: '', variant: 'v7' }, 'linux/v7'],
    [{ os: 'linux', architecture: 'a', 'os.version': '1+(2)/%' }, 'linux(1%2B%282%29%2F%25)/a'],
    [{ os: 'linux', architecture: 'a', 'os.features': ['b', '', 'a', 'b'] }, 'linux(+a+b)/a'],
    [{ os: 'linux', architecture: 'a', 'os.features': [''] }, 'linux/a'],
    [{ os: 'linux', architecture: '..', variant: '.' }, '.'],
    [{ os: '..', architecture: '..' }, '../..'],
  ])('writes %j as %j', (platform, text) => {
    expect(formatPlatform(platform)).toBe(text);
  });
});
