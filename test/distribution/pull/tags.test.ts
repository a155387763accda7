import { describe, expect, it } from 'vitest';
import { listTags, type ListTagsOptions, type RegistryNotice, type RegistrySession } from 'kubepull/distribution';
import { parseReference } from 'kubepull/reference';
import { buildImage } from 'kubepull/testing';
import { nextLink } from '../../../src/distribution/pull/pages.ts';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { startRegistry } from '../../support/registry.ts';
import { connectTo } from '../registry-support.ts';
import { authorization, basicChallenge, connect, credential, ORIGIN, ref } from '../support.ts';

const LIST = `${ORIGIN}/v2/team/app/tags/list`;
const page = (tags: readonly unknown[] | null, link?: string): Reply => ({
  headers: link === undefined ? {} : { link },
  body: JSON.stringify({ name: 'team/app', tags }),
});

async function list(session: RegistrySession, options?: ListTagsOptions): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const tag of listTags(session, ref, options)) tags.push(tag);
  return tags;
}

describe('listTags', () => {
  it('follows the pages of a registry', async () => {
    const registry = await startRegistry();
    const image = buildImage({ layers: [] });
    const tags = Array.from({ length: 25 }, (_, at) => `v${String(at).padStart(2, '0')}`);
    registry.push('team/app', tags, image);
    const session = connectTo(registry);
    expect(await list(session)).toEqual(tags);
    expect(registry.requests).toHaveLength(1);
    expect(await list(session, { pageSize: 10 })).toEqual(tags);
    expect(registry.requests).toHaveLength(4);
    expect(await list(session, { after: 'v20' })).toEqual(tags.slice(21));
  });

  it('asks for a page when its first tag is wanted', async () => {
    const server = createMemoryTransport(({ url }) => page([`t${url.length}`], `<?last=${url.length}>; rel=next`));
    let seen = 0;
    for await (const tag of listTags(connect(server).session, ref)) {
      expect(tag).toMatch(/^t\d+$/);
      seen += 1;
      expect(server.requests).toHaveLength(seen);
      if (seen === 2) break;
    }
    expect(server.open()).toBe(0);
  });

  it.each([
    ['/v2/team/app/tags/list?n=2&last=b', `${LIST}?n=2&last=b`],
    [`${LIST}?last=b`, `${LIST}?last=b`],
    ['?next_page=gAAAA%3D%3D', `${LIST}?next_page=gAAAA%3D%3D`],
    ['list?last=b#fragment', `${LIST}?last=b`],
  ])('follows the link %s', async (link, url) => {
    const server = createMemoryTransport((request) =>
      request.url === LIST ? page(['a', 'b'], `<${link}>; rel="next"`) : page(['c']),
    );
    expect(await list(connect(server).session)).toEqual(['a', 'b', 'c']);
    expect(server.requests[1]?.url).toBe(url);
  });

  it('names the registry to a mirror on every page', async () => {
    const server = createMemoryTransport(({ url }) =>
      url.includes('last') ? page(['b']) : page(['a'], '</v2/team/app/tags/list?last=a>; rel="next"'),
    );
    await list(connect(server, { namespace: 'docker.io' }).session, { pageSize: 1 });
    expect(server.requests.map(({ url }) => url)).toEqual([`${LIST}?n=1&ns=docker.io`, `${LIST}?last=a&ns=docker.io`]);
  });

  it.each([
    'https://evil.example/v2/team/app/tags/list?last=b',
    '//evil.example/other?last=b',
    'http://r.example/v2/team/app/tags/list?last=b',
    'https://r.example:8443/v2/team/app/tags/list?last=b',
    'https://u:p@r.example/v2/team/app/tags/list?last=b',
    '/v2/other/app/tags/list?last=b',
    '/v2/team/app/../../other/tags/list?last=b',
    '/artifactory/api/docker/v2/team/app/tags/list?last=b',
    'javascript:alert(1)?last=b',
  ])('takes of the link %s no more than its query [A03 M03]', async (link) => {
    const server = createMemoryTransport((request) => {
      if (authorization(request) === undefined) return basicChallenge;
      return request.url === LIST ? page(['a'], `<${link}>; rel="next"`) : page(['b']);
    });
    expect(await list(connect(server, { credential: credential() }).session)).toEqual(['a', 'b']);
    expect(server.requests.map(({ url }) => url)).toEqual([LIST, LIST, `${LIST}?last=b`]);
  });

  it.each(['https://[', '/v2/_catalog'])('ends with the link %s, behind the tags before it', async (link) => {
    const server = createMemoryTransport(() => page(['a'], `<${link}>; rel="next"`));
    const tags: string[] = [];
    const listing = (async () => {
      for await (const tag of listTags(connect(server).session, ref)) tags.push(tag);
    })();
    await expect(listing).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(tags).toEqual(['a']);
    expect(server.requests.map(({ url }) => url)).toEqual([LIST]);
  });

  it('ends a circle of pages, and one without end [M04]', async () => {
    const circle = createMemoryTransport(({ url }) => page([], `<?last=${url.endsWith('a') ? 'b' : 'a'}>; rel="next"`));
    await expect(list(connect(circle).session)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(circle.requests.length).toBeLessThan(5);
    let at = 0;
    const endless = createMemoryTransport(() => page([], `<?last=${(at += 1)}>; rel="next"`));
    await expect(list(connect(endless).session)).rejects.toThrow('more than 10000 pages');
    expect(endless.requests).toHaveLength(10_000);
  });

  it.each([
    ['nothing', ''],
    ['a page for people', '<html>'],
    ['no object', '[]'],
    ['tags that are none', '{"tags":"a"}'],
    ['too deep a document', `{"tags":${'['.repeat(9)}${']'.repeat(9)}}`],
    ['too large a document', `{"tags":["${'a'.repeat(4 * 1024 * 1024)}"]}`],
  ])('refuses %s [C08 M08]', async (_, body) => {
    const server = createMemoryTransport(() => ({ body }));
    await expect(list(connect(server).session)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(server.open()).toBe(0);
  });

  it('asks for a page again that was cut, and tells each tag once [B07]', async () => {
    const registry = await startRegistry();
    const tags = ['v1', 'v2', 'v3', 'v4'];
    registry.push('team/app', tags, buildImage({ layers: [] }));
    registry.fault({ path: /\/tags\//, nth: 2, times: 1, action: { kind: 'cut', afterBytes: 10 } });
    expect(await list(connectTo(registry), { pageSize: 2 })).toEqual(tags);
    expect(registry.requests).toHaveLength(3);
  });

  it.each([
    ['null', '{"tags":null}'],
    ['nothing', '{"name":"team/app"}'],
  ])('takes %s for none', async (_, body) => {
    expect(await list(connect(createMemoryTransport(() => ({ body }))).session)).toEqual([]);
  });

  it.each([
    ['null', null, 'null'],
    ['a number', 1, 'number'],
    ['a digest', `sha256:${'a'.repeat(64)}`, `sha256:${'a'.repeat(64)}`],
    ['a dash in front', '-ot-beta-jmx', '-ot-beta-jmx'],
    ['a plus', '1.0+build', '1.0+build'],
    ['a path', '../x', '../x'],
    ['an empty text', '', ''],
    ['129 letters', 'a'.repeat(129), `${'a'.repeat(128)}…`],
    ['an escape', 'a\u001b[31m', String.raw`a\x1b[31m`],
  ])('leaves an entry out that is no tag, and tells of it: %s [C08]', async (_, entry, first) => {
    const notices: RegistryNotice[] = [];
    const server = createMemoryTransport(() => page([entry, '1.0', entry, '1.1']));
    const { session } = connect(server, { onNotice: (notice) => notices.push(notice) });
    expect(await list(session)).toEqual(['1.0', '1.1']);
    expect(notices).toEqual([{ kind: 'tags', origin: ORIGIN, count: 2, first }]);
  });

  it('refuses an encoded page [M06]', async () => {
    const server = createMemoryTransport(() => ({ ...page([]), headers: { 'content-encoding': 'gzip' } }));
    await expect(list(connect(server).session)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
  });

  it.each([
    [{ pageSize: 0 }, 'pageSize must be a whole number from 1, not 0'],
    [{ pageSize: 1.5 }, 'pageSize must be a whole number from 1, not 1.5'],
    [{ after: '../x' }, '"../x" is no tag to start after'],
  ])('refuses %j', async (options, reason) => {
    const server = createMemoryTransport(() => page([]));
    await expect(list(connect(server).session, options)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: `Cannot list the tags of "r.example/team/app": ${reason}`,
    });
    expect(server.requests).toHaveLength(0);
  });

  it('fails with what the registry says', async () => {
    const server = createMemoryTransport(() => ({ status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' }));
    await expect(list(connect(server).session)).rejects.toMatchObject({
      status: 404,
      diagnostics: [{ code: 'NAME_UNKNOWN' }],
    });
    const other = parseReference('r.example/other');
    await expect(listTags(connect(server).session, other)[Symbol.asyncIterator]().next()).rejects.toThrow('/v2/other/');
  });
});

describe('nextLink', () => {
  it.each([
    ['<a>; rel="next"', 'a'],
    ['<a>; rel=next', 'a'],
    ['<a>;REL="NEXT"', 'a'],
    ['<a>; rel="last next"', 'a'],
    ['<a>; rel="prev", <b>; rel="next"', 'b'],
    ['<a>; title="x, <y>; z"; rel="prev", <b>; rel="next"', 'b'],
    ['<a>; title="x; rel=next; y"; rel="prev", <b>; rel="next"', 'b'],
    [String.raw`<a>; title="\"; rel=next"; rel="prev", <b>; rel="next"`, 'b'],
    ['<a,b>; rel="next"', 'a,b'],
    ['<a>; rel="prev"; rel="next"', undefined],
    ['<a>', undefined],
    ['<a; rel="next"', undefined],
    ['a; rel="next"', undefined],
    ['', undefined],
  ])('finds in %j %j', (value, target) => {
    expect(nextLink([value])).toBe(target);
    expect(nextLink(['<x>; rel="prev"', value])).toBe(target);
  });

  it('looks at 32 links of a header, in linear time', () => {
    expect(nextLink([`${'<a>,'.repeat(31)}<b>;rel=next`])).toBe('b');
    expect(nextLink([`${'<a>,'.repeat(32)}<b>;rel=next`])).toBeUndefined();
    expect(nextLink(['<'.repeat(100_000), '<>;"'.repeat(100_000), ';='.repeat(100_000)])).toBeUndefined();
  });
});
