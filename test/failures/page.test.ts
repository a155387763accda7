import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILURE_RULES } from 'kubepull/failures';
import { renderTables } from './page.ts';
import { TEXTS } from './texts.ts';

const page = readFileSync(new URL('../../docs/failures.md', import.meta.url), 'utf8');

describe('docs/failures.md', () => {
  it('has the causes, and how many texts of each are explained right; `node test/failures/write-page.mjs` renews it', () => {
    const [, shown = ''] = page.split('write-page.mjs`.\n');
    // Prettier aligns the columns of a table.
    const plain = (text: string): string => text.replaceAll(/ +(?=\|)|(?<=\|) +/g, ' ').replaceAll(/-+/g, '-');
    expect(plain(shown.trim())).toBe(plain(renderTables(TEXTS)));
  });

  it.each(FAILURE_RULES.map(({ cause }) => cause))('has a text of cause %s', (wanted) => {
    expect(TEXTS.filter(({ cause }) => cause === wanted)).not.toEqual([]);
  });
});
