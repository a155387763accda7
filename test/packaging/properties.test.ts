import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** A call, and not one that is quoted. */
const CALL = /(?<!['"`])fc\.assert\(/;
const page = readFileSync('docs/properties.md', 'utf8');
const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file}`)
  // What a proof tries, it counts for a figure of its own.
  .filter(
    (file) => file.endsWith('.test.ts') && !file.startsWith('test/proof/') && CALL.test(readFileSync(file, 'utf8')),
  );

describe('the page of the properties', () => {
  it('has a section for every test file with a property, and for no other', () => {
    const sections = page.split('\n').filter((line) => line.startsWith('## '));
    expect(sections.map((line) => line.slice(3)).toSorted()).toEqual(files.toSorted());
  });

  it('lists 45 or more that are tried ten thousand times', () => {
    const rows = page.split('\n').map((line) => /\| +(\d+) \|$/.exec(line)?.[1]);
    expect(rows.filter((runs) => Number(runs) >= 10_000).length).toBeGreaterThanOrEqual(45);
  });
});
