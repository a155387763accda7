import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from 'kubepull/distribution';

const bearer = (parameters: Record<string, string>) => ({ scheme: 'bearer', parameters, token68: undefined });
const basic = (parameters: Record<string, string> = {}) => ({ scheme: 'basic', parameters, token68: undefined });
const parse = (header: string | readonly string[]) =>
  parseChallenges(header).map(({ parameters, ...rest }) => ({ ...rest, parameters: Object.fromEntries(parameters) }));

describe('parseChallenges', () => {
  it.each([
    ['Bearer realm="https://a/t",service="s"', [bearer({ realm: 'https://a/t', service: 's' })]],
    ['bearer realm=x', [bearer({ realm: 'x' })]],
    ['BEARER Realm="x"', [bearer({ realm: 'x' })]],
    [
      'Bearer service="s",realm="r",scope="repository:a:pull"',
      [bearer({ service: 's', realm: 'r', scope: 'repository:a:pull' })],
    ],
    ['Bearer realm = "x" , service = y', [bearer({ realm: 'x', service: 'y' })]],
    ['Bearer  realm="x"', [bearer({ realm: 'x' })]],
    ['Bearer\trealm="x"', [bearer({ realm: 'x' })]],
    ['Basic realm="a, Bearer realm=b"', [basic({ realm: 'a, Bearer realm=b' })]],
    ['Basic realm="say \\"hi\\""', [basic({ realm: 'say "hi"' })]],
    ['Basic realm="a\\\\b"', [basic({ realm: 'a\\b' })]],
    ['Basic realm=""', [basic({ realm: '' })]],
    ['Basic', [basic()]],
    ['Basic, Bearer realm="x"', [basic(), bearer({ realm: 'x' })]],
    ['Basic realm="x", Bearer realm="y"', [basic({ realm: 'x' }), bearer({ realm: 'y' })]],
    ['Basic realm="x",Bearer realm="y",service="z"', [basic({ realm: 'x' }), bearer({ realm: 'y', service: 'z' })]],
    [
      'Negotiate, Basic realm="x"',
      [{ scheme: 'negotiate', parameters: {}, token68: undefined }, basic({ realm: 'x' })],
    ],
    [
      'Negotiate YWJj==, Basic realm="x"',
      [{ scheme: 'negotiate', parameters: {}, token68: 'YWJj==' }, basic({ realm: 'x' })],
    ],
    ['Negotiate a/b+c', [{ scheme: 'negotiate', parameters: {}, token68: 'a/b+c' }]],
    ['Bearer realm="x",realm="y"', [bearer({ realm: 'x' })]],
    ['Bearer __proto__="x",realm="y"', [bearer({ __proto__: null as never, realm: 'y' })]],
    ['Bearer realm="x",', [bearer({ realm: 'x' })]],
    [',, ,Bearer realm="x"', [bearer({ realm: 'x' })]],
    ['Bearer realm="x",,service="y"', [bearer({ realm: 'x', service: 'y' })]],
    [
      'Bearer error="invalid_token",error_description="a; b"',
      [bearer({ error: 'invalid_token', error_description: 'a; b' })],
    ],
    [
      ['Basic realm="x"', 'Bearer realm="y"'],
      [basic({ realm: 'x' }), bearer({ realm: 'y' })],
    ],
    ['Basic realm="é"', [basic({ realm: 'é' })]],
    // A fault ends the header; what stood before it counts.
    ['Bearer realm="x', []],
    ['Bearer realm=', [{ scheme: 'bearer', parameters: {}, token68: 'realm=' }]],
    ['Bearer realm="x" service="y"', []],
    ['Basic realm="x", Bearer realm="y', [basic({ realm: 'x' })]],
    ['Bearer realm="x\\', []],
    ['Basic=', []],
    ['="x"', []],
    ['(Basic)', []],
    ['', []],
    [' ', []],
    [',', []],
    [[], []],
  ])('A15 reads %j', (header, challenges) => {
    const expected = challenges.map(({ parameters, ...rest }) => ({ ...rest, parameters: { ...parameters } }));
    const got = parse(header).map(({ parameters, ...rest }) => {
      const { ['__proto__']: _, ...others } = parameters;
      return { ...rest, parameters: others };
    });
    expect(got).toEqual(expected);
  });

  it('A15 takes at most 8 challenges with 32 parameters, of at most 16 KiB', () => {
    expect(parse('Basic, '.repeat(20))).toHaveLength(8);
    expect(parse(Array.from({ length: 20 }, () => 'Basic'))).toHaveLength(8);
    const parameters = (count: number): string => Array.from({ length: count }, (_, at) => `p${at}=x`).join();
    expect(Object.keys(parse(`Bearer ${parameters(32)}`)[0]?.parameters ?? {})).toHaveLength(32);
    expect(parse(`Bearer ${parameters(33)}`)).toEqual([]);
    expect(parse(`Basic realm="${'x'.repeat(16 * 1024)}"`)).toEqual([]);
  });

  it('A15 stays linear on 16 KiB of one character', () => {
    for (const piece of ['a', ',', ' ', '"', '\\', '=', 'a=', 'a,', 'a ', '"\\', 'a="']) {
      const started = performance.now();
      parse(`Bearer ${piece.repeat(16_000 / piece.length)}`);
      expect(performance.now() - started).toBeLessThan(100);
    }
  });

  it('A15 finds again what was written', () => {
    const name = fc.stringMatching(/^[a-z_-]{1,10}$/);
    const value = fc.string({ unit: 'binary', maxLength: 20 });
    const challenge = fc.tuple(
      fc.stringMatching(/^[A-Za-z]{1,8}$/),
      fc.uniqueArray(fc.tuple(name, value), { minLength: 1, maxLength: 5, selector: ([key]) => key }),
    );
    const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 4 }), fc.boolean(), (challenges, several) => {
        const written = challenges.map(
          ([scheme, parameters]) => `${scheme} ${parameters.map(([key, text]) => `${key}=${quoted(text)}`).join(', ')}`,
        );
        const read = parseChallenges(several ? written : written.join(', '));
        expect(read.map(({ scheme, parameters }) => [scheme, [...parameters]])).toEqual(
          challenges.map(([scheme, parameters]) => [scheme.toLowerCase(), parameters]),
        );
      }),
      { numRuns: 10_000 },
    );
  });

  it('A15 never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (header) => void parseChallenges(header)),
      { numRuns: 10_000 },
    );
  });
});
