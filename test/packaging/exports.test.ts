import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { runScript } from './child.ts';
import { exportsOf, listEntries, NODE_ENTRIES, root, sourceOf, specifierOf } from './entries.mjs';
import { readFiles } from './sources.ts';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly exports: unknown };
const entries = listEntries();
const portable = entries.filter((entry) => entry !== 'index' && !NODE_ENTRIES.includes(entry));

/** The names that an entry's source re-exports, types marked. */
function facadeOf(entry: string): readonly string[] {
  const path = sourceOf(entry);
  const source = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.ES2022);
  return source.statements.filter(ts.isExportDeclaration).flatMap(({ exportClause, isTypeOnly }) => {
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
    return exportClause.elements.map((one) => `${isTypeOnly || one.isTypeOnly ? 'type ' : ''}${one.name.text}`);
  });
}

const values = (entry: string): readonly string[] =>
  facadeOf(entry)
    .filter((name) => !name.startsWith('type '))
    .toSorted();

describe('exports of package.json', () => {
  it('lists exactly the modules of src', () => {
    expect(manifest.exports).toEqual(exportsOf(entries));
  });

  it.each(entries)('points at files that the build made: %s', (entry) => {
    const paths = Object.values(Object.values(exportsOf([entry]))[0] ?? {});
    expect(paths).toHaveLength(2);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('imports in Node with the names of the source and no default', async () => {
    const loads = entries.map(
      (entry) => `[${JSON.stringify(entry)}, Object.keys(await import('${specifierOf(entry)}'))]`,
    );
    const out = await runScript(`console.log(JSON.stringify([${loads.join()}]))`);
    const actual = Object.fromEntries(JSON.parse(out) as [string, string[]][]);
    expect(actual).toEqual(Object.fromEntries(entries.map((entry) => [entry, values(entry)])));
    expect(Object.values(actual).flat()).not.toContain('default');
  });

  it('can be required', async () => {
    const out = await runScript(
      `import { createRequire } from 'node:module';
       console.log(JSON.stringify(Object.keys(createRequire(import.meta.url)('kubepull'))));`,
    );
    const names = (JSON.parse(out) as string[]).filter((name) => name !== '__esModule');
    expect(names.toSorted()).toEqual(values('index'));
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
