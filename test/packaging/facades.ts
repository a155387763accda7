import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root, sourceOf } from './entries.mjs';

/** The names that an entry's source re-exports, types marked. */
export function facadeOf(entry: string): readonly string[] {
  const path = sourceOf(entry);
  const source = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.ES2022);
  return source.statements.filter(ts.isExportDeclaration).flatMap(({ exportClause, isTypeOnly }) => {
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
    return exportClause.elements.map((one) => `${isTypeOnly || one.isTypeOnly ? 'type ' : ''}${one.name.text}`);
  });
}

/** The names that an entry exports as values, in order. */
export function valuesOf(entry: string): readonly string[] {
  return facadeOf(entry)
    .filter((name) => !name.startsWith('type '))
    .toSorted();
}
