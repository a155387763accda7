// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import { type ImageIndex, type Platform } from 'kubepull/oci';
import { normalizePlatform, createPlatformMatcher, parsePlatform, selectManifest } from 'kubepull/platform';

const index: ImageIndex = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
const refusal = expect.objectContaining({ code: 'ERR_PLATFORM_INVALID' }) as Error;

describe.each([undefined, null, 'linux/amd64', { os: 'linux', arch: 'amd64' }, { architecture: 'amd64' }])(
  'a platform that is none: %j',
  (platform) => {
    const bad = platform as unknown as Platform;

    it('is refused', () => {
      expect(() => normalizePlatform(bad)).toThrow(refusal);
      expect(() => createPlatformMatcher(bad)).toThrow(refusal);
      expect(() => selectManifest(index, bad)).toThrow(refusal);
    });
  },
);

describe('parsePlatform', () => {
  it.each([undefined, null, 5, { os: 'linux' }])('wants text, not %j', (specifier) => {
    expect(() => parsePlatform(specifier as unknown as string)).toThrow(refusal);
  });
});
