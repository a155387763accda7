import fc from 'fast-check';
import { isImageError } from 'kubepull/errors';
import { createImageRules } from 'kubepull/rules';
import picomatch from 'picomatch/posix.js';
import { describe, expect, it } from 'vitest';

const component = fc.string({ unit: fc.constantFrom('a', 'b', '-', '1'), minLength: 1, maxLength: 5 });
const part = component.filter((text) => /^[a-z\d]+(?:-+[a-z\d]+)*$/.test(text));
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const name = path.map((text) => `r.io/${text}`);
const anyPattern = fc.string({ unit: fc.constantFrom(...Array.from('ab*?[]{},!\\/.:(+)| é')), maxLength: 12 });

describe('createImageRules', () => {
  it('allows every name by itself, and everything below it', () => {
    fc.assert(
      fc.property(name, path, (prefix, rest) => {
        const rules = createImageRules({ allow: [`${prefix}/**`], deny: [] });
        expect(rules.decide({ name: `${prefix}/${rest}` }).allowed).toBe(true);
        expect(rules.decide({ name: `${prefix}x/${rest}` }).allowed).toBe(false);
        expect(createImageRules({ allow: [prefix] }).decide({ name: prefix }).allowed).toBe(true);
      }),
    );
  });

  it('decides on patterns of whole names as picomatch does on each', () => {
    const star = fc.constantFrom('*', 'a*', '?', '[ab]', '{a,b}', '**');
    const glob = fc
      .tuple(
        fc.constantFrom('r.io', 's.io', '*.io', '{r,s}.io', '**'),
        fc.array(fc.oneof(part, star), { minLength: 1, maxLength: 3 }),
      )
      .map(([host, parts]) => [host, ...parts].join('/'))
      .filter((text) => text.split('**').length <= 2);
    fc.assert(
      fc.property(fc.array(glob, { minLength: 1, maxLength: 6 }), name, (patterns, subject) => {
        const index = patterns.findIndex((pattern) => picomatch(pattern, { dot: true })(subject));
        expect(createImageRules({ deny: patterns }).decide({ name: subject }).rule?.index ?? -1).toBe(index);
      }),
    );
  });

  it('decides on patterns of hosts as picomatch does on each', () => {
    const hosts = [
      '*.io',
      'r*.io',
      '*.a.io',
      'r.*.io',
      '*r.io',
      '?.a.io',
      'r.[ab].io',
      '[rs].a.io',
      '*.io:5000',
      '*',
      '{r,*.a}.io',
      '*:5000',
    ];
    const pattern = fc.constantFrom(...hosts).map((host) => `${host}/**`);
    const labels = fc.array(fc.constantFrom('r', 's', 'a', 'b', 'ra'), { minLength: 1, maxLength: 3 });
    const subject = fc
      .tuple(labels, fc.constantFrom('', ':5000'), part)
      .map(([before, port, app]) => `${before.join('.')}.io${port}/${app}`);
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 6 }), subject, (patterns, image) => {
        const index = patterns.findIndex((one) => picomatch(one, { dot: true })(image));
        expect(createImageRules({ deny: patterns }).decide({ name: image }).rule?.index ?? -1).toBe(index);
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
