import { describe, expect, it } from 'vitest';
import {
  compareReferences,
  formatReference,
  KNOWN_ARCHITECTURES,
  parseReference,
  sortReferences,
  stripArchSuffix,
  withArchSuffix,
} from 'kubepull/reference';

const DIGEST = `sha256:${'0'.repeat(64)}`;

describe('withArchSuffix', () => {
  it.each([
    ['registry.k8s.io/pause:3.10', 'arm64', 'registry.k8s.io/pause-arm64:3.10'],
    ['nginx', 'amd64', 'docker.io/library/nginx-amd64'],
    ['quay.io/a/b', 'arm64-v8', 'quay.io/a/b-arm64-v8'],
  ])('%s for %s', (image, arch, want) => {
    expect(formatReference(withArchSuffix(image, arch))).toBe(want);
  });

  it.each(['', 'AMD64', '-', 'a--b', 'a/b', 'a:b', '-a', 'a-', 'a_.b', 'amd64 '])(
    'refuses %j as an architecture',
    (arch) => {
      expect(() => withArchSuffix('nginx', arch)).toThrow(
        expect.objectContaining({
          code: 'ERR_OPTION_INVALID',
          message: `Cannot add architecture ${JSON.stringify(arch)} to a name: it is not lower-case letters and digits`,
        }),
      );
    },
  );

  it('refuses a digest, which names other content, and a name that gets too long', () => {
    expect(() => withArchSuffix(`nginx@${DIGEST}`, 'amd64')).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message: `Cannot change the name of "docker.io/library/nginx@${DIGEST}": its digest names other content`,
      }),
    );
    expect(() => withArchSuffix('a'.repeat(247), 'amd64')).toThrow(expect.objectContaining({ reason: 'too-long' }));
  });
});

describe('stripArchSuffix', () => {
  it('gives the name without suffix whole, with its tag', () => {
    expect(stripArchSuffix('registry.k8s.io/pause-arm64:3.10')).toEqual({
      reference: parseReference('registry.k8s.io/pause:3.10'),
      architecture: 'arm64',
    });
  });

  it.each(KNOWN_ARCHITECTURES)('undoes the suffix %s', (arch) => {
    const ref = parseReference('registry.k8s.io/pause:3.10');
    const { reference, architecture } = stripArchSuffix(withArchSuffix(ref, arch));
    expect(architecture).toBe(arch);
    expect(formatReference(reference)).toBe(formatReference(ref));
  });

  it('leaves a name without a known suffix as it is', () => {
    const ref = parseReference('quay.io/a/app-v2');
    expect(stripArchSuffix(ref)).toEqual({ reference: ref, architecture: undefined });
    expect(stripArchSuffix('quay.io/a/x--amd64').architecture).toBeUndefined();
    expect(stripArchSuffix('amd64-app').architecture).toBeUndefined();
    expect(stripArchSuffix('quay.io/a/amd64').architecture).toBeUndefined();
    expect(stripArchSuffix(`quay.io/a/app@${DIGEST}`).reference.digest).toBe(DIGEST);
  });

  it('knows other suffixes when told, and refuses a digest', () => {
    expect(stripArchSuffix('app-windows', ['windows']).reference.path).toBe('library/app');
    expect(() => stripArchSuffix(`app-amd64@${DIGEST}`)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
  });
});

describe('sortReferences', () => {
  it('puts tag and digest first, then tag, digest, name, bare digests, and what does not parse', () => {
    const bare = 'f'.repeat(64);
    const sorted = sortReferences([
      'Z',
      '\u{1f600}',
      '\uffee',
      'b',
      'a',
      bare,
      `b@${DIGEST}`,
      'b:1',
      'a:2',
      `c:1@${DIGEST}`,
      DIGEST,
    ]);
    expect(sorted).toEqual([
      `docker.io/library/c:1@${DIGEST}`,
      'docker.io/library/a:2',
      'docker.io/library/b:1',
      `docker.io/library/b@${DIGEST}`,
      'docker.io/library/a',
      'docker.io/library/b',
      DIGEST,
      `sha256:${bare}`,
      'Z',
      // By code point, not by UTF-16 unit.
      '\uffee',
      '\u{1f600}',
    ]);
  });

  it('puts a text in front of what begins with it, and the same texts side by side', () => {
    expect(sortReferences(new Set(['A1', 'A', 'a1', 'a', 'A12']))).toEqual([
      'docker.io/library/a',
      'docker.io/library/a1',
      'A',
      'A1',
      'A12',
    ]);
    expect(sortReferences(['A\0', 'A'])).toEqual(['A', 'A\0']);
    expect(sortReferences(['b', 'docker.io/b', 'a', 'b'])).toEqual([
      'docker.io/library/a',
      ...Array.from({ length: 3 }, () => 'docker.io/library/b'),
    ]);
  });

  it('agrees with compareReferences', () => {
    const refs = ['b', 'a:1', `b@${DIGEST}`, 'quay.io/x', `a:1@${DIGEST}`].map((text) => parseReference(text));
    const compared = refs.toSorted(compareReferences).map((ref) => formatReference(ref));
    expect(compared).toEqual(sortReferences(refs.map((ref) => ref.input)));
    expect(compareReferences(parseReference('nginx'), parseReference('docker.io/library/nginx'))).toBe(0);
  });
});
