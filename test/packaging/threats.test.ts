import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testsOfRows, threatsPage } from './threats.mjs';

/** Without the padding of tables, which the formatter decides. */
const bare = (text: string): string => text.replace(/ +/g, ' ').replace(/-+/g, '-');

describe('the page of threats', () => {
  it.each([...testsOfRows()])('%s has a test that is named after it', (_, files) => {
    expect(files).not.toEqual([]);
  });

  it('says what the tests say; `node test/packaging/threats.mjs --write` renews it', () => {
    expect(bare(readFileSync('docs/threats.md', 'utf8'))).toBe(bare(threatsPage()));
  });
});
