import { matchImage, matchImages, type MatchOptions, type Mismatch } from 'kubepull/match';
import { describe, expect, it } from 'vitest';
import { parseImageName } from 'kubepull/reference';
import { imageNamed } from '../support/image-name.ts';

type Outcome = 'literal' | 'glob' | Mismatch;

function outcomeOf(pattern: string, image: string, options?: MatchOptions): Outcome {
  const result = matchImage(pattern, imageNamed(image), options);
  return result.matched ? result.rule : result.reason;
}

const KUBELET: readonly (readonly [pattern: string, image: string, outcome: Outcome])[] = [
  ['*my-registry.io/images', 'my-registry.io/images/my-image', 'glob'],
  ['*my-registry.io/images', 'sub.my-registry.io/images/my-image', 'label-count'],
  ['*my-registry.io/images', 'a.sub.my-registry.io/images/my-image', 'label-count'],
  ['*my-registry.io/images', 'not-my-registry.io/images/x', 'glob'],
  ['*.my-registry.io/images', 'my-registry.io/images/x', 'label-count'],
  ['*.my-registry.io/images', 'sub.my-registry.io/images/x', 'glob'],
  ['*.my-registry.io/images', 'a.sub.my-registry.io/images/x', 'label-count'],
  ['*.*.my-registry.io', 'a.sub.my-registry.io/x', 'glob'],
  ['*.kubernetes.io', 'kubernetes.io/x', 'label-count'],
  ['*.kubernetes.io', 'abc.kubernetes.io/x', 'glob'],
  ['prefix.*.io', 'prefix.kubernetes.io/a', 'glob'],
  ['*-good.kubernetes.io', 'prefix-good.kubernetes.io/x', 'glob'],
  ['*-good.kubernetes.io', 'prefix-bad.kubernetes.io/x', 'label'],
  ['k8s.*', 'k8s.io/x', 'glob'],
  ['app*.k8s.io', 'app5.k8s.io/x', 'glob'],
  ['app*.k8s.io', 'app.k8s.io/x', 'glob'],
  ['*', 'localhost/x', 'glob'],
  ['*', 'foo.com/x', 'label-count'],
  ['*.*', 'docker.io/library/x', 'glob'],
  ['*:5000', 'localhost:5000/x', 'glob'],
  ['foo.com', 'foo.com:443/x', 'port'],
  ['foo.com:443', 'foo.com/x', 'port'],
  ['foo.com:', 'foo.com/x', 'literal'],
  ['foo.com/ns', 'foo.com/ns', 'literal'],
  ['foo.com/ns', 'foo.com/ns/img', 'literal'],
  ['foo.com/ns', 'foo.com/ns2/img', 'literal'],
  ['foo.com/ns/', 'foo.com/ns', 'path'],
  ['foo.com/ns/', 'foo.com/ns/img', 'literal'],
  ['foo.com/*', 'foo.com/x', 'path'],
  ['Foo.com', 'foo.com/x', 'label'],
  ['docker.io', 'docker.io/library/ubuntu', 'literal'],
  ['index.docker.io', 'docker.io/library/ubuntu', 'label-count'],
  ['*.docker.io', 'docker.io/library/ubuntu', 'label-count'],
  ['[::1]:5000', '[::1]:5000/x', 'literal'],
  ['[::1]', '[::1]/x', 'label'],
  ['foo?.com', 'foo1.com/x', 'label-count'],
  ['a[bc].foo.com', 'ab.foo.com/x', 'invalid-pattern'],
  // A class ends with its label.
  ['[::1%2525a.b]', 'foo.com/x', 'invalid-pattern'],
  ['foo.com/v1/ns', 'foo.com/ns', 'literal'],
  ['foo.com/v1/ns', 'foo.com/v1/ns', 'path'],
  ['*', '.foo/x', 'label-count'],
  ['foo.*', 'foo.com/x', 'glob'],
  ['foo.com', 'foo bar/x', 'invalid-image'],
];

