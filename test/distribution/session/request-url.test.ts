import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBlob, readManifestBytes } from 'kubepull/distribution';
import { type ImageReference, parseReference } from 'kubepull/reference';
import { createMemoryTransport } from '../../support/memory-transport.ts';
import { blob, connect, found, ORIGIN, ref } from '../support.ts';

/** What a request for a reference that was made by hand asks for, if anything. */
async function asked(parts: Partial<ImageReference>): Promise<readonly string[] | string> {
  const server = createMemoryTransport(() => found);
  const { session } = connect(server);
  const made = { ...ref, ...parts };
  const failed = await readManifestBytes(session, made).then(
    () => undefined,
    (error: unknown) => (error as { readonly code?: string }).code ?? 'unknown',
  );
  return failed ?? server.requests.map(({ url }) => url);
}

describe('the URL of a request', () => {
  it.each([
    '..',
    'a/../../admin',
    'a/..',
    './a',
    'a/.',
    'a/%2e%2e/b',
    'a%2fb',
    'a\\b',
    'a/..\\b',
    '//evil.example',
    '/a',
    'a//b',
    '@evil.example/a',
    ':1/a',
    'a?b',
    'a#b',
    'a b',
    'a\tb',
    'a\r\nX: y',
    'a\u0000b',
    'A',
    'ä',
    'a;b',
    'a&b',
    '',
    'a'.repeat(256),
  ])('has no repository %j [C08]', async (path) => {
    expect(await asked({ path })).toBe('ERR_OPTION_INVALID');
  });

  it.each(['', 'x?y', 'x#y', '../x', 'a/b', '%2e%2e', 'a b', 'x\r\n', 'ä', 'x'.repeat(129), '.', '..'])(
    'has no tag %j [C08]',
    async (tag) => {
      expect(await asked({ tag })).toBe('ERR_OPTION_INVALID');
    },
  );

  it.each(['sha256:../../x', 'sha256:abc', `SHA256:${'0'.repeat(64)}`, `sha256:${'A'.repeat(64)}`, 'md5:x', ''])(
    'has no digest %j [C09]',
    async (digest) => {
      expect(await asked({ digest: digest as never })).toBe('ERR_DIGEST_INVALID');
      const server = createMemoryTransport(() => found);
      const wrong = { ...blob, digest: digest as never };
      await expect(openBlob(connect(server).session, ref, wrong)).rejects.toMatchObject({ code: 'ERR_DIGEST_INVALID' });
      expect(server.requests).toEqual([]);
    },
  );

  it('says what a parsed reference says [C08]', () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,6}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,6}){0,2}$/);
    const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const tag = fc.stringMatching(/^\w[\w.-]{0,20}$/);
    return fc.assert(
      fc.asyncProperty(path, tag, async (path, tag) => {
        const parsed = parseReference(`r.example/${path}:${tag}`);
        expect(await asked(parsed)).toEqual([`${ORIGIN}/v2/${path}/manifests/${tag}`]);
      }),
    );
  });

  it('asks for the digest when there is a tag too, and for latest when there is neither', async () => {
    expect(await asked({ tag: undefined })).toEqual([`${ORIGIN}/v2/team/app/manifests/latest`]);
    expect(await asked({ tag: '1', digest: blob.digest })).toEqual([`${ORIGIN}/v2/team/app/manifests/${blob.digest}`]);
  });
});
