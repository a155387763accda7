// Image references, on the inputs of the vectors, beside the smallest and the worst case.
import { formatReference, parseImageName, safeParseReference } from 'kubepull/reference';
import { bench, describe } from 'vitest';
import { readInputs } from './inputs.ts';

const inputs = readInputs('reference.json', ['in']).flat();
const worst = `${'a'.repeat(4_000)}:${'t'.repeat(95)}`;

describe('safeParseReference', () => {
  bench('the smallest', () => void safeParseReference('a'));
  bench('a name with tag and digest', () => void safeParseReference(`quay.io/team/app:1.27@sha256:${'0'.repeat(64)}`));
  bench('4,096 characters that end in a fault', () => void safeParseReference(worst));
  bench(`${inputs.length} inputs of the vectors`, () => {
    for (const input of inputs) safeParseReference(input);
  });
});

describe('parseImageName', () => {
  bench('a short name', () => void parseImageName('nginx'));
});

describe('formatReference', () => {
  const parsed = safeParseReference('docker.io/library/nginx:1.27');
  bench('familiar', () => void (parsed.ok && formatReference(parsed.value, 'familiar')));
});
