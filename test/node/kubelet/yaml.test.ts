import { describe, expect, it } from 'vitest';
import { readYaml, YamlFault } from '../../../src/node/kubelet/yaml.ts';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'utf8');

function faultOf(input: string | Uint8Array): string {
  try {
    readYaml(typeof input === 'string' ? bytesOf(input) : input);
  } catch (error) {
    expect(error).toBeInstanceOf(YamlFault);
    return (error as YamlFault).message;
  }
  return 'none';
}

// What sigs.k8s.io/yaml with yaml.v2 2.4 gave for each of these, run.
describe('readYaml', () => {
  it.each<[string, unknown]>([
    ['a: 2024-01-01', { a: '2024-01-01' }],
    ['a: 2001-12-14t21:59:43.10-05:00', { a: '2001-12-14t21:59:43.10-05:00' }],
    ['a: !!timestamp 2024-01-01', { a: '2024-01-01' }],
    ['a: 1:30', { a: '1:30' }],
    ['a: 190:20:30.15', { a: '190:20:30.15' }],
    ['a: !!binary aGk=', { a: 'hi' }],
    ['a: !!str 5', { a: '5' }],
    ['a: !!int "5"', { a: 5 }],
    ['a: !foo 5', { a: '5' }],
    ['a: !!map x', { a: 'x' }],
    ['a: [y, Yes, on, N, off, "yes", yEs]', { a: [true, true, true, false, false, 'yes', 'yEs'] }],
    ['a: [~, null, "", x]', { a: [null, null, '', 'x'] }],
    ['a:', { a: null }],
    ['a: [0x1F, 0b11, 0o17, 1_000, +1, 1., .5, -.5, 1e3]', { a: [31, 3, 15, 1000, 1, 1, 0.5, -0.5, 1000] }],
    [
      'a: [1e400, _1, 0x, 0xfffffffffffffffff, ., --, 12h]',
      { a: ['1e400', '_1', '0x', '0xfffffffffffffffff', '.', '--', '12h'] },
    ],
    ['1: x\nyes: z', { 1: 'x', true: 'z' }],
    ['a: &x {k: v}\nb: *x', { a: { k: 'v' }, b: { k: 'v' } }],
    ['&a a: b\nc: *a', { a: 'b', c: 'a' }],
    ['<<: {a: 1}\nb: 2', { a: 1, b: 2 }],
    ['x: &x {a: 1}\nz: {<<: *x, b: 2}', { x: { a: 1 }, z: { a: 1, b: 2 } }],
    ['x: &x {a: 1}\nz: {<<: [*x, {b: 2}]}', { x: { a: 1 }, z: { a: 1, b: 2 } }],
    ['? <<\n: {b: 1}', { b: 1 }],
    ['"<<": {b: 1}', { '<<': { b: 1 } }],
    ['a: <<', { a: '<<' }],
    ['a: b\n---\nc: d', { a: 'b' }],
    ['a: b\n--- [', { a: 'b' }],
    ['%YAML 1.1\n---\na: b', { a: 'b' }],
    ['', null],
    ['# only a comment', null],
    ['\ufeffa: b', { a: 'b' }],
    ['a: b\r\nc: d\re: f\u0085g: h', { a: 'b', c: 'd', e: 'f', g: 'h' }],
    ['a: |\n x\n y', { a: 'x\ny' }],
    ['a: |\n x\n', { a: 'x\n' }],
    ['a: "\\x41\\u00e9\\\\/"', { a: 'Aé\\/' }],
    ['{"a": [1, "b", null, true]}', { a: [1, 'b', null, true] }],
    ['\n {"a": "\\/"}', { a: '/' }],
  ])('reads %j', (text, value) => {
    expect(readYaml(bytesOf(text))).toEqual(value);
  });

  it.each<[string, string]>([
    ['<<: {a: 1}\na: 2', 'strict decoding error: yaml: unmarshal errors:\n  line 2: key "a" already set in map'],
    ['a: 2\n<<: {a: 1}', 'already set in map'],
    ['<<: [{a: 1}, {a: 3}]', 'already set in map'],
    ['a: b\na: c', 'strict decoding error: yaml: unmarshal errors:\n  line 2: key "a" already set in map'],
    ['<<: x', 'yaml: map merge requires map or sequence of maps as the value'],
    ['<<: [[]]', 'yaml: map merge requires map or sequence of maps as the value'],
    ['x: &x []\nz: {<<: *x}', 'yaml: map merge requires map or sequence of maps as the value'],
    ['%YAML 1.2\n---\na: b', 'yaml: found incompatible YAML document'],
    ['a: \u0001', 'yaml: control characters are not allowed'],
    ['a: "\u0000"', 'yaml: control characters are not allowed'],
    ['a: b # \u007f', 'yaml: control characters are not allowed'],
    ['a: \ufffe', 'yaml: control characters are not allowed'],
    ['a: "\\/"', 'yaml: found unknown escape character'],
    ['a: &a [*a]', 'yaml: anchor value contains itself'],
    ['a: &é b', 'yaml: did not find expected alphabetic or numeric character'],
    ['a: !!binary "*"', 'yaml: !!binary value contains invalid base64 data'],
    ['a: !!int x', 'yaml: cannot decode a value as its tag says'],
    ['a: !!null x', 'yaml: cannot decode a value as its tag says'],
    ['a: !!timestamp x', 'yaml: cannot decode a value as its tag says'],
    ['a: .inf', 'json: unsupported value'],
    ['~: x', 'Unsupported map key of type null'],
    ['[a]: x', 'yaml: invalid map key'],
    ['a: @x', 'yaml: line 1: '],
    ['a: b\n\tc: d', 'yaml: line 2: '],
    ["a: 'x", 'yaml: line 1: '],
    ['a: b: c', 'yaml: line 1: '],
    [
      '{"a": "b",}',
      "couldn't get version/kind; json parse error: invalid character '}' looking for beginning of object key string",
    ],
    [
      '{a: b}',
      "couldn't get version/kind; json parse error: invalid character 'a' looking for beginning of object key string",
    ],
    ['{"a": 1} # c', "couldn't get version/kind; json parse error: invalid character '#' after top-level value"],
    ['{"a": 1, "a": 2}', 'strict decoding error: duplicate field "a"'],
    ['{"x": [{"a": 1, "a": 2}]}', 'strict decoding error: duplicate field "a"'],
  ])('refuses %j', (text, reason) => {
    expect(faultOf(text)).toContain(reason);
  });

  it('refuses what is not UTF-8, and reads UTF-16 by its mark', () => {
    expect(faultOf(Buffer.from('a: \xff', 'latin1'))).toBe('yaml: invalid UTF-8 octet');
    expect(faultOf(Buffer.from('# \xc3', 'latin1'))).toBe('yaml: invalid UTF-8 octet');
    expect(readYaml(Buffer.from('\ufeffa: é', 'utf16le'))).toEqual({ a: 'é' });
    expect(readYaml(Buffer.from('\ufeffa: é', 'utf16le').swap16())).toEqual({ a: 'é' });
  });

  it('has every level of aliases count as one that nests', () => {
    const chain = Array.from({ length: 70 }, (_, at) => `k${at}: &a${at} ${at === 0 ? 'x' : `[*a${at - 1}]`}`);
    expect(faultOf(chain.join('\n'))).toBe('it nests deeper than 64 levels');
  });

  const glob = (name: string): string => `providers:\n- matchImages:\n  - ${name}\n`;
  it.each([
    ['*.azurecr.io', "yaml: unknown anchor '.azurecr.io' referenced", 'write the pattern in quotes: "*.azurecr.io"'],
    [
      '*.dkr.ecr.*.amazonaws.com',
      "yaml: unknown anchor '.dkr.ecr.*.amazonaws.com' referenced",
      'write the pattern in quotes: "*.dkr.ecr.*.amazonaws.com"',
    ],
    ['*.r.io:5000/team', "yaml: unknown anchor '.r.io:5000/team' referenced", '"*.r.io:5000/team"'],
    ['*', 'yaml: line 3: bad alias', 'a text that begins with * must be in quotes, such as "*.example.com"'],
    ['*name', 'yaml: unknown anchor referenced', 'must be in quotes'],
  ])('takes %s without quotes for an alias, as YAML has it, and says what to do', (name, fault, cure) => {
    expect(() => readYaml(bytesOf(glob(name)))).toThrow(
      expect.objectContaining({ message: fault, cure: expect.stringContaining(cure) }),
    );
  });

  it.each(['env: [{name: A, value: *my.word}]', 'args: [*my.word]', 'x: *pass-word'])(
    'shows nothing of an alias that may be a value: %s',
    (text) => {
      expect(faultOf(`providers:\n- ${text}`)).toBe('yaml: unknown anchor referenced');
    },
  );
});
