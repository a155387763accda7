import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listEntries, root } from './entries.mjs';
import { readSnippets, snippetsOf, typeCheckSnippets } from './snippets.ts';
import { readFiles } from './sources.ts';

const snippets = readSnippets();
const broken = {
  'an unknown name': `import { parseReference } from 'kubepull';\nparseReference(image);`,
  'a missing export': `import { parseReferense } from 'kubepull/reference';\nparseReferense('nginx');`,
  'a wrong type': `import { parseReference } from 'kubepull/reference';\nparseReference(1);`,
  'a syntax error': `const = 1;`,
};
const faults = typeCheckSnippets([...snippets, ...Object.entries(broken).map(([place, code]) => ({ place, code }))]);

describe('an example of the documentation compiles', () => {
  it.each(snippets.map(({ place }) => place))('%s', (place) => {
    expect(faults.get(place)).toEqual([]);
  });
});

describe('typeCheckSnippets', () => {
  it.each(Object.keys(broken))('reports %s', (place) => {
    expect(faults.get(place)).not.toEqual([]);
  });
});

describe('snippetsOf', () => {
  it('finds the blocks of doc comments and of Markdown, with their lines', () => {
    const comment = ['/**', ' * @example', ' * ```ts', ' * const x = 1;', ' *', ' * x;', ' * ```', ' */'].join('\n');
    expect(snippetsOf('src/a.ts', comment)).toEqual([{ place: 'src/a.ts:4', code: 'const x = 1;\n\nx;' }]);
    expect(snippetsOf('a.md', '```sh\nls\n```\n```ts\nlet y;\n```\n')).toEqual([{ place: 'a.md:5', code: 'let y;' }]);
  });

  it('is not idle: the README and the sources have examples', () => {
    expect(snippets.filter(({ place }) => place.startsWith('README.md')).length).toBeGreaterThanOrEqual(5);
    expect(snippets.filter(({ place }) => place.startsWith('src/')).length).toBeGreaterThanOrEqual(20);
  });
});

describe('the README', () => {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const rows = text.match(/^\| `.*$/gm)?.join('\n') ?? '';

  it('says how to install before its first block, whose commands are those of a clone', () => {
    const [, head = '', block = ''] = /^([^]*?)^```sh\n([^]*?)^```$/m.exec(text) ?? [];
    expect(head).toContain('`npm install kubepull`');
    expect(block.split('\n').map((line) => line.replace(/\s+#.*/, ''))).toEqual(['npm ci && npm start', 'npm cit', '']);
  });

  it.each(listEntries().filter((entry) => entry !== 'index'))('has a row for %s', (entry) => {
    expect(rows).toContain(`\`${entry}\``);
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
