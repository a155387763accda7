import fc from 'fast-check';
import { describe, it } from 'vitest';
import { isImageError } from 'kubepull/errors';
import { NO_INPUTS } from '../../docs/playground/inputs.ts';
import { createMasker } from '../../docs/playground/mask.ts';
import { buildView } from '../../docs/playground/model.ts';
import { runsOf } from '../support/property-runs.ts';

// Plain checks: `expect` shows all that it sees to the canary hook, which is slow ten thousand times.
function check(condition: boolean, ...about: readonly unknown[]): void {
  if (!condition) throw new Error(`does not hold for ${about.map((value) => JSON.stringify(value)).join(', ')}`);
}

const names = fc.constantFrom(
  'kind',
  'metadata',
  'spec',
  'data',
  'stringData',
  'items',
  'containers',
  'image',
  'name',
  'status',
  'auths',
  'auth',
);
const kinds = fc.constantFrom('Pod', 'Deployment', 'Secret', 'ServiceAccount', 'Event', 'List', 'CronJob', 'nginx:1');
const { objects } = fc.letrec((tie) => ({
  objects: fc.oneof(
    { maxDepth: 5 },
    fc.jsonValue({ maxDepth: 1 }),
    kinds,
    fc.array(tie('objects'), { maxLength: 3 }),
    fc.dictionary(names, tie('objects'), { maxKeys: 5 }),
  ),
}));

/** Pieces of JSON and YAML in any order. */
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom('{', '}', '"', "'", ':', ': ', ',', '\n', '  ', '\\', '- ', '|', '>', '#', '//', '@', '•', '₁'),
      fc.constantFrom('auth', 'password', 'data', 'stringData', '.dockerconfigjson', '"auth": "', 'Bearer '),
      fc.string({ maxLength: 12 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

describe('the playground', () => {
  it('answers whatever objects are put in, or refuses them with a coded error', async () => {
    await fc.assert(
      fc.asyncProperty(objects, fc.string(), async (value, message) => {
        const text = JSON.stringify(value);
        try {
          await buildView({ ...NO_INPUTS, objects: text, nodeConfig: text, message });
        } catch (error) {
          check(isImageError(error), text, message, String(error));
        }
      }),
      runsOf('turns'),
    );
  });

  it('reads of a masked text what was put in, and masks it no further', () => {
    fc.assert(
      fc.property(pieces, (text) => {
        const masker = createMasker();
        const masked = masker.mask(text).text;
        check(masker.mask(masked).text === masked, text, masked);
        // A mark that somebody types is none.
        check(/[•₁]/u.test(text) || masker.reveal(masked) === text, text, masked);
        check(masker.mask(text, text.length).caret === masked.length, text, masked);
      }),
    );
  });
});
