import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportsOf, listEntries, NODE_ENTRIES, root } from './entries.mjs';
import { facadeOf } from './facades.ts';
import { readFiles } from './sources.ts';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly exports: unknown };
const entries = listEntries();
const portable = entries.filter((entry) => entry !== 'index' && !NODE_ENTRIES.includes(entry));

describe('exports of package.json', () => {
  it('lists exactly the modules of src', () => {
    expect(manifest.exports).toEqual(exportsOf(entries));
  });
});

/** The rooms of decisions, which the root re-exports. */
const DECISIONS = [
  'backoff',
  'docker-config',
  'errors',
  'explain',
  'keyring',
  'kubernetes',
  'lint',
  'platform',
  'pull-policy',
  'pull-secrets',
  'reference',
];

describe('kubepull', () => {
  it('has names of the rooms of decisions only', () => {
    const decisions = new Set(DECISIONS.flatMap(facadeOf));
    expect(facadeOf('index').filter((name) => !decisions.has(name))).toEqual([]);
  });

  it('has every type of these rooms, and every value that a guide names', () => {
    const guides = [
      readFileSync(join(root, 'README.md'), 'utf8'),
      readFileSync(join(root, 'docs/errors.md'), 'utf8'),
      ...readFiles('docs/guides', /\.md$/).map(({ text }) => text),
      ...readFiles('docs/examples', /\.ts$/).map(({ text }) => text),
    ].join('\n');
    const isNamed = (name: string): boolean => name.startsWith('type ') || new RegExp(`\\b${name}\\b`).test(guides);
    expect(facadeOf('index').toSorted()).toEqual(DECISIONS.flatMap(facadeOf).filter(isNamed).toSorted());
  });

  it('has each name of a portable module from one module only, but for types that two of them need', () => {
    const names = portable.flatMap(facadeOf).filter((name) => !name.startsWith('type '));
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });
});
