import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RULES } from './rules.ts';

const subjects = Object.keys(RULES).join('|');
/** A name of a test, or of a row of a table of tests, up to its colon; not in a comment, and not of a test that is skipped. */
const NAMED = new RegExp(`^(?!\\s*(?:\\/\\/|\\*)|.*\\.(?:skip|todo)\\b).*?['"\`]((?:${subjects}), [^:'"\`]+): `, 'gmu');

const files = ['test/image-manager', 'test/image-access', 'test/image-service', 'test/cri'].flatMap((directory) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(`${directory}/${name}`, 'utf8')),
);
const named = new Set(files.flatMap((text) => [...text.matchAll(NAMED)].map(([, name = '']) => name)));
const rules = Object.entries(RULES).flatMap(([subject, names]) => names.map((name) => `${subject}, ${name}`));

describe('the rules of kubelet', () => {
  it.each(rules)('%s: has a test that is named after it', (rule) => {
    expect(named).toContain(rule);
  });

  it('are each listed once, and no test is named after another', () => {
    expect([...named].toSorted()).toEqual(rules.toSorted());
  });
});
