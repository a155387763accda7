import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goQuote, type JsonNode, matchField, quoteJson, readJson } from '../../../src/internal/index.ts';
import { anyText } from '../../support/any-text.ts';
import { runsOf } from '../../support/property-runs.ts';

/** A document's value as `JSON.parse` gives it. */
function plain(node: JsonNode): unknown {
  switch (node.kind) {
    case 'array':
      return node.items.map(plain);
    case 'object':
      return Object.fromEntries(node.members.map(({ key, value }) => [key, plain(value)]));
    case 'number':
      return Number(node.text);
    case 'null':
      return null;
    default:
      return node.value;
  }
}

function parsed(text: string): unknown {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

describe('readJson', () => {
  it('takes what JSON.parse takes, with the same value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        const result = readJson(text);
        expect(JSON.stringify(result.ok && plain(result.node))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    const near = fc.string({
      unit: fc.constantFrom(...'{}[]:,"\\untrefals0123-.eE+ \n\t\u0001\u00a0é/b'),
      maxLength: 9,
    });
    const spoilt = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 1 })).map(([text, at, bit]) => {
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + bit + text.slice(cut + 1);
    });
    fc.assert(
      fc.property(fc.oneof(near, spoilt), (text) => {
        const [result, reference] = [readJson(text), parsed(text)];
        if (!result.ok) expect(result.offset).toBeLessThanOrEqual(Buffer.byteLength(text));
        return result.ok === (reference !== undefined);
      }),
      runsOf('bytes'),
    );
  });
});

describe('quoteJson', () => {
  it('is the inverse of reading, and safe inside HTML', () => {
    fc.assert(
      fc.property(anyText(), (text) => {
        const quoted = quoteJson(text);
        expect(JSON.parse(quoted)).toBe(text);
        const result = readJson(quoted);
        expect(result.ok && plain(result.node)).toBe(text);
        return !/[<>&\u2028\u2029\u0000-\u001f]/.test(quoted);
      }),
    );
  });

  it('writes what is not Unicode as an escape', () => {
    expect(quoteJson('\ud800x\udcff\ufffd')).toBe('"\\ufffdx\\ufffd\ufffd"');
  });
});

describe('goQuote', () => {
  it.each([
    ['a b', '"a b"'],
    ['"\\', '"\\"\\\\"'],
    ['\u0007\b\f\n\r\t\v', '"\\a\\b\\f\\n\\r\\t\\v"'],
    ['\u0001\u007f', '"\\x01\\x7f"'],
    ['é\u00a0\u00ad', '"é\\u00a0\\u00ad"'],
    ['\u2028\u{e0001}😀', '"\\u2028\\U000e0001😀"'],
    ['\udcff\ud800', '"\\xff\ufffd"'],
  ])('quotes %j as %s', (text, quoted) => {
    expect(goQuote(text)).toBe(quoted);
  });
});

describe('matchField', () => {
  it.each([
    ['auths', 'auths'],
    ['AuthS', 'auths'],
    ['auth\u017f', 'auths'],
    ['\u212aey', 'key'],
    ['\u0130key', undefined],
    ['auth', undefined],
    ['__proto__', undefined],
  ])('finds the field of %j: %s', (key, field) => {
    expect(matchField(key, ['auths', 'key'])).toBe(field);
  });
});