describe('matchImage', () => {
  it.each(KUBELET)('%j against %j: %s', (pattern, image, outcome) => {
    expect(outcomeOf(pattern, image)).toBe(outcome);
  });

  it.each([
    ['docker.io', 'docker.io.evil.test/x', 'label-count'],
    ['*.docker.io', 'x.docker.io.evil.test/x', 'label-count'],
    ['*.example.com', 'a.b.example.com/x', 'label-count'],
    ['*', 'evil.test/x', 'label-count'],
    ['registry.example.com', 'registry-example.com/x', 'label-count'],
    ['registry.example.com', 'registryxexample.com/x', 'label-count'],
    ['example.com', 'example.com:80/x', 'port'],
    ['example.com:80', 'example.com:8080/x', 'port'],
    ['example.com/team', 'example.com:5000/team', 'port'],
    ['example.com/team', 'example.com/tea', 'path'],
    ['example.com/team', 'example.com/x/team', 'path'],
    ['example.com', 'evil.test/example.com', 'label'],
    ['example.com', 'example.org/x', 'label'],
    ['registry.example.com', 'registry.evil.com/x', 'label'],
    ['*.example.com', 'eu.evil.com/x', 'label'],
    ['example.com@evil.test', 'example.com/x', 'label'],
    ['example.com/../x', 'example.com/x', 'path'],
  ] as const)('keeps %j away from %j (%s) [A26]', (pattern, image, reason) => {
    expect(outcomeOf(pattern, image)).toBe(reason);
  });

  it.each([
    ['r.io/team', 'r.io/team', true, true],
    ['r.io/team', 'r.io/team/app', true, true],
    ['r.io/team', 'r.io/team-evil/x', true, false],
    ['r.io/team', 'r.io/team2', true, false],
    ['r.io/team', 'r.io/teams/team', true, false],
    ['r.io/team/', 'r.io/team/app', true, true],
    ['r.io/team/', 'r.io/team', false, false],
    ['r.io/team/ap', 'r.io/team/app', true, false],
    ['r.io', 'r.io/anything', true, true],
    ['r.io/', 'r.io/anything', true, true],
    ['*.io/team', 'r.io/team-evil', true, false],
    ['r.io/other', 'r.io/team', false, false],
  ] as const)('%j against %j: prefix %s, segment %s [A27]', (pattern, image, prefix, segment) => {
    expect(matchImage(pattern, imageNamed(image)).matched).toBe(prefix);
    expect(matchImage(pattern, imageNamed(image), { pathMatch: 'segment' }).matched).toBe(segment);
  });

  it('names the path when only the segment rule keeps them apart', () => {
    expect(outcomeOf('r.io/team', 'r.io/team-evil', { pathMatch: 'segment' })).toBe('path');
  });

  it('refuses an unknown path rule', () => {
    const options = { pathMatch: 'regex' } as unknown as MatchOptions;
    expect(() => matchImage('r.io', parseImageName('r.io/x'), options)).toThrow(
      /option pathMatch must be prefix or segment$/,
    );
  });
});

describe('matchImage on the glob example of the Images page', () => {
  const key = '*my-registry.io/images';

  it.each([
    ['my-registry.io/images', true],
    ['my-registry.io/images/my-image', true],
    ['my-registry.io/images/another-image', true],
    ['sub.my-registry.io/images/my-image', false],
    ['a.sub.my-registry.io/images/my-image', false],
  ] as const)('%s: documented yes, kubelet %s', (image, inKubelet) => {
    expect(matchImage(key, imageNamed(image), { dialect: 'documented' })).toEqual({ matched: true, rule: 'glob' });
    expect(matchImage(key, imageNamed(image), { dialect: 'kubelet' }).matched).toBe(inKubelet);
    expect(matchImage(key, imageNamed(image)).matched).toBe(inKubelet);
  });
});

