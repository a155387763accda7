import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXAMPLES, renderExamples } from './examples.ts';

describe('the examples of docs/lint.md', () => {
  it('are what the library says of forty inputs; `node test/lint/write-examples.mjs` renews them', () => {
    const [, shown] = readFileSync(new URL('../../docs/lint.md', import.meta.url), 'utf8').split(
      'write-examples.mjs`.\n',
    );
    expect(shown?.trim()).toBe(renderExamples());
    expect(EXAMPLES).toBe(40);
  });
});
