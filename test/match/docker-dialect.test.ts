// Keys as Docker's file store and containers/image read them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchImage, normalizeKey } from 'kubepull/match';
import { createKeyring } from 'kubepull/keyring';
import { parseImageName } from 'kubepull/reference';
import { entry } from '../keyring/support.ts';

const dialect = 'docker';

describe('a key in the dialect docker', () => {
  it.each([
    ['https://index.docker.io/v1/', 'docker.io'],
    ['index.docker.io/v1/', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['docker.io/team', 'docker.io/team'],
    ['docker.io/v1/', 'docker.io'],
    ['index.docker.io/v2', 'docker.io'],
    ['docker.io/v1/team', 'docker.io/v1/team'],
    ['docker.io/team/v1/', 'docker.io/team/v1'],
    ['my-index.docker.io', 'my-index.docker.io'],
    ['index.docker.io.r.example', 'index.docker.io.r.example'],
    ['https://r.example/v2/team', 'r.example'],
    ['http://r.example:5000/', 'r.example:5000'],
    ['r.example/v1/team', 'r.example/v1/team'],
    ['r.example/team/', 'r.example/team'],
  ])('%s is %s', (key, normal) => {
    expect(normalizeKey(key, { dialect })).toBe(normal);
  });

  it.each([
    ['https://index.docker.io/v1/', 'nginx', true],
    ['docker.io', 'nginx', true],
    ['index.docker.io', 'registry-1.docker.io/team/app', true],
    ['https://index.docker.io/v1/', 'localhost/app', false],
    ['https://index.docker.io/v1/', 'localhost:5000/app', false],
    ['quay.io/us', 'quay.io/user/app', false],
    ['quay.io/us', 'quay.io/us/app', true],
    ['quay.io/us/app', 'quay.io/us/app:1', true],
    ['*.example.com', 'eu.example.com/app', false],
    ['r*.example', 'r1.example/app', false],
    ['https://r.example/team', 'r.example/other/app', true],
    ['r.example', 'r.example:443/app', false],
  ])('%s for %s: %s', (key, image, matched) => {
    expect(matchImage(key, parseImageName(image), { dialect }).matched).toBe(matched);
    expect(createKeyring([entry(key)], { dialect }).lookup(parseImageName(image)).candidates).toHaveLength(
      Number(matched),
    );
  });

  it('is tried after a key with more of the path', () => {
    const keyring = createKeyring([entry('https://r.example'), entry('r.example/team'), entry('r.example/te')], {
      dialect,
    });
    const { candidates } = keyring.lookup(parseImageName('r.example/team/app'));
    expect(candidates.map(({ key, rule, cutsSegment }) => [key, rule, cutsSegment])).toEqual([
      ['r.example/team', 'literal', false],
      ['r.example', 'literal', false],
    ]);
  });

  it('serves only images of its own host', () => {
    const word = fc.constantFrom('a', 'docker', 'io', '*', 'localhost', 'index', 'registry-1');
    const name = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));
    const text = fc.tuple(name, name).map((parts) => parts.join('/'));
    const hub = (host: string): string => (/^(?:index|registry-1)\.docker\.io$/.test(host) ? 'docker.io' : host);
    fc.assert(
      fc.property(text, name, (key, host) => {
        const { matched } = matchImage(key, { domain: host, path: 'a/b' }, { dialect });
        return !matched || hub(key.split('/', 1)[0] ?? '') === hub(host);
      }),
    );
  });
});