describe('matchImage in the documented dialect', () => {
  const documented: MatchOptions = { dialect: 'documented' };

  it.each([
    ['https://*.example.com/v2/', 'a.b.example.com/x', 'glob'],
    ['*.example.com', 'example.com/x', 'label'],
    ['registry?.example.com', 'registry1.example.com/x', 'glob'],
    ['registry?.example.com', 'registry.example.com/x', 'label'],
    ['registry[0-9].example.com', 'registry7.example.com/x', 'glob'],
    ['registry[^0-9].example.com', 'registry7.example.com/x', 'label'],
    ['a[.\\-]b.io', 'a.b.io/x', 'glob'],
    ['re\\gistry.io', 'registry.io/x', 'glob'],
    ['registry[.example.com', 'registry1.example.com/x', 'invalid-pattern'],
    ['*:5000', 'a.b.c:5000/x', 'glob'],
    ['*', 'a.b.c:5000/x', 'port'],
    ['*', 'a.b.c/x', 'glob'],
    ['example.com/team', 'example.com/team-evil', 'literal'],
    ['example.com/te*', 'example.com/team', 'path'],
    ['[::1]:5000', '[::1]:5000/x', 'literal'],
    ['[::1]', '[::1]/x', 'glob'],
    ['[ab]', 'a/x', 'glob'],
    ['Example.com', 'example.com/x', 'label'],
  ] as const)('%j against %j: %s', (pattern, image, outcome) => {
    expect(outcomeOf(pattern, image, documented)).toBe(outcome);
  });

  it('knows the segment rule too', () => {
    expect(outcomeOf('*r.io/team', 'a.r.io/team-evil', { ...documented, pathMatch: 'segment' })).toBe('path');
  });
});

describe('matchImages', () => {
  it.each([
    ['123456789.dkr.ecr.us-east-1.amazonaws.com', '123456789.dkr.ecr.us-east-1.amazonaws.com/a/b', true],
    ['*.dkr.ecr.*.amazonaws.com', '1.dkr.ecr.cn-north-1.amazonaws.com.cn/a', false],
    ['*.azurecr.io', 'myreg.azurecr.io/x', true],
    ['*.*.registry.io', 'a.b.registry.io/x', true],
    ['*.*.registry.io', 'a.registry.io/x', false],
    ['registry.io:8080/path', 'registry.io:8080/pathology', true],
    ['registry.io', 'registry.io:8080/x', false],
    ['gcr.io', 'eu.gcr.io/x', false],
    ['docker.io', 'docker.io/library/nginx', true],
    ['index.docker.io', 'docker.io/library/nginx', false],
    ['https://gcr.io', 'gcr.io/x', false],
    ['gcr.io/v1/', 'gcr.io/x', false],
    ['*', 'localhost/x', true],
    ['*', 'gcr.io/x', false],
  ] as const)('%j against %j: %s', (pattern, image, matched) => {
    expect(matchImages([pattern], imageNamed(image)).matched).toBe(matched);
  });

  it('names the first pattern that matches', () => {
    expect(matchImages(['quay.io', '*.io', 'gcr.io'], parseImageName('gcr.io/x'))).toEqual({
      matched: true,
      pattern: '*.io',
      rule: 'glob',
    });
  });

  it('names what is against every pattern when none matches', () => {
    expect(matchImages(['a:b:c', 'gcr.io:443'], parseImageName('gcr.io/x'))).toEqual({
      matched: false,
      rejected: [
        { pattern: 'a:b:c', reason: 'invalid-pattern' },
        { pattern: 'gcr.io:443', reason: 'port' },
      ],
    });
    expect(matchImages([], parseImageName('gcr.io/x'))).toEqual({ matched: false, rejected: [] });
  });

  it('knows the segment rule too', () => {
    const patterns = ['gcr.io/team'];
    expect(matchImages(patterns, parseImageName('gcr.io/team-evil/x')).matched).toBe(true);
    expect(matchImages(patterns, parseImageName('gcr.io/team-evil/x'), { pathMatch: 'segment' })).toEqual({
      matched: false,
      rejected: [{ pattern: 'gcr.io/team', reason: 'path' }],
    });
  });

  it('blames the image when that is no URL', () => {
    expect(matchImages(['gcr.io'], imageNamed('gcr io/x'))).toEqual({
      matched: false,
      rejected: [{ pattern: 'gcr.io', reason: 'invalid-image' }],
    });
  });
});
