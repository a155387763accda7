// The golden cases of Go and kubelet, through the public API. Where a case has `newGo`, that is the result to give.
import { readFileSync } from 'node:fs';
import { globMatch, matchImages, type MatchResult, matchTarget, parseImage } from 'kubepull/match';
import { describe, expect, it } from 'vitest';

interface GlobCase {
  readonly pattern: string;
  readonly name: string;
  readonly matched: boolean;
  readonly err?: string;
}

interface UrlsOutcome {
  readonly matched: boolean;
  readonly err?: string;
}

interface UrlsCase extends UrlsOutcome {
  readonly glob: string;
  readonly target: string;
  readonly newGo?: UrlsOutcome;
}

interface MatchImagesCase {
  readonly matchImages: readonly string[];
  readonly image: string;
  readonly allowed: boolean;
  readonly newGo?: boolean;
}

function casesOf(name: string): unknown {
  const url = new URL(`../vectors/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { readonly cases: unknown }).cases;
}

/** URLsMatchStr takes both texts as they are, without a key's normal form. */
function urlsMatch(glob: string, target: string): MatchResult {
  const pattern = parseImage(glob);
  if (pattern === undefined) return { matched: false, because: 'invalid-pattern' };
  const image = parseImage(target);
  return image === undefined ? { matched: false, because: 'invalid-image' } : matchTarget(pattern, image);
}

describe('globMatch', () => {
  it('C03 agrees with filepath.Match on every case of glob.json', () => {
    const cases = casesOf('glob') as readonly GlobCase[];
    const differing = cases.filter(({ pattern, name, matched, err }) => {
      const want = err !== undefined ? 'bad-pattern' : matched ? 'match' : 'no-match';
      return globMatch(pattern, name) !== want;
    });
    expect(cases.length).toBeGreaterThan(1000);
    expect(differing).toEqual([]);
  });
});

describe('matchTarget', () => {
  it('A26 agrees with URLsMatchStr on every case of urls-match.json', () => {
    const cases = casesOf('urls-match') as readonly UrlsCase[];
    const differing = cases.filter(({ glob, target, newGo, ...old }) => {
      const want = newGo ?? old;
      const got = urlsMatch(glob, target);
      const isError = !got.matched && got.because.startsWith('invalid-');
      return got.matched !== want.matched || isError !== (want.err !== undefined);
    });
    expect(cases.length).toBeGreaterThan(900);
    expect(differing).toEqual([]);
  });
});

describe('matchImages', () => {
  it('agrees with isImageAllowed on every case of match-images.json', () => {
    const cases = casesOf('match-images') as readonly MatchImagesCase[];
    const differing = cases.filter(
      ({ matchImages: patterns, image, allowed, newGo }) => matchImages(patterns, image).matched !== (newGo ?? allowed),
    );
    expect(cases.length).toBeGreaterThan(200);
    expect(differing).toEqual([]);
  });
});
