import { describe, expect, it } from 'vitest';
import { openBlob, readManifestBytes, type RegistryNotice } from 'kubepull/distribution';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { ORIGIN, blob, connect, found, manifest, ref } from '../support.ts';

/** What one manifest request gives notice of. */
async function noticesOf(headers: Reply['headers'], requests = 1): Promise<readonly RegistryNotice[]> {
  const notices: RegistryNotice[] = [];
  const server = createMemoryTransport(() => ({ ...found, headers: { ...found.headers, ...headers } }));
  const { session } = connect(server, { onNotice: (notice) => notices.push(notice) });
  for (let count = 0; count < requests; count += 1) await readManifestBytes(session, ref);
  return notices;
}

const warning = (text: string): RegistryNotice => ({ kind: 'warning', origin: ORIGIN, text });

describe('onNotice', () => {
  it.each<readonly [string | readonly string[], readonly string[]]>([
    ['299 - "This image is old"', ['This image is old']],
    ['299 - "say \\"hi\\" \\\\ there"', ['say "hi" \\ there']],
    [
      ['299 - "one"', '299 - "two"'],
      ['one', 'two'],
    ],
    ['299 - "one, two", 299 - "three"', ['one, two', 'three']],
    ['299 - "one",299 - "two" , 199 - "three", 299 - "four"', ['one', 'two']],
    ['299 - "a\u001b[31m\u202eb"', ['a\\x1b[31m\\u202eb']],
    ['299 - ""', []],
    ['299 - "no end', []],
    ['299 - "no end\\"', []],
    ['299 - text', []],
    ['299 registry "text"', []],
    ['110 - "Response is stale"', []],
    ['', []],
    [`299 - "${'x'.repeat(5000)}"`, []],
  ])('tells the warnings of %j', async (header, texts) => {
    expect(await noticesOf({ warning: header })).toEqual(texts.map(warning));
  });

  it('shows eight warnings of at most 512 characters', async () => {
    const notices = await noticesOf({
      warning: Array.from({ length: 50 }, (_, at) => `299 - "${at}${'x'.repeat(2000)}"`),
    });
    expect(notices).toHaveLength(8);
    for (const notice of notices) expect(notice.kind === 'warning' && notice.text.length).toBe(513);
  });

  it('tells a warning once', async () => {
    expect(await noticesOf({ warning: '299 - "old"' }, 5)).toEqual([warning('old')]);
  });

  it.each<readonly [Reply['headers'], object | undefined]>([
    [
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' },
      { limit: 100, remaining: 76, windowSeconds: 21_600 },
    ],
    [{ 'ratelimit-remaining': '0' }, { limit: undefined, remaining: 0, windowSeconds: undefined }],
    [
      { 'ratelimit-limit': '10 ; w=60', 'ratelimit-remaining': 'x' },
      { limit: 10, remaining: undefined, windowSeconds: 60 },
    ],
    [{ 'ratelimit-limit': '-1' }, undefined],
    [{ 'ratelimit-limit': '1e9' }, undefined],
    [{ 'ratelimit-limit': '9'.repeat(400) }, undefined],
    [{ 'ratelimit-limit': '100;w=-1' }, undefined],
    [{ 'ratelimit-remaining': '' }, undefined],
  ])('tells what is left of a rate limit: %j', async (headers, expected) => {
    const notices = await noticesOf(headers);
    expect(notices).toEqual(expected === undefined ? [] : [{ kind: 'rate-limit', origin: ORIGIN, ...expected }]);
  });

  it('believes the registry, and nobody that it redirects to', async () => {
    const notices: RegistryNotice[] = [];
    const server = createMemoryTransport(({ url }): Reply =>
      url.startsWith(ORIGIN)
        ? { status: 307, headers: { location: 'https://cdn.example/x' } }
        : { body: manifest, headers: { warning: '299 - "buy now"' } },
    );
    const { session } = connect(server, { onNotice: (notice) => notices.push(notice) });
    await openBlob(session, ref, blob);
    expect(notices).toEqual([]);
  });

  it('tells what a refusal says too', async () => {
    const notices: RegistryNotice[] = [];
    const server = createMemoryTransport(() => ({ status: 429, headers: { 'ratelimit-remaining': '0;w=60' } }));
    const { session } = connect(server, { onNotice: (notice) => notices.push(notice) });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 429 });
    expect(notices).toMatchObject([{ kind: 'rate-limit', remaining: 0 }]);
  });
});
