import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  applyDefaultTag,
  formatReference,
  parseImageName,
  parseReference,
  safeParseReference,
} from 'kubepull/reference';
import { imageNameText, textWithTag } from '../../src/reference/inner.ts';
import { canary } from '../support/canary.ts';
import { refusal } from './refusal.ts';
import { INVALID, VALID } from './tables.ts';

const HEX = '0123456789abcdef';
const LONG: ReadonlyMap<string, string> = new Map([
  ['HEX64', 'a'.repeat(64)],
  ['D384', `sha384:${HEX.repeat(6)}`],
  ['D512', `sha512:${HEX.repeat(8)}`],
  ['D', `sha256:${HEX.repeat(4)}`],
]);

/** Puts the long texts in where the tables have short names. */
function expand(text: string): string {
  return text.replace(/HEX64|\bD(?:384|512)?(?=$|:tag)/g, (name) => LONG.get(name) ?? name);
}

describe('worked examples', () => {
  it.each(VALID)('%s', (...row) => {
    const [input, domain, path, tag, digest, cri, familiar] = row.map(expand) as unknown as (typeof VALID)[number];
    const ref = parseReference(input);
    expect([ref.input, ref.domain, ref.path]).toEqual([input, domain, path]);
    const image = parseImageName(input);
    expect([image.tag ?? '', image.digest ?? '']).toEqual([tag, digest]);
    expect(applyDefaultTag(input)).toBe(cri);
    expect(formatReference(ref, 'familiar')).toBe(familiar);
  });
});

describe('the name that keys are looked up by', () => {
  it('is the whole name, of an empty domain the path', () => {
    expect(imageNameText(parseImageName('nginx:1'))).toBe('docker.io/library/nginx');
    expect(imageNameText({ domain: 'quay.io:443', path: 'team/app' })).toBe('quay.io:443/team/app');
    expect(imageNameText(parseImageName('ex_ample.com/app'))).toBe('ex_ample.com/app');
  });
});

describe('the image for the runtime', () => {
  it('has no tag where the reference has none', () => {
    expect(textWithTag(parseReference('nginx'))).toBe('nginx');
    expect(textWithTag(parseImageName('nginx'))).toBe('nginx:latest');
  });
});

describe('invalid inputs', () => {
  it.each(INVALID.map(([input, text]) => [expand(input), expand(text)] as const))('%j', (input, text) => {
    expect(refusal(input).upstream).toBe(text);
  });
});

describe('lengths', () => {
  it.each([
    ['247 characters get library/ and are 255', 'l'.repeat(247), undefined],
    ['248 characters are one too many', 'l'.repeat(248), 'repository name must not be more than 255 characters'],
    ['library/ written out counts the same', `library/${'a'.repeat(247)}`, undefined],
    ['the domain is not counted', `example.com/${'a'.repeat(255)}`, undefined],
    ['256 in the path', `example.com/${'a'.repeat(256)}`, 'repository name must not be more than 255 characters'],
    ['a tag of 128', `foo:${'t'.repeat(128)}`, undefined],
    ['a tag of 129', `foo:${'t'.repeat(129)}`, 'invalid reference format'],
    ['63 hex digits are a name', 'a'.repeat(63), undefined],
    ['65 hex digits are a name', 'a'.repeat(65), undefined],
    [
      'length comes before the digest',
      `${'a'.repeat(300)}@sha256:${'0'.repeat(40)}`,
      'repository name must not be more than 255 characters',
    ],
  ])('%s', (_, input, text) => {
    const result = safeParseReference(input);
    expect(result.ok ? undefined : result.error.upstream).toBe(text);
  });

  it('refuses more than 4,096 characters unread', () => {
    const input = `${'a.'.repeat(2040)}b/app${'x'.repeat(20)}`;
    expect(safeParseReference(input.slice(0, 4096)).ok).toBe(true);
    const error = refusal(`${input}${'x'.repeat(10)}`);
    expect(error).toMatchObject({ reason: 'too-long', position: 4096, suggestion: undefined });
    expect(error.input).toHaveLength(4096);
    expect(error.message.length).toBeLessThan(600);
  });
});

