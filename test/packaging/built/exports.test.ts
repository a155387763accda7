import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runScript } from '../child.ts';
import { exportsOf, listEntries, root, specifierOf } from '../entries.mjs';
import { valuesOf } from '../facades.ts';

const entries = listEntries();

describe('exports of package.json', () => {
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
    expect(actual).toEqual(Object.fromEntries(entries.map((entry) => [entry, valuesOf(entry)])));
    expect(Object.values(actual).flat()).not.toContain('default');
  });

  it('can be required', async () => {
    const out = await runScript(
      `import { createRequire } from 'node:module';
       console.log(JSON.stringify(Object.keys(createRequire(import.meta.url)('kubepull'))));`,
    );
    const names = (JSON.parse(out) as string[]).filter((name) => name !== '__esModule');
    expect(names.toSorted()).toEqual(valuesOf('index'));
  });
});
