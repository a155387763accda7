import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listEntries, root } from './entries.mjs';

/** The verbs of the table in CONTRIBUTING.md, and the values that are ready to be passed in and named for what they are. */
const guide = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
const table = /\| first word[^]*?\n\n/.exec(guide)?.[0] ?? '';
const verbs = new Set([...table.matchAll(/^\|((?:[^|]*`\w+`)+)/gm)].flatMap(([, cell = '']) => wordsOf(cell)));
const plugs = new Set(wordsOf(/Ready-made plugs[^]*?\./.exec(guide)?.[0] ?? ''));

function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/`(\w+)`/g)].map(([, word = '']) => word);
}

/** Every exported function that is not a class, with its room. */
async function functions(): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const entry of listEntries()) {
    const file = entry === 'index' ? 'index.ts' : `${entry}/index.ts`;
    const module = (await import(join(root, 'src', file))) as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(module)) {
      if (typeof value === 'function' && /^[a-z]/.test(name)) found.add(name);
    }
  }
  return [...found].toSorted();
}

describe('the first word of an exported function', () => {
  it('is a verb of the table in CONTRIBUTING.md', async () => {
    const names = await functions();
    expect(names.length).toBeGreaterThan(100);
    const strange = names.filter((name) => !verbs.has(/^[a-z]+/.exec(name)?.[0] ?? '') && !plugs.has(name));
    expect(strange).toEqual([]);
  });

  it('stands in the table only when a function begins with it', async () => {
    const used = new Set((await functions()).map((name) => /^[a-z]+/.exec(name)?.[0]));
    expect([...verbs].filter((verb) => !used.has(verb))).toEqual([]);
  });
});
