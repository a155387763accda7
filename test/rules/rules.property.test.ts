import fc from 'fast-check';
import { isImageError } from 'kubepull/errors';
import { createImageRules } from 'kubepull/rules';
import { describe, expect, it } from 'vitest';

const component = fc.string({ unit: fc.constantFrom('a', 'b', '-', '1'), minLength: 1, maxLength: 5 });
const name = fc.array(component, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const anyPattern = fc.string({ unit: fc.constantFrom(...Array.from('ab*?[]{},!\\/.:(+)| é')), maxLength: 12 });

describe('createImageRules', () => {
  it('allows every name by itself, and everything below it', () => {
    fc.assert(
      fc.property(name, name, (prefix, rest) => {
        const rules = createImageRules({ allow: [`${prefix}/**`], deny: [] });
        expect(rules.decide({ name: `${prefix}/${rest}` }).allowed).toBe(true);
        expect(rules.decide({ name: `${prefix}x/${rest}` }).allowed).toBe(false);
        expect(createImageRules({ allow: [prefix] }).decide({ name: prefix }).allowed).toBe(true);
      }),
    );
  });

  it('takes or refuses any pattern with an error of ours, and then decides on any name', () => {
    fc.assert(
      fc.property(anyPattern, name, (pattern, subject) => {
        try {
          const decision = createImageRules({ allow: [pattern] }).decide({ name: subject });
          expect(decision.allowed).toBe(decision.rule !== undefined);
        } catch (error) {
          expect(isImageError(error) && error.code).toBe('ERR_OPTION_INVALID');
        }
      }),
    );
  });
});
