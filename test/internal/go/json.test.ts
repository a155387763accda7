import { describe, expect, it } from 'vitest';
import { type JsonNode, readJson } from '../../../src/internal/index.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const textOf = (input: string | Uint8Array): string => {
  const result = readJson(input);
  return result.ok ? '' : result.upstream;
};

/** A node with all that it holds: what nobody asks for is not read. */
function plain(node: JsonNode): unknown {
  if (node.kind === 'array') return { kind: 'array', items: node.items.map(plain) };
  if (node.kind !== 'object') return node;
  return { kind: 'object', members: node.members.map(({ key, value }) => ({ key, value: plain(value) })) };
}

describe('readJson', () => {
  it('keeps the order of keys and every duplicate', () => {
    const result = readJson(' {"b":1, "a":null,"b" : [true,false,-0.5e+3]}\n');
    expect(result.ok && plain(result.node)).toEqual({
      kind: 'object',
      members: [
        { key: 'b', value: { kind: 'number', text: '1' } },
        { key: 'a', value: { kind: 'null' } },
        {
          key: 'b',
          value: {
            kind: 'array',
            items: [
              { kind: 'boolean', value: true },
              { kind: 'boolean', value: false },
              { kind: 'number', text: '-0.5e+3' },
            ],
          },
        },
      ],
    });
  });

  it.each([
    ['', 'unexpected end of JSON input', 0],
    [' \n', 'unexpected end of JSON input', 2],
    ['{', 'unexpected end of JSON input', 1],
    ['{"a', 'unexpected end of JSON input', 3],
    ['{"a"', 'unexpected end of JSON input', 4],
    ['{"a":', 'unexpected end of JSON input', 5],
    ['{"a":1', 'unexpected end of JSON input', 6],
    ['{"a":1,', 'unexpected end of JSON input', 7],
    ['[', 'unexpected end of JSON input', 1],
    ['[1', 'unexpected end of JSON input', 2],
    // Inside a token Go's scanner complains of the space that it puts behind the input.
    ['tr', "invalid character ' ' in literal true (expecting 'u')", 2],
    ['-', "invalid character ' ' in numeric literal", 1],
    ['1.', "invalid character ' ' after decimal point in numeric literal", 2],
    ['1e', "invalid character ' ' in exponent of numeric literal", 2],
    ['1e+', "invalid character ' ' in exponent of numeric literal", 3],
    ['"\\', "invalid character ' ' in string escape code", 2],
    ['"\\u00', "invalid character ' ' in \\u hexadecimal character escape", 5],
    ['hello', "invalid character 'h' looking for beginning of value", 0],
    ['{} x', "invalid character 'x' after top-level value", 3],
    ['01', "invalid character '1' after top-level value", 1],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string", 1],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string", 7],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string", 1],
    ['{"a" 1}', "invalid character '1' after object key", 5],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair", 7],
    ['[1 2]', "invalid character '2' after array element", 3],
    ['[1,]', "invalid character ']' looking for beginning of value", 3],
    ['nulL', "invalid character 'L' in literal null (expecting 'l')", 3],
    ['"a\nb"', "invalid character '\\n' in string literal", 2],
    ['"\u0000"', "invalid character '\\x00' in string literal", 1],
    ['"\\x"', "invalid character 'x' in string escape code", 2],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape", 5],
    ['\\', "invalid character '\\\\' looking for beginning of value", 0],
    ['\u007f', "invalid character '\\x7f' looking for beginning of value", 0],
    ['\u0007', "invalid character '\\a' looking for beginning of value", 0],
    ['\u000b', "invalid character '\\v' looking for beginning of value", 0],
    ['\ufeff{}', "invalid character 'ï' looking for beginning of value", 0],
    ['["é",\u00a0]', "invalid character 'Â' looking for beginning of value", 6],
  ])('refuses %j as Go does', (input, upstream, offset) => {
    expect(readJson(input)).toEqual({ ok: false, upstream, offset });
    expect(readJson(new TextEncoder().encode(input))).toEqual({ ok: false, upstream, offset });
  });

  it('shows a stray byte as the Latin-1 character of its value', () => {
    expect(textOf(bytes(0x80))).toBe("invalid character '\\u0080' looking for beginning of value");
    expect(textOf(bytes(0xa0))).toBe("invalid character '\\u00a0' looking for beginning of value");
    expect(textOf(bytes(0xad))).toBe("invalid character '\\u00ad' looking for beginning of value");
    expect(textOf(bytes(0xff))).toBe("invalid character 'ÿ' looking for beginning of value");
  });

  it.each<[string, string]>([
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'],
    ['"\\u00e9\\u0000"', 'é\0'],
    ['"\\ud83d\\ude00"', '😀'],
    ['"\\ud83d"', '\ufffd'],
    ['"\\ud83dx\\ude00"', '\ufffdx\ufffd'],
    ['"\\ud83d\\ud83d\\ude00"', '\ufffd😀'],
    ['"\\\\ud83d"', '\\ud83d'],
    ['"\ud83d\\ude00"', '\ufffd\ufffd'],
    ['"\u2028"', '\u2028'],
  ])('reads the string %s', (input, value) => {
    expect(readJson(input)).toEqual({ ok: true, node: { kind: 'string', value } });
  });

  it('turns each byte that is not UTF-8 into U+FFFD, one for one', () => {
    const read = (...inside: number[]): unknown => readJson(bytes(0x22, ...inside, 0x22));
    expect(read(0xff, 0x61)).toEqual({ ok: true, node: { kind: 'string', value: '\ufffda' } });
    expect(read(0xe2, 0x82)).toEqual({ ok: true, node: { kind: 'string', value: '\ufffd\ufffd' } });
    expect(read(0xed, 0xa0, 0x80)).toEqual({ ok: true, node: { kind: 'string', value: '\ufffd\ufffd\ufffd' } });
  });

  it('stops at the depth limit, and nests as deep as it is let without recursion [C06]', () => {
    expect(readJson('['.repeat(65))).toMatchObject({
      ok: false,
      upstream: "invalid character '[' exceeded max depth",
      offset: 64,
    });
    expect(readJson('['.repeat(64) + ']'.repeat(64)).ok).toBe(true);
    expect(readJson('[]', { maxDepth: 0 }).ok).toBe(false);
    const deep = 1_000_000;
    expect(readJson('[{"a":'.repeat(deep / 2), { maxDepth: deep }).ok).toBe(false);
    expect(readJson('['.repeat(deep) + ']'.repeat(deep), { maxDepth: deep }).ok).toBe(true);
  });

  it('builds nothing of what is not asked for', () => {
    const result = readJson('{"auths":{},"x":[0,[1],{"y":2}]}');
    const members = result.ok && result.node.kind === 'object' ? result.node.members : [];
    expect(members.map(({ value }) => 'held' in value && value.held)).toEqual([undefined, undefined]);
  });

  it.each([
    ['1e999', '1e999'],
    ['{"a":[-1e400,1e999]}', '-1e400'],
    [`[${'9'.repeat(309)}]`, '9'.repeat(309)],
    [`[1e308,${'9'.repeat(308)},0.${'9'.repeat(400)},"1e999"]`, undefined],
  ])('tells the first number that is no float64 (%#)', (text, number) => {
    expect(readJson(text)).toMatchObject({ ok: true, hugeNumber: number });
  });
});
