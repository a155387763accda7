import { describe, expect, it } from 'vitest';
import { type SecretFieldError, validateSecret } from 'kubepull/pull-secrets';
import vectors from '../vectors/secret-validate.json' with { type: 'json' };

interface Case {
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
  readonly fill?: Readonly<Record<string, number>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly valid: boolean;
  readonly errors?: readonly SecretFieldError[];
}

const cases = vectors.cases as unknown as readonly Case[];

describe('validateSecret', () => {
  it.each(['data', 'stringData'] as const)(`gives the errors of all ${cases.length} vectors, with %s`, (place) => {
    for (const [index, { type, data, fill = {}, annotations, valid, errors = [] }] of cases.entries()) {
      const values = [...Object.entries(data), ...Object.entries(fill).map(([key, size]) => [key, 'x'.repeat(size)])];
      const encoded = values.map(([key, value = '']) => [
        key,
        place === 'data' ? Buffer.from(value).toString('base64') : value,
      ]);
      const result = validateSecret({
        metadata: { name: 's', annotations },
        type,
        [place]: Object.fromEntries(encoded),
      });
      const note = `case ${index}: ${type} ${JSON.stringify(data)}`;
      expect([...result.errors].toSorted(byMessage), note).toEqual([...errors].toSorted(byMessage));
      expect(result.valid, note).toBe(valid);
    }
    expect(cases.length).toBeGreaterThan(200);
  });
});

function byMessage(a: SecretFieldError, b: SecretFieldError): number {
  return a.message < b.message ? -1 : 1;
}
