import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drawLadder, LADDER_FILE, lookUp } from '../../docs/ladder.mjs';
import { sweepOf } from '../support/sweeps.ts';
import { listEntries, NODE_ENTRIES, root } from './entries.mjs';
import { listSizes, writeSizes } from './sizes.mjs';
import { readSnippets, snippetsOf, typeCheckSnippets } from './snippets.ts';
import { readFiles } from './sources.ts';

const all = readSnippets();
const inReadme = ({ place }: { readonly place: string }): boolean => place.startsWith('README.md');
const others = all.filter((snippet) => !inReadme(snippet));
const snippets = [...all.filter(inReadme), ...sweepOf(others, 100)];
const broken = {
  'an unknown name': `import { parseReference } from 'kubepull';\nparseReference(image);`,
  'a missing export': `import { parseReferense } from 'kubepull/reference';\nparseReferense('nginx');`,
  'a wrong type': `import { parseReference } from 'kubepull/reference';\nparseReference(1);`,
  'a syntax error': `const = 1;`,
};
const checked = typeCheckSnippets([...snippets, ...Object.entries(broken).map(([place, code]) => ({ place, code }))]);

describe('an example of the documentation compiles', () => {
  it.each(snippets.map(({ place }) => place))('%s', (place) => {
    expect(checked.get(place)?.faults).toEqual([]);
  });
});

describe('typeCheckSnippets', () => {
  it.each(Object.keys(broken))('reports %s', (place) => {
    expect(checked.get(place)?.faults).not.toEqual([]);
  });
});

describe('an example that uses what it does not declare', () => {
  const [PAGE, PLACE] = ['docs/guides/first-steps.md', '#what-examples-take-as-given'];
  const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');
  const proseOf = (page: string): string => textOf(page).replaceAll(/^```[^]*?^```$/gmu, '');
  const pageOf = (place: string): string => place.replace(/:\d+$/u, '');
  const uses = snippets
    .filter(({ place }) => pageOf(place).endsWith('.md'))
    .flatMap(({ place }) => (checked.get(place)?.given ?? []).map((name) => ({ page: pageOf(place), name })));

  it('is found', () => {
    expect(uses).toContainEqual({ page: 'README.md', name: 'secretsInNamespace' });
    expect(uses).not.toContainEqual({ page: PAGE, name: 'pod' });
  });

  it.each([...new Set(uses.map(({ page }) => page))])(
    'is on a page that names it, and links to what it is: %s',
    (page) => {
      const prose = proseOf(page);
      const names = uses.filter((use) => use.page === page).map(({ name }) => name);
      expect(names.filter((name) => !prose.includes(`\`${name}\``))).toEqual([]);
      expect(prose).toContain(`first-steps.md${PLACE}`);
    },
  );

  it('finds every such name explained there', () => {
    const [, section = ''] = textOf(PAGE).split('## What examples take as given');
    expect(uses.map(({ name }) => name).filter((name) => !section.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('snippetsOf', () => {
  it('finds the blocks of doc comments and of Markdown, with their lines', () => {
    const comment = ['/**', ' * @example', ' * ```ts', ' * const x = 1;', ' *', ' * x;', ' * ```', ' */'].join('\n');
    expect(snippetsOf('src/a.ts', comment)).toEqual([{ place: 'src/a.ts:4', code: 'const x = 1;\n\nx;' }]);
    expect(snippetsOf('a.md', '```sh\nls\n```\n```ts\nlet y;\n```\n')).toEqual([{ place: 'a.md:5', code: 'let y;' }]);
  });

  it('is not idle: the README and the sources have examples', () => {
    expect(all.filter(inReadme).length).toBeGreaterThanOrEqual(5);
    expect(all.filter(({ place }) => place.startsWith('src/')).length).toBeGreaterThanOrEqual(20);
  });
});

/** What is longer belongs in a page of its own. */
const MOST_LINES = 120;

describe('the README', () => {
  const text = readFileSync(join(root, 'README.md'), 'utf8');

  it('says how to install before its first block, whose commands are those of a clone', () => {
    const [, head = '', block = ''] = /^([^]*?)^```sh\n([^]*?)^```$/m.exec(text) ?? [];
    expect(head).toContain('`npm install kubepull`');
    expect(block.split('\n').map((line) => line.replace(/\s+#.*/, ''))).toEqual(['npm ci && npm start', 'npm cit', '']);
  });

  it('fits on a screen or two', () => {
    expect(text.split('\n').length).toBeLessThanOrEqual(MOST_LINES);
  });

  it('has the picture that the library draws', () => {
    expect(text).toContain('](docs/ladder.svg)');
    expect(drawLadder(lookUp())).toBe(readFileSync(LADDER_FILE, 'utf8'));
  });
});

describe('the picture of the README', () => {
  it('has what a screen reader says, and every key as text, in the order of the look-up', () => {
    const lookup = lookUp();
    const picture = drawLadder(lookup);
    expect(picture).toMatch(
      /aria-labelledby="title about">\n {2}<title id="title">.+<\/title>\n {2}<desc id="about">/u,
    );
    const keys = Array.from(picture.matchAll(/class="key(?: out)?">([^<]+)</gu), ([, key]) => key);
    const tried = lookup.candidates.map(({ entry }) => entry.pattern);
    expect(keys).toEqual([...tried, ...lookup.rejected.map(({ entry }) => entry.pattern)]);
    expect([lookup.candidates.length, lookup.rejected.length]).toEqual([4, 2]);
  });

  it('is of another look-up another picture', () => {
    const { candidates, ...rest } = lookUp();
    expect(drawLadder({ ...rest, candidates: candidates.slice(1) })).not.toBe(readFileSync(LADDER_FILE, 'utf8'));
  });
});

describe('docs/modules.md', () => {
  const text = readFileSync(join(root, 'docs/modules.md'), 'utf8');

  it.each(listEntries().filter((entry) => entry !== 'index'))('has a row for %s, with where it runs', (entry) => {
    const cell = NODE_ENTRIES.includes(entry) ? 'no' : 'yes';
    expect(text).toMatch(new RegExp(`^\\| \`${entry}\` +\\| ${cell} `, 'mu'));
  });

  it('has a size in every row, which is written anew in its place', () => {
    const sizes = listSizes(text);
    expect(sizes.length).toBe((text.match(/^\| (?!-|Module |Together )/gmu) ?? []).length);
    const written = writeSizes(text, new Map([['node with undici', 1234.56]]));
    expect(listSizes(written)).toEqual(
      sizes.map((row) => (row.name === 'node with undici' ? { ...row, size: 1234.6 } : row)),
    );
  });
});

describe('a page', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    ...readFiles('docs', /\.md$/).map(({ path }) => `docs/${path}`),
  ];

  it.each(pages)('%s links to files that are there', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    const targets = Array.from(text.matchAll(/\]\((?!https?:|#)([^)\s#]+)[^)\s]*\)/g), ([, target = '']) => target);
    expect(targets.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
  });
});
