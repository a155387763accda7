import type { Digest } from 'kubepull/digest';
import { PlatformNotFoundError } from 'kubepull/errors';
import type { Descriptor, ImageIndex, Platform } from 'kubepull/oci';
import {
  formatPlatform,
  createPlatformMatcher,
  createStrictPlatformMatcher,
  parsePlatform,
  rankManifests,
  selectManifest,
} from 'kubepull/platform';
import { describe, expect, it } from 'vitest';

function entry(platform: Platform | string | undefined, extra: Partial<Descriptor> = {}): Descriptor {
  return {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${'0'.repeat(64)}` as Digest,
    size: 1,
    ...(platform === undefined ? {} : { platform: typeof platform === 'string' ? parsePlatform(platform) : platform }),
    ...extra,
  };
}

function indexOf(...manifests: readonly Descriptor[]): ImageIndex {
  return { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
}

function ranked(index: ImageIndex, wanted: string): readonly string[] {
  const candidates = rankManifests(index, parsePlatform(wanted));
  return candidates.map(({ platform }) => (platform === undefined ? '-' : formatPlatform(platform)));
}

/** All that an arm64 of the version 8.6 or a later one runs, of what is known. */
const FROM_V8_6 = [
  'linux/arm64/v8.6',
  'linux/arm64/v8.1',
  'linux/arm64/v8',
  'linux/arm/v8',
  'linux/arm/v7',
  'linux/arm/v6',
  'linux/arm/v5',
];

describe('rankManifests', () => {
  it.each([
    ['linux/arm64', ['linux/arm64/v8', 'linux/arm/v8', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5']],
    ['linux/arm64/v9.1', FROM_V8_6],
    ['linux/arm64/v8.9', FROM_V8_6],
    ['linux/arm64/v8.6', FROM_V8_6],
    ['linux/arm', ['linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5']],
    ['linux/arm/v5', ['linux/arm/v5']],
    ['linux/amd64', ['linux/amd64', 'linux/386']],
    ['linux/amd64/v3', ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64', 'linux/386']],
    ['linux/386', ['linux/386']],
    ['linux/riscv64', []],
  ])('for %s takes, in order, %j [M10]', (wanted, want) => {
    const index = indexOf(
      ...['arm/v5', 'arm64/v8', '386', 'arm/v7', 'amd64/v2', 'arm64/v8.6', 'amd64', 'amd64/v3'].map((cpu) =>
        entry(`linux/${cpu}`),
      ),
      ...['arm/v6', 'arm64/v8.1', 'arm/v8', 'amd64/v4', 'arm64/v9.2'].map((cpu) => entry(`linux/${cpu}`)),
      entry('windows/amd64'),
    );
    expect(ranked(index, wanted)).toEqual(want);
  });

  it('keeps the order of entries that fit equally well, those without platform last', () => {
    const manifests = [
      entry(undefined, { size: 1 }),
      entry('linux/amd64', { size: 2 }),
      entry(undefined, { size: 3 }),
      entry('linux/amd64', { size: 4 }),
    ];
    expect(rankManifests(indexOf(...manifests), parsePlatform('linux/amd64')).map(({ size }) => size)).toEqual([
      2, 4, 1, 3,
    ]);
  });

  it('skips attestations, also one that names a platform or none [M10]', () => {
    const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' };
    const index = indexOf(
      entry({ os: 'unknown', architecture: 'unknown' }, { annotations }),
      entry('linux/amd64', { annotations }),
      entry(undefined, { annotations }),
      entry('linux/amd64', { size: 7 }),
    );
    expect(rankManifests(index, parsePlatform('linux/amd64')).map(({ size }) => size)).toEqual([7]);
  });

  it('takes more of the wanted features first, and none that were not wanted [M10]', () => {
    const index = indexOf(
      entry('linux/amd64'),
      entry('linux(+a)/amd64'),
      entry('linux(+c)/amd64'),
      entry('linux(+a+b)/amd64'),
    );
    expect(ranked(index, 'linux(+a+b)/amd64')).toEqual(['linux(+a+b)/amd64', 'linux(+a)/amd64', 'linux/amd64']);
  });

  it('uses the matcher that it is given', () => {
    const index = indexOf(entry('linux/386'), entry('linux/amd64/v2'), entry('linux/amd64'));
    const wanted = parsePlatform('linux/amd64');
    expect(rankManifests(index, wanted, createStrictPlatformMatcher(wanted))).toEqual([entry('linux/amd64')]);
  });
});

describe('onlyPlatform', () => {
  it.each([
    ['10.0.17763.1', '10.0.17763.5329', true],
    ['10.0.17763.1', '10.0.20348.1', false],
    ['10.0.19044.1', '10.0.17763.1', false],
    ['10.0.20348.1', '10.0.20348.9', true],
    ['10.0.20348.1', '10.0.17763.1', false],
    ['10.0.22621.1', '10.0.20348.1', true],
    ['10.0.22621.1', '10.0.22621.1', true],
    ['10.0.22621.1', '10.0.26100.1', false],
    ['10.0.26100.1', '10.0.20348.1', true],
    ['10.0.26100.1', '10.0.25398.1', true],
    ['10.0.27000.1', '10.0.26100.1', true],
    ['10.0.27000.1', '10.0.20348.1', false],
    ['10.1.20348.1', '10.0.20348.1', false],
    ['', '10.0.17763.1', true],
    ['10.0.20348.1', '', true],
    ['10.0.20348.1', 'nonsense', false],
    ['nonsense', '10.0.17763.1', true],
    ['10.0.99999.1', '10.0.17763.1', true],
    ['300.0.20348.1', '10.0.17763.1', true],
    ['255.255.65535.1', '10.0.17763.1', false],
  ])('a Windows host %j takes an image for %j: %s', (host, image, fits) => {
    const platform = { os: 'windows', architecture: 'amd64' };
    const matcher = createPlatformMatcher({ ...platform, 'os.version': host });
    expect(matcher.matches({ ...platform, 'os.version': image })).toBe(fits);
  });

  it('does not ask a Windows host for win32k', () => {
    const windows = { os: 'windows', architecture: 'amd64' };
    expect(createPlatformMatcher(windows).matches({ ...windows, 'os.features': ['win32k'] })).toBe(true);
    expect(createPlatformMatcher(windows).matches({ ...windows, 'os.features': ['other'] })).toBe(false);
    const linux = { os: 'linux', architecture: 'amd64' };
    expect(createPlatformMatcher(linux).matches({ ...linux, 'os.features': ['win32k'] })).toBe(false);
  });

  it('orders also what it does not match, by what would match without its features', () => {
    const linux = { os: 'linux', architecture: 'amd64' };
    const near = { ...linux, 'os.features': ['x'] };
    const far = { ...linux, architecture: 'arm64' };
    const { compare } = createPlatformMatcher(linux);
    expect(compare(near, far)).toBeLessThan(0);
    expect(compare(far, near)).toBeGreaterThan(0);
    expect(compare(far, far)).toBe(0);
  });

  it('is not slowed down by a variant with a huge number [M10]', () => {
    const matcher = createPlatformMatcher({ os: 'linux', architecture: 'amd64', variant: 'v999999999' });
    expect(matcher.matches({ os: 'linux', architecture: 'amd64', variant: 'v999999999' })).toBe(true);
    expect(matcher.matches({ os: 'linux', architecture: 'amd64', variant: 'v5' })).toBe(false);
    expect(
      createPlatformMatcher({ os: 'linux', architecture: 'amd64', variant: 'v12' }).matches({
        os: 'linux',
        architecture: 'amd64',
        variant: 'v5',
      }),
    ).toBe(true);
  });

  it('takes nothing for an arm64 variant that is unknown, as containerd', () => {
    const odd = { os: 'linux', architecture: 'arm64', variant: 'v10' };
    expect(createPlatformMatcher(odd).matches(odd)).toBe(false);
    expect(createStrictPlatformMatcher(odd).matches(odd)).toBe(true);
  });
});

describe('selectManifest', () => {
  function failureOf(index: ImageIndex, wanted: string): PlatformNotFoundError {
    try {
      selectManifest(index, parsePlatform(wanted));
    } catch (error) {
      if (error instanceof PlatformNotFoundError) return error;
    }
    throw new Error('expected PlatformNotFoundError');
  }

  it('takes the best candidate', () => {
    const index = indexOf(entry('linux/arm/v7', { size: 1 }), entry('linux/arm64', { size: 2 }));
    expect(selectManifest(index, parsePlatform('linux/arm64')).size).toBe(2);
    expect(selectManifest(index, parsePlatform('linux/arm')).size).toBe(1);
  });

  it('lists what there is, each platform once, without attestations [M10]', () => {
    const index = indexOf(
      entry('linux/amd64'),
      entry({ os: 'unknown', architecture: 'unknown' }),
      entry('linux/arm64'),
      entry('linux/amd64'),
      entry('windows(10.0.17763.1)/amd64'),
    );
    const failure = failureOf(index, 'linux/s390x');
    expect(failure.message).toBe(
      'Cannot select a manifest for linux/s390x: the index has only linux/amd64, linux/arm64, windows(10.0.17763.1)/amd64',
    );
    expect(failure.wanted).toEqual({ os: 'linux', architecture: 's390x' });
    expect(failure.available.map(formatPlatform)).toEqual([
      'linux/amd64',
      'linux/arm64',
      'windows(10.0.17763.1)/amd64',
    ]);
  });

  it('lists a platform of which one half alone is unknown', () => {
    const [os, architecture] = ['unknown', 'unknown'];
    const index = indexOf(entry({ os, architecture: 'amd64' }), entry({ os: 'linux', architecture }));
    expect(failureOf(index, 'linux/s390x').available).toHaveLength(2);
  });

  it('lists 50 at most, each cut [M10]', () => {
    const many = Array.from({ length: 1000 }, (_, at) => entry({ os: 'x'.repeat(5000), architecture: `a${at}` }));
    const failure = failureOf(
      indexOf(...many.map((one, at) => ({ ...one, platform: { os: `o${at}`, architecture: 'y\n'.repeat(3000) } }))),
      'linux',
    );
    expect(failure.available).toHaveLength(50);
    expect(failure.message).toContain(' and 950 more');
    expect(failure.message.length).toBeLessThan(50 * 300);
    expect(failure.message).not.toContain('\n');
  });

  it('says so when an index has no image at all', () => {
    expect(failureOf(indexOf(), 'linux').message).toBe(
      'Cannot select a manifest for linux/amd64: the index has no image',
    );
  });
});