describe('refusals', () => {
  it.each([
    ['', 'format', 0, undefined],
    ['foo bar', 'format', 3, undefined],
    [' nginx', 'format', 0, 'nginx'],
    ['nginx\n', 'format', 5, 'nginx'],
    ['nginx:1.27 ', 'format', 10, 'nginx:1.27'],
    ['\u200bnginx', 'format', 0, 'nginx'],
    ['https://example.com/app:1', 'format', 5, 'example.com/app:1'],
    ['http://localhost:5000/app', 'format', 4, 'localhost:5000/app'],
    ['docker://nginx', 'format', 6, 'nginx'],
    ['docker-pullable://quay.io/a/b@sha256:' + 'a'.repeat(64), 'format', 15, 'quay.io/a/b@sha256:' + 'a'.repeat(64)],
    ['https://hub.docker.com/_/nginx', 'format', 5, 'nginx'],
    ['https://hub.docker.com/r/bitnami/redis', 'format', 5, 'bitnami/redis'],
    ['example.com/foo?x=1', 'format', 15, 'example.com/foo'],
    ['example.com/foo#f', 'format', 15, 'example.com/foo'],
    ['example.com/foo/', 'format', 15, 'example.com/foo'],
    ['example.com//foo', 'format', 12, 'example.com/foo'],
    ['/foo', 'format', 0, undefined],
    ['foo:', 'format', 4, 'foo'],
    ['foo@', 'format', 4, 'foo'],
    ['example.com:/foo', 'format', 11, undefined],
    ['foo:-x', 'format', 4, undefined],
    ['foo:a/b', 'format', 3, undefined],
    ['foo..bar', 'format', 3, undefined],
    ['föö', 'format', 1, undefined],
    ['foo:tä', 'format', 5, undefined],
    ['foo@sha256', 'format', 10, undefined],
    ['[fe80::1%eth0]/foo', 'format', 0, undefined],
    ['example.com:abc/foo', 'format', 11, undefined],
    ['Foo', 'uppercase', 0, 'foo'],
    ['quay.io/Team/App:V1', 'uppercase', 8, 'quay.io/team/app:V1'],
    ['My_Host/foo', 'uppercase', 0, undefined],
    ['FÖÖ', 'uppercase', 0, undefined],
    ['fÖö', 'uppercase', 1, undefined],
    ['foo@SHA256:' + 'A'.repeat(64), 'uppercase', 4, 'foo@sha256:' + 'a'.repeat(64)],
    // Lower-casing makes ASCII letters of these, as Go's does.
    ['foo:\u212a', 'uppercase', 4, undefined],
    ['foo:\u0130', 'uppercase', 4, undefined],
    ['[::1]/Foo', 'uppercase', 6, '[::1]/foo'],
    ['index.docker.io/Foo', 'uppercase', 16, 'index.docker.io/foo'],
    ['a'.repeat(64), 'identifier', undefined, undefined],
    ['l'.repeat(248), 'too-long', 247, undefined],
    ['example.com/' + 'a'.repeat(256), 'too-long', 267, undefined],
    ['foo@sha256:' + 'a'.repeat(63), 'digest-length', 11, undefined],
    ['foo@sha256:' + 'a'.repeat(60) + 'AAAA', 'digest-format', 71, 'foo@sha256:' + 'a'.repeat(64)],
    ['foo:1@sHA256:' + 'a'.repeat(64), 'digest-format', 7, 'foo:1@sha256:' + 'a'.repeat(64)],
    ['foo@md5:' + 'a'.repeat(32), 'digest-algorithm', 4, undefined],
    ['foo:1@mD5:' + 'a'.repeat(32), 'digest-format', 7, undefined],
    ['foo:1@md5:' + 'a'.repeat(31) + 'A', 'digest-algorithm', 6, undefined],
  ])('%j: %s at %s', (input, reason, position, suggestion) => {
    expect(refusal(input)).toMatchObject({ code: 'ERR_REFERENCE_INVALID', input, reason, position, suggestion });
  });

  it('show no password of an address that somebody pasted', () => {
    const error = refusal(`https://user:${canary('password')}@example.com/app:1`);
    expect(error.message).toBe(
      'Cannot parse image reference "https://***@example.com/app:1": invalid reference format at 5',
    );
    expect(error.input).toBe('https://***@example.com/app:1');
    expect(inspect(error)).toContain('***');
  });

  it.each([
    ['with a slash in it', 'https://user:pa/SECRET@example.com/App:1'],
    ['with an @ in it', 'https://user:pa@SECRET@example.com/app:1'],
    ['that looks like the beginning of a digest', 'https://user:SECRET@sha.example.com/App'],
    ['in a second user info', 'https://user:SECRET@other:SECRET@example.com/app'],
    ['without a scheme', 'user:SECRET@example.com/App:1'],
    ['without a scheme and a path', 'user:SECRET@example.com'],
    ['without a user', 'https://SECRET@example.com/App'],
    ['in front of a digest', `https://user:SECRET@Example.com/App@sha256:${'a'.repeat(64)}`],
    ['behind a command', 'docker pull https://user:SECRET@example.com/app'],
    ['with blanks', 'https://user:SECRET SECRET@example.com/app'],
    ['behind one slash', 'https:/user:SECRET@example.com/App'],
    ['behind backslashes', String.raw`https:\\user:SECRET@example.com\App`],
    ['over lines', 'https://user:SECRET\n@example.com/App'],
  ])('show no password %s', (_, form) => {
    const secret = `A${canary('password')}`;
    const input = form.replaceAll('SECRET', secret);
    for (const parse of [parseReference, parseImageName]) {
      const error = refusal(input, parse);
      expect(error.message).toContain('***@');
      expect(JSON.stringify({ ...error, message: error.message })).not.toContain(secret);
    }
  });

  it.each([
    ['a digest that is cut off', `localhost:5000/app@sha256:${'a'.repeat(20)}`],
    ['a digest of an unknown algorithm', `foo@md5:${'a'.repeat(32)}`],
    ['an @ for a colon', 'nginx@latest'],
    ['a digest behind a blank', `nginx:1 @sha256:${'a'.repeat(64)}`],
  ])('show %s, which is no password', (_, input) => {
    expect(refusal(input).input).toBe(input);
  });

  it('says it all in the message, without control characters', () => {
    expect(refusal('quay.io/App').message).toBe(
      'Cannot parse image reference "quay.io/App": invalid reference format: repository name (App) must be lowercase at 8; did you mean "quay.io/app"?',
    );
    expect(refusal('a\u001b[31m\n').message).toBe(
      String.raw`Cannot parse image reference "a\x1b[31m\x0a": invalid reference format at 1`,
    );
  });

  it('quotes no repository that may have a part of a password', () => {
    expect(refusal('user:pass@example.com/App').upstream).toBe(
      'invalid reference format: repository name (***) must be lowercase',
    );
  });

  it('names no place where there is none', () => {
    const id = 'a'.repeat(64);
    expect(refusal(id).message).toBe(
      `Cannot parse image reference "${id}": invalid repository name (${id}), cannot specify 64-byte hexadecimal strings`,
    );
  });

  it('cuts long input in the message, not in upstream', () => {
    const input = `example.com/${'A'.repeat(3000)}`;
    const error = refusal(input);
    expect(error.message.length).toBeLessThan(900);
    expect(error.upstream).toContain('A'.repeat(3000));
  });

  it('gives kubelet’s text of an image name, quoted as Go does', () => {
    const text = refusal('Foo', applyDefaultTag).upstream;
    expect(`Failed to apply default image tag "Foo": ${text}`).toBe(
      'Failed to apply default image tag "Foo": couldn\'t parse image name "Foo": invalid reference format: repository name (library/Foo) must be lowercase',
    );
    expect(refusal('a"\u0001\u00a0\u{e0001}b', parseImageName).upstream).toBe(
      String.raw`couldn't parse image name "a\"\x01\u00a0\U000e0001b": invalid reference format`,
    );
    expect(refusal('Foo', parseImageName)).toMatchObject({ reason: 'uppercase', position: 0, suggestion: 'foo' });
  });
});
