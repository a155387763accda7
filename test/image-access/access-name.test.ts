import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toRecordedName } from 'kubepull/image-access';
import { safeParseReference } from 'kubepull/reference';
import { bareNameOf, recordedNameOf } from '../../src/image-access/access-name.ts';

const { cases } = JSON.parse(readFileSync(new URL('../vectors/reference.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly { readonly in: string }[];
};
const parsed = cases.flatMap(({ in: input }) => {
  const result = safeParseReference(input);
  return result.ok ? [result.value] : [];
});

describe('the name under which an image is recorded', () => {
  it('is the same of a parsed image as of its text, in every release', () => {
    expect(parsed.length).toBeGreaterThan(500);
    for (const release of ['1.35', '1.36', '1.37'] as const) {
      const [ofParsed, ofText] = [
        parsed.map((ref) => recordedNameOf(ref, { release })),
        parsed.map(({ input }) => toRecordedName(input, { release })),
      ];
      expect(ofParsed).toEqual(ofText);
    }
  });

  it('has neither tag nor digest, and loses no port', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const texts = ['app', 'app:1', `app@${digest}`, `r.example:5000/app:1@${digest}`, 'r.example:5000/app'];
    const names = texts.map((text) => {
      const result = safeParseReference(text);
      return result.ok ? bareNameOf(result.value) : undefined;
    });
    expect(names).toEqual(['app', 'app', 'app', 'r.example:5000/app', 'r.example:5000/app']);
  });
});
