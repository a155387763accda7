import fc from 'fast-check';
import { isImageError } from 'kubepull/errors';
import type { Digest } from 'kubepull/digest';
import type { ImageIndex, Platform } from 'kubepull/oci';
import {
  formatPlatform,
  normalizePlatform,
  createPlatformMatcher,
  createStrictPlatformMatcher,
  parsePlatform,
  rankManifests,
} from 'kubepull/platform';
import { describe, expect, it } from 'vitest';
import { anyText } from '../support/any-text.ts';

const NAMES = ['linux', 'Linux', 'windows', 'macos', 'freebsd', 'unknown'];
const CPUS = ['amd64', 'x86_64', '386', 'i386', 'arm', 'armhf', 'armel', 'arm64', 'AArch64', 's390x'];
const VARIANTS = ['', 'v1', 'v2', 'v5', 'v6', 'v7', '7', 'v8', '8', 'v8.1', 'v9', '9.0', 'v9.2', 'x'];

const feature = fc.string({ unit: fc.constantFrom(...Array.from('ab1.+%/()-')), minLength: 1, maxLength: 4 });
const platform: fc.Arbitrary<Platform> = fc.record(
  {
    os: fc.constantFrom(...NAMES),
    architecture: fc.constantFrom(...CPUS),
    variant: fc.constantFrom(...VARIANTS),
    'os.version': fc.constantFrom('', '10.0.17763.1', '10.0.20348.1', '10.0.26100.2', 'x'),
    'os.features': fc.array(feature, { maxLength: 3 }),
  },
  { requiredKeys: ['os', 'architecture'] },
);
const simpleFeatures = fc.record({
  os: fc.constantFrom('linux', 'windows'),
  architecture: fc.constantFrom('amd64', 'arm64', 'arm'),
  'os.features': fc.array(fc.constantFrom('a', 'b', 'win32k'), { maxLength: 2 }),
});
const candidate = fc.oneof(platform, simpleFeatures);

describe('normalizePlatform', () => {
  it('is idempotent', () => {
    fc.assert(
      fc.property(platform, (one) => {
        const normal = normalizePlatform(one);
        expect(normalizePlatform(normal)).toEqual(normal);
      }),
    );
  });
});

describe('formatPlatform', () => {
  it('writes what parsePlatform reads back, up to the normal form', () => {
    fc.assert(
      fc.property(platform, (one) => {
        const normal = normalizePlatform(one);
        expect(normalizePlatform(parsePlatform(formatPlatform(normal)))).toEqual(normal);
      }),
    );
  });

  it('is stable: what was parsed is written and parsed the same again', () => {
    fc.assert(
      fc.property(platform, (one) => {
        const parsed = parsePlatform(formatPlatform(one));
        expect(parsePlatform(formatPlatform(parsed))).toEqual({
          ...parsed,
          ...(parsed['os.features'] === undefined
            ? {}
            : { 'os.features': [...new Set(parsed['os.features'])].toSorted() }),
        });
      }),
    );
  });
});

describe('parsePlatform', () => {
  it('throws nothing but ERR_PLATFORM_INVALID', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyText(), fc.string({ unit: fc.constantFrom(...Array.from('linuxarm64/()+%2v.* ')) })),
        (specifier) => {
          try {
            parsePlatform(specifier);
          } catch (error) {
            expect(isImageError(error) && error.code).toBe('ERR_PLATFORM_INVALID');
          }
        },
      ),
    );
  });
});

describe('onlyPlatform', () => {
  it('compares as a total preorder: antisymmetric and transitive [M10]', () => {
    fc.assert(
      fc.property(platform, candidate, candidate, candidate, (wanted, a, b, c) => {
        const { compare } = createPlatformMatcher(wanted);
        expect(Math.sign(compare(a, b))).toBe(Math.sign(compare(b, a)) * -1 + 0);
        expect(compare(a, a)).toBe(0);
        if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('matches whatever onlyStrictPlatform matches, and puts it first', () => {
    fc.assert(
      fc.property(platform, candidate, candidate, (wanted, a, b) => {
        const isKnown = !/arm64|aarch64/i.test(wanted.architecture) || /^$|^v?[89]/.test(wanted.variant ?? '');
        if (!isKnown || !createStrictPlatformMatcher(wanted).matches(a)) return;
        expect(createPlatformMatcher(wanted).matches(a)).toBe(true);
        if (!createStrictPlatformMatcher(wanted).matches(b))
          expect(createPlatformMatcher(wanted).compare(a, b)).toBeLessThan(0);
      }),
    );
  });
});

describe('rankManifests', () => {
  it('gives a stable order that does not depend on spelling [M10]', () => {
    fc.assert(
      fc.property(
        platform,
        fc.array(fc.option(candidate, { nil: undefined }), { maxLength: 8 }),
        (wanted, platforms) => {
          const rank = (list: readonly (Platform | undefined)[]): readonly number[] => {
            const manifests = list.map((one, size) => ({
              mediaType: 'application/vnd.oci.image.manifest.v1+json',
              digest: `sha256:${'0'.repeat(64)}` as Digest,
              size,
              ...(one === undefined ? {} : { platform: one }),
            }));
            const index: ImageIndex = {
              schemaVersion: 2,
              mediaType: 'application/vnd.oci.image.index.v1+json',
              manifests,
            };
            return rankManifests(index, wanted).map(({ size }) => size);
          };
          const order = rank(platforms);
          expect(new Set(order).size).toBe(order.length);
          const reordered = rank(order.map((place) => platforms[place]));
          expect(reordered).toEqual(order.map((_, place) => place));
          const respelt = platforms.map(
            (one) => one && { ...one, os: one.os.toUpperCase(), architecture: one.architecture.toUpperCase() },
          );
          expect(rank(respelt)).toEqual(order);
        },
      ),
    );
  });
});
