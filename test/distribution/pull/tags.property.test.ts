import fc from 'fast-check';
import { isImageError } from 'kubepull/errors';
import { describe, expect, it } from 'vitest';
import { listTags } from 'kubepull/distribution';
import { nextLink } from '../../../src/distribution/pull/pages.ts';
import { createMemoryTransport } from '../../support/memory-transport.ts';
import { runsOf } from '../../support/property-runs.ts';
import { connect, ORIGIN, ref } from '../support.ts';

const LIST = `${ORIGIN}/v2/team/app/tags/list`;
const signs = [
  '<',
  '>',
  ';',
  ',',
  '"',
  '\\',
  ' ',
  'rel',
  '=',
  'next',
  'prev',
  '?',
  '#',
  '/',
  '..',
  ':',
  '//',
  '@',
  '%2e',
];
const places = [ORIGIN, LIST, '/v2/team/app/tags/list', '?last=a', 'https://evil.example', 'evil', '\u0000', 'é'];
const piece = fc.constantFrom(...signs, ...places);
const target = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((all) => all.join('')),
  fc.webUrl(),
  fc.string(),
);

describe('nextLink', () => {
  it('finds the target of the first link to the next page among any others', () => {
    const uri = fc.string().filter((text) => !/[<>]/.test(text));
    const links = fc.array(fc.tuple(uri, fc.constantFrom('prev', 'first', 'last')), { maxLength: 5 });
    fc.assert(
      fc.property(links, uri, links, (before, next, after) => {
        const write = ([to, rel]: readonly [string, string]): string =>
          `<${to}>; title="a, <b>; rel=next"; rel="${rel}"`;
        const value = [...before.map(write), `<${next}>; rel="next"`, ...after.map(write)].join(', ');
        expect(nextLink([value])).toBe(next);
        expect(nextLink([...before.map(write), `<${next}>; rel=next`])).toBe(next);
      }),
    );
  });
});

describe('listTags', () => {
  it('asks nobody but the list of its repository, whatever is linked [C08]', async () => {
    await fc.assert(
      fc.asyncProperty(target, fc.boolean(), async (text, raw) => {
        const link = raw ? text : `<${text}>; rel="next"`;
        const server = createMemoryTransport(({ url }) =>
          url === LIST ? { headers: { link }, body: '{"tags":["a"]}' } : { body: '{"tags":["b"]}' },
        );
        const tags: string[] = [];
        try {
          for await (const tag of listTags(connect(server).session, ref)) tags.push(tag);
        } catch (error) {
          expect(isImageError(error)).toBe(true);
        }
        expect(tags[0]).toBe('a');
        for (const { url } of server.requests) expect(url.split('?', 1)[0]).toBe(LIST);
      }),
      runsOf('turns'),
    );
  });
});
