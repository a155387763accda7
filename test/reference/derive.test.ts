import { describe, expect, it } from 'vitest';
import {
  formatReference,
  joinDigest,
  parseDockerReference,
  parseRawReference,
  parseReference,
  trimReference,
  withDefaultTag,
  withDigest,
  withTag,
} from 'kubepull/reference';
import { refusal } from './refusal.ts';

const HEX = 'a'.repeat(64);
const DIGEST = `sha256:${'0'.repeat(64)}`;

describe('withTag, withDigest', () => {
  it('keeps the tag when a digest is set, and the other way round', () => {
    const both = withTag(withDigest('quay.io/a:1', DIGEST), '2');
    expect(both).toEqual({
      input: `quay.io/a:2@${DIGEST}`,
      domain: 'quay.io',
      path: 'a',
      name: 'quay.io/a',
      tag: '2',
      digest: DIGEST,
    });
    expect(trimReference(both)).toEqual(parseReference('quay.io/a'));
  });

  it('gives no domain to a reference that has none', () => {
    expect(withTag('ex_ample.com/app', '1')).toMatchObject({
      input: 'ex_ample.com/app:1',
      domain: '',
      name: 'ex_ample.com/app',
    });
    expect(trimReference(parseRawReference('app:1'))).toEqual(parseRawReference('app'));
  });
});

describe('withTag', () => {
  const tagRefusal = (tag: string) => refusal(tag, (text) => withTag('nginx', text));

  it.each(['1', '_', '_.-', 'V1.0-rc_1', 't'.repeat(128)])('takes %s', (tag) => {
    expect(withTag('nginx', tag).tag).toBe(tag);
  });

  it.each([
    ['a branch', 'feature/login', 'feature-login'],
    ['characters that no tag has, one dash for as many as there are', 'v1 (a+b)', 'v1-a-b-'],
    ['what cannot be first', '.-+-.x', 'x'],
    ['what is too long', 't'.repeat(129), 't'.repeat(128)],
    ['a tag with its colon', ':1.0', '1.0'],
    ['a tag with a line behind it', '1.0\n', '1.0-'],
    ['nothing', '', undefined],
    ['what has no character of a tag', '///', undefined],
    ['what has none in its first 4,096 characters', `${'/'.repeat(4096)}v1`, undefined],
  ])('suggests a tag for %s', (_, tag, suggestion) => {
    expect(tagRefusal(tag)).toMatchObject({ reason: 'tag', upstream: 'invalid tag format', suggestion });
  });

  it('says that it is the tag that is wrong', () => {
    expect(tagRefusal('a/b').message).toBe('Cannot parse tag "a/b": invalid tag format; did you mean "a-b"?');
  });
});

describe('withDigest', () => {
  it.each([
    ['sha256:abc', 'digest-format', undefined, 'invalid digest format', undefined],
    [`sha256:${'a'.repeat(63)}`, 'digest-length', 7, 'invalid checksum digest length', undefined],
    [`sha512:${HEX}`, 'digest-length', 7, 'invalid checksum digest length', undefined],
    [`sha256:${'A'.repeat(64)}`, 'digest-format', 7, 'invalid checksum digest format', `sha256:${HEX}`],
    [`SHA256:${HEX}`, 'digest-format', 0, 'invalid checksum digest format', `sha256:${HEX}`],
    [`shA256:${HEX}`, 'digest-format', 2, 'invalid checksum digest format', `sha256:${HEX}`],
    [` sha256:${HEX}\n`, 'digest-format', undefined, 'invalid digest format', `sha256:${HEX}`],
    [`${' '.repeat(4096)}sha256:${HEX}`, 'digest-format', undefined, 'invalid digest format', undefined],
    [`md5:${'a'.repeat(32)}`, 'digest-algorithm', 0, 'unsupported digest algorithm', undefined],
  ])('refuses the digest %j', (digest, reason, position, upstream, suggestion) => {
    const error = refusal(digest, (text) => withDigest('nginx', text));
    expect(error).toMatchObject({ reason, position, upstream, suggestion });
  });

  it('says that it is the digest that is wrong, and where', () => {
    expect(refusal('sha256:0', (text) => withDigest('nginx', text)).message).toBe(
      'Cannot parse digest "sha256:0": invalid digest format',
    );
    expect(refusal(`md5:${'0'.repeat(32)}`, (text) => withDigest('nginx', text)).message).toBe(
      `Cannot parse digest "md5:${'0'.repeat(32)}": unsupported digest algorithm at 0`,
    );
  });
});

describe('joinDigest', () => {
  it.each([
    ['an unknown algorithm', 'nginx', `md5:${'0'.repeat(32)}`, `docker.io/library/nginx@md5:${'0'.repeat(32)}`],
    ['a wrong length', 'quay.io/a:1', `sha256:${'0'.repeat(32)}`, `quay.io/a:1@sha256:${'0'.repeat(32)}`],
    ['upper case', 'quay.io/a', `SHA256:${'A'.repeat(64)}`, `quay.io/a@SHA256:${'A'.repeat(64)}`],
    ['a digest in place of another', `quay.io/a:1@${DIGEST}`, `sha256:${HEX}`, `quay.io/a:1@sha256:${HEX}`],
  ])('writes %s as Go does', (_, image, digest, text) => {
    expect(joinDigest(image, digest)).toBe(text);
  });

  it.each(['', 'sha256', 'sha256:', `sha256:${'0'.repeat(31)}`, `sha256:${'g'.repeat(64)}`, `1:${HEX}`, `a@${DIGEST}`])(
    'refuses %j, which the grammar does not take for a digest',
    (digest) => {
      expect(refusal(digest, (text) => joinDigest('nginx', text))).toMatchObject({
        reason: 'digest-format',
        upstream: 'invalid digest format',
        position: undefined,
      });
    },
  );
});

describe('withDefaultTag', () => {
  it('adds latest, but not to a tag or a digest', () => {
    expect(withDefaultTag('nginx')).toEqual({ ...parseReference('docker.io/library/nginx:latest') });
    for (const text of ['nginx:1', `nginx@${DIGEST}`, `nginx:1@${DIGEST}`]) {
      const ref = parseReference(text);
      expect(withDefaultTag(ref)).toBe(ref);
    }
  });
});

describe('parseDockerReference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1', 'docker.io/library/nginx:1'],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    [`nginx:1@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
  ])('reads %s as %s', (text, canonical) => {
    expect(formatReference(parseDockerReference(text))).toBe(canonical);
  });

  it('leaves alone what has a tag or a digest only', () => {
    for (const text of ['nginx:1', `nginx@${DIGEST}`]) {
      expect(parseDockerReference(text)).toEqual(parseReference(text));
    }
  });
});
