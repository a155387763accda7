// Runs an example of the documentation, so that a page cannot promise what does not work.
import { compileFunction } from 'node:vm';
import { transform } from 'esbuild';
import { expect } from 'vitest';

type Values = Readonly<Record<string, unknown>>;

/**
 * Runs an example to its end.
 *
 * @param modules - what its imports give, by specifier; any other import is an error
 * @param scope - what the page takes as given, and globals to play
 */
export async function runSnippet(
  code: string,
  modules: Readonly<Record<string, object>>,
  scope: Values = {},
): Promise<void> {
  const script = await transform(code, { loader: 'ts', target: 'node20' });
  const body = script.code.replace(/^import (\{[^}]*\}) from "([^"]+)";$/gm, (_, names: string, specifier: string) => {
    expect(Object.keys(modules), 'an import that the test does not know').toContain(specifier);
    return `const ${names.replaceAll(' as ', ': ')} = modules[${JSON.stringify(specifier)}];`;
  });
  const values = { ...scope, modules };
  const program = compileFunction(`return (async () => {${body}})()`, Object.keys(values)) as (
    ...args: readonly unknown[]
  ) => Promise<void>;
  await program(...Object.values(values));
}
