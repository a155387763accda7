import fc from 'fast-check';
import { describe, it } from 'vitest';
import { equalSecrets } from '../../src/internal/index.ts';

describe('equalSecrets', () => {
  it('says what === says [L09]', () => {
    const text = fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', '\0') });
    fc.assert(fc.property(text, text, (a, b) => equalSecrets(a, b) === (a === b)));
  });
});
