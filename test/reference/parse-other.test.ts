import { describe, expect, it } from 'vitest';
import {
  parseAnyReference,
  parseCanonicalReference,
  parseRawName,
  parseRawReference,
  parseReference,
} from 'kubepull/reference';
import { refusal } from './refusal.ts';

const HEX = '0123456789abcdef'.repeat(4);
const TOO_LONG = 'repository name must not be more than 255 characters';

describe('parseRawReference', () => {
  it.each([
    ['foo', '', 'foo'],
    ['foo/bar', 'foo', 'bar'],
    ['Foo/bar', 'Foo', 'bar'],
    ['foo_a/bar', '', 'foo_a/bar'],
    ['localhost:5000/a/b', 'localhost:5000', 'a/b'],
  ])('%s has the domain %j', (input, domain, path) => {
    const name = domain === '' ? path : `${domain}/${path}`;
    expect(parseRawReference(input)).toEqual({ input, domain, path, name, tag: undefined, digest: undefined });
  });

  it.each([
    ['', 'empty', 0, 'repository name must have at least one component', undefined],
    ['foo/Bar', 'uppercase', 4, 'repository name must be lowercase', 'foo/bar'],
    ['foo bar', 'format', 3, 'invalid reference format', undefined],
    [`a/${'b'.repeat(256)}`, 'too-long', 257, TOO_LONG, undefined],
    [HEX + '/', 'format', 65, 'invalid reference format', undefined],
  ])('refuses %j', (input, reason, position, upstream, suggestion) => {
    expect(refusal(input, parseRawReference)).toMatchObject({ reason, position, upstream, suggestion });
  });
});

describe('parseRawName', () => {
  it('takes a name of the full length', () => {
    const path = 'a'.repeat(255);
    expect(parseRawName(`quay.io/${path}`)).toMatchObject({ domain: 'quay.io', path, tag: undefined });
  });

  it.each([
    ['foo:1', 'format', 3, 'invalid reference format'],
    [`quay.io/foo@sha256:${HEX}`, 'format', 11, 'invalid reference format'],
    ['quay.io/Foo', 'format', 8, 'invalid reference format'],
    ['', 'format', 0, 'invalid reference format'],
    [`quay.io/${'a'.repeat(256)}`, 'too-long', 263, TOO_LONG],
  ])('refuses %j', (input, reason, position, upstream) => {
    expect(refusal(input, parseRawName)).toMatchObject({ reason, position, upstream });
  });
});

describe('parseCanonicalReference', () => {
  it.each([
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['nginx:1', 'docker.io/library/nginx:1'],
    [`index.docker.io/a/b@sha256:${HEX}`, `docker.io/a/b@sha256:${HEX}`],
  ])('refuses %s, and says %s', (input, suggestion) => {
    const error = refusal(input, parseCanonicalReference);
    expect(error).toMatchObject({
      reason: 'not-canonical',
      position: undefined,
      upstream: 'repository name must be canonical',
      suggestion,
    });
    expect(error.message).toBe(
      `Cannot parse image reference "${input}": repository name must be canonical; did you mean "${suggestion}"?`,
    );
    expect(parseCanonicalReference(suggestion)).toEqual(parseReference(suggestion));
  });
});

describe('parseAnyReference', () => {
  it.each([HEX, `sha256:${HEX}`])('reads %s as a digest', (input) => {
    expect(parseAnyReference(input)).toEqual({ kind: 'digest', digest: `sha256:${HEX}` });
  });

  it.each(['nginx:1', `${HEX}0`, `x${HEX}`, HEX.slice(1), 'a', `sha256:${HEX.slice(1)}`, `md5:${HEX}`, `${HEX}:1`])(
    'reads %s as a name',
    (input) => {
      expect(parseAnyReference(input)).toEqual({ kind: 'named', reference: parseReference(input) });
    },
  );
});
