import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SECTIONS } from './sections.ts';

/** A name of a test, or of a row of a table of tests, up to its colon; not in a comment, and not of a test that is skipped. */
const NAMED = /^(?!\s*(?:\/\/|\*)|.*\.(?:skip|todo)\b).*?['"`]((?:02|06|07) §\d+ [^:'"`]+): /gmu;

const files = ['test/image-manager', 'test/cri'].flatMap((directory) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(`${directory}/${name}`, 'utf8')),
);
const named = new Set(files.flatMap((text) => [...text.matchAll(NAMED)].map(([, name = '']) => name)));
const rows = Object.entries(SECTIONS).flatMap(([section, names]) => names.map((name) => `${section} ${name}`));

describe('the rows of the semantics', () => {
  it.each(rows)('%s has a test that is named after it', (row) => {
    expect(named).toContain(row);
  });

  it('are each listed once, and no test is named after another', () => {
    expect([...named].toSorted()).toEqual(rows.toSorted());
  });
});
