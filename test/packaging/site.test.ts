import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { drawDiagram } from '../../docs/diagram.mjs';
import { listPages, listSitePages } from '../../docs/pages.mjs';
import { followLinks } from './links.mjs';
import { readFiles } from './sources.ts';

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function siteOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'kubepull-links-'));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

describe('followLinks', () => {
  const menu = deflateSync('[{"text":"a","path":"pages/a.html"},{"text":"b","path":"pages/gone.html#x"}]').toString(
    'base64',
  );

  it('finds what leads to no file, to no place in a file, or out of the site', () => {
    const site = siteOf({
      'index.html':
        '<a href="pages/a.html#here">a</a><a href="pages/">f</a><a href="pages/a.html#away">x</a><img src="no.png">',
      'pages/index.html':
        '<a href="../index.html?v=1#">up</a><a href="../../etc/passwd">out</a><a href="https://example.com/">web</a>',
      'pages/a.html':
        '<h2 id="here">a</h2><script src="s.js">document.write(\'<a href="in-a-script">\')</script><a href="#nowhere&amp;">y</a>',
      'assets/style.css': 'a { background: url("b.svg") } b { background: url(data:image/png;base64,AA==) }',
      'assets/navigation.js': `window.navigationData = "data:application/octet-stream;base64,${menu}"`,
      'llms.txt': '[a](pages/a.html) [b](b.md) `[c](c.md)`',
    });
    const { pages, links, outside, broken } = followLinks(site);
    expect([...broken].toSorted()).toEqual([
      'assets/navigation.js: ../pages/gone.html#x',
      'assets/style.css: b.svg',
      'index.html: no.png',
      'index.html: pages/a.html#away',
      'llms.txt: b.md',
      'pages/a.html: #nowhere&',
      'pages/a.html: s.js',
      'pages/index.html: ../../etc/passwd',
    ]);
    expect({ pages, links, outside }).toEqual({ pages: 6, links: 13, outside: 1 });
  });
});

describe('the pages of the site', () => {
  it('are those of docs, each once', () => {
    const paths = listSitePages().map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    const there = readFiles('docs', /^(?!api\/|site\/).*\.md$/).map(({ path }) => `docs/${path}`);
    expect(there.filter((path) => !paths.includes(path))).toEqual([]);
  });

  it('have the group of the heading that they are listed under', () => {
    const text =
      '# Docs\n\n- [x](x.md): before\n\n## First\n\n- [a](guides/a.md): one\n- [f/](f/): a folder\n\n## Next\n\n- [b](../B.md): two\n';
    expect(listPages(text)).toEqual([
      { title: 'x', path: 'docs/x.md', about: 'before', group: '' },
      { title: 'a', path: 'docs/guides/a.md', about: 'one', group: 'First' },
      { title: 'b', path: 'B.md', about: 'two', group: 'Next' },
    ]);
  });
});

describe('drawDiagram', () => {
  const flow = 'flowchart TB\n  subgraph one [The <one>]\n    a\n    b-c\n  end\n  a --> b-c\n  a --> a & b-c\n';
  const sequence =
    'sequenceDiagram\n  participant A as a caller\n  participant B as b\n  A->>B: asks <it>\n  loop each\n    B->>B: thinks\n  end\n  B->>A: says\n';

  it('draws a flowchart as boxes that say what they use, with links and without markup of the source', () => {
    const drawn = drawDiagram(flow, (name) => (name === 'a' ? 'a.html' : undefined));
    expect(drawn).toContain('<p>The &lt;one></p>');
    expect(drawn).toMatch(/<li><a href="a.html">a<\/a><span>.*→.* b-c, a, b-c<\/span><\/li><li><b>b-c<\/b><\/li>/);
  });

  it('draws a sequence in order, and tells it to who cannot see it', () => {
    const drawn = drawDiagram(sequence, () => undefined);
    const texts = Array.from(drawn.matchAll(/<text[^>]*>([^<]*)</g), ([, text]) => text);
    expect(texts).toEqual(['a caller', 'b', 'each', 'asks &lt;it>', 'thinks', 'says']);
    expect(drawn).toContain('aria-label="a caller to b: asks &lt;it>; for each:; b to b: thinks; b to a caller: says"');
  });

  it.each([
    ['a kind that it does not know', 'pie\n'],
    ['an arrow that it does not know', 'flowchart TB\n  a -.-> b\n'],
    ['a box in no group', 'flowchart TB\n  subgraph one [One]\n    a\n  end\n  a --> b\n'],
    ['a message of a stranger', 'sequenceDiagram\n  participant A as a\n  A->>B: x\n'],
    ['a note', 'sequenceDiagram\n  participant A as a\n  Note over A: x\n'],
    ['an end without a loop', 'sequenceDiagram\n  participant A as a\n  end\n'],
  ])('refuses %s, so that no page shows half of a diagram', (_, source) => {
    expect(() => drawDiagram(source, () => undefined)).toThrow();
  });
});
