import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from 'kubepull/distribution';
import { anyText } from '../../support/any-text.ts';
import { growth } from '../../support/least.ts';

const bearer = (parameters: Record<string, string>) => ({ scheme: 'bearer', parameters, token68: undefined });
const basic = (parameters: Record<string, string> = {}) => ({ scheme: 'basic', parameters, token68: undefined });
const digest = (parameters: Record<string, string>) => ({ scheme: 'digest', parameters, token68: undefined });
const negotiate = (token68: string) => ({ scheme: 'negotiate', parameters: {}, token68 });
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
    ['Bearer realm="x",REALM="y"', [bearer({ realm: 'x' })]],
    ['Bearer realm="x",realm=y,service=z', [bearer({ realm: 'x', service: 'z' })]],
    ['Basic realm="a", charset="UTF-8"', [basic({ realm: 'a', charset: 'UTF-8' })]],
    ['Basic realm="x, Basic realm=\\"y\\""', [basic({ realm: 'x, Basic realm="y"' })]],
    ['Bearer realm="Basic realm=x"', [bearer({ realm: 'Basic realm=x' })]],
    ['Bearer realm="a=b,c=d"', [bearer({ realm: 'a=b,c=d' })]],
    ['Bearer realm="\\a\\b"', [bearer({ realm: 'ab' })]],
    ['Basic realm="\t"', [basic({ realm: '\t' })]],
    ['Basic\t,\tBearer realm="x"', [basic(), bearer({ realm: 'x' })]],
    ['Basic , Bearer realm="x"', [basic(), bearer({ realm: 'x' })]],
    ['Bearer ,realm="x"', [bearer({ realm: 'x' })]],
    ['Basic Basic', [{ scheme: 'basic', parameters: {}, token68: 'Basic' }]],
    ['Basic Basic realm="x"', []],
    ['Basic realm="x" Bearer realm="y"', []],
    ['Negotiate abc=', [{ scheme: 'negotiate', parameters: {}, token68: 'abc=' }]],
    ['Negotiate abc==, Negotiate def', [negotiate('abc=='), negotiate('def')]],
    ['Negotiate abc= , Basic realm="x"', [negotiate('abc='), basic({ realm: 'x' })]],
    ['Negotiate abc= \t', [negotiate('abc=')]],
    ['NTLM', [{ scheme: 'ntlm', parameters: {}, token68: undefined }]],
    ['Digest realm="r", qop="auth, auth-int", nonce="n"', [digest({ realm: 'r', qop: 'auth, auth-int', nonce: 'n' })]],
    [
      'Digest realm=r, Basic realm=b, Bearer realm=t',
      [digest({ realm: 'r' }), basic({ realm: 'b' }), bearer({ realm: 't' })],
    ],
    ["x-a!#$%&'*+.^_`|~9 a=b", [{ scheme: "x-a!#$%&'*+.^_`|~9", parameters: { a: 'b' }, token68: undefined }]],
    [['', 'Basic'], [basic()]],
    [['Bearer realm="x', 'Basic realm="y"'], [basic({ realm: 'y' })]],
    [
      ['Bearer realm="x"', 'Bearer realm="y"'],
      [bearer({ realm: 'x' }), bearer({ realm: 'y' })],
    ],
    // What registries get wrong, where it has one meaning only.
    ['Bearer realm=https://a/t', [bearer({ realm: 'https://a/t' })]],
    ['Bearer realm=https://a/t?x=1,service=s', [bearer({ realm: 'https://a/t?x=1', service: 's' })]],
    ['Bearer realm="x";service="y"', [bearer({ realm: 'x', service: 'y' })]],
    ['Bearer realm="x"; service="y";', [bearer({ realm: 'x', service: 'y' })]],
    ['Bearer realm="x" service="y"', [bearer({ realm: 'x', service: 'y' })]],
    ['Bearer realm="x" service=y scope="z"', [bearer({ realm: 'x', service: 'y', scope: 'z' })]],
    ['Bearer realm="x"\tservice="y", Basic realm=z', [bearer({ realm: 'x', service: 'y' }), basic({ realm: 'z' })]],
    ['Bearer realm="x",service=reg.example.com:443', [bearer({ realm: 'x', service: 'reg.example.com:443' })]],
    ['Bearer realm="x",scope=repository:app:pull', [bearer({ realm: 'x', scope: 'repository:app:pull' })]],
    ['Bearer realm="x",service=,scope=', [bearer({ realm: 'x' })]],
    ['Bearer realm="x"; Basic realm="y"', []],
    ['Bearer realm="x" service', []],
    ['Bearer realm=a"b"', []],
    // A fault ends the header; what stood before it counts.
    ['Bearer realm="x"x', []],
    ['Bearer realm="x"service="y"', []],
    ['Bearer: realm="x"', []],
    ['Bearer "x"', []],
    ["Bearer realm='x'", [bearer({ realm: "'x'" })]],
    ['Bearer realm==x', []],
    ['Basic, Bearer realm="x"y, Digest realm=z', [basic()]],
    ['Basic realm="x", "y"', [basic({ realm: 'x' })]],
    ['Basic realm="x", =y', [basic({ realm: 'x' })]],
    ['Basic\u0000', []],
    ['Bäsic realm="x"', []],
    ['Bearer realm="x', []],
    ['Bearer realm=', [{ scheme: 'bearer', parameters: {}, token68: 'realm=' }]],
    ['Basic realm="x", Bearer realm="y', [basic({ realm: 'x' })]],
    ['Bearer realm="x\\', []],
    ['Basic=', []],
    ['="x"', []],
    ['(Basic)', []],
    ['', []],
    [' ', []],
    [',', []],
    [[], []],
  ])('reads %j [A15]', (header, challenges) => {
    const expected = challenges.map(({ parameters, ...rest }) => ({ ...rest, parameters: { ...parameters } }));
    const got = parse(header).map(({ parameters, ...rest }) => {
      const { ['__proto__']: _, ...others } = parameters;
      return { ...rest, parameters: others };
    });
    expect(got).toEqual(expected);
  });

  it('takes at most 8 challenges with 32 parameters, of at most 16 KiB [A15]', () => {
    expect(parse('Basic, '.repeat(20))).toHaveLength(8);
    expect(parse(Array.from({ length: 20 }, () => 'Basic'))).toHaveLength(8);
    const parameters = (count: number): string => Array.from({ length: count }, (_, at) => `p${at}=x`).join();
    expect(Object.keys(parse(`Bearer ${parameters(32)}`)[0]?.parameters ?? {})).toHaveLength(32);
    expect(parse(`Bearer ${parameters(33)}`)).toEqual([]);
    const long = (length: number): string => `Basic realm="${'x'.repeat(length - 'Basic realm=""'.length)}"`;
    expect(parse(long(16 * 1024))).toHaveLength(1);
    expect(parse(long(16 * 1024 + 1))).toEqual([]);
    const half = `Basic realm="${'x'.repeat(9000)}"`;
    expect([parse(half).length, parse([half, half]).length]).toEqual([1, 0]);
  });

  it.each([undefined, null, 5, [5]])('refuses %j, and says what it is', (header) => {
    expect(() => parseChallenges(header as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message: expect.stringMatching(/^Cannot parse challenges: .*\bheader\b/) as string,
      }) as Error,
    );
  });

  it('stays linear on 16 KiB of one character [A15]', () => {
    for (const piece of ['a', ',', ' ', '"', '\\', '=', 'a=', 'a,', 'a ', '"\\', 'a="']) {
      const headerOf = (length: number): string => `Bearer ${piece.repeat(length / piece.length)}`;
      const [short, long] = [headerOf(1000), headerOf(16_000)];
      const times = growth(
        48,
        () => parse(short),
        () => parse(long),
      );
      expect(times, piece).toBeLessThan(48);
    }
  });

  it('finds again what was written [A15]', () => {
    const name = fc.stringMatching(/^[a-z_-]{1,10}$/);
    const value = anyText({ maxLength: 20 });
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
    );
  });

  it('never throws [A15]', () => {
    fc.assert(fc.property(anyText(), (header) => void parseChallenges(header)));
  });
});
