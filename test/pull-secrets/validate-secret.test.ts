import { describe, expect, it } from 'vitest';
import { validateSecret } from 'kubepull/pull-secrets';
import { canary } from '../support/canary.ts';
import { base64, JSON_TYPE, secret } from './support.ts';

const messageOf = (value: string): string | undefined =>
  validateSecret(secret('s', JSON_TYPE, { '.dockerconfigjson': value })).message;

const ILLEGAL =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  " +
  "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

describe('validateSecret', () => {
  it.each([
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['[]', 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
    ['"x"', 'json: cannot unmarshal string into Go value of type map[string]interface {}'],
    ['1', 'json: cannot unmarshal number into Go value of type map[string]interface {}'],
    ['{"a":1}x', "invalid character 'x' after top-level value"],
    ['hello', "invalid character 'h' looking for beginning of value"],
    ['{"a":[{"b":1e999},-1e999]}', 'json: cannot unmarshal number 1e999 into Go value of type float64'],
    ['{"a":{"b":-1e999},"c":1e999}', 'json: cannot unmarshal number -1e999 into Go value of type float64'],
    [`{"a":${'['.repeat(10_000)}`, "invalid character '[' exceeded max depth"],
  ])('refuses the value %s', (value, upstream) => {
    expect(messageOf(value)).toBe(
      `Secret "s" is invalid: data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": ${upstream}`,
    );
  });

  it.each([
    '{}',
    'null',
    '{"auths":5}',
    '{"auths":{"a":{"auth":"!!"}}}',
    '{"r.io":{}}',
    `{"a":${'['.repeat(9999)}${']'.repeat(9999)}}`,
  ])('takes the value %s', (value) => {
    expect(messageOf(value)).toBe(undefined);
  });

  it('gives the whole message for one error and for several', () => {
    expect(validateSecret({ metadata: { name: 'a"b' }, type: JSON_TYPE }).message).toBe(
      'Secret "a\\"b" is invalid: data[.dockerconfigjson]: Required value',
    );
    expect(validateSecret({ type: 'kubernetes.io/tls' }).message).toBe(
      'Secret "" is invalid: [data[tls.crt]: Required value, data[tls.key]: Required value]',
    );
  });

  it.each([
    ['a b', ILLEGAL],
    ['', ILLEGAL],
    ['a\n', ILLEGAL],
    ['.', "must not be '.'"],
    ['..', "must not be '..'"],
    ['..a', "must not start with '..'"],
    ['x'.repeat(254), 'must be no more than 253 characters'],
  ])('refuses the key %j', (key, reason) => {
    const { errors, message } = validateSecret({ metadata: { name: 's' }, type: 'Opaque', data: { [key]: '' } });
    const text = `data[${key}]: Invalid value: ${JSON.stringify(key)}: ${reason}`;
    expect(errors).toEqual([{ type: 'FieldValueInvalid', field: `data[${key}]`, message: text }]);
    expect(message).toBe(`Secret "s" is invalid: ${text}`);
  });

  it('takes every key of up to 253 bytes of letters, digits, dots, hyphens and underscores', () => {
    const keys = ['x'.repeat(253), 'A-z_0.9', '.a', 'a..', '-', '_'];
    const data = Object.fromEntries(keys.map((key) => [key, '']));
    expect(validateSecret({ type: 'Opaque', data })).toEqual({ valid: true, errors: [], message: undefined });
    const { errors } = validateSecret({ type: 'Opaque', data: { ['é'.repeat(127)]: '' } });
    expect(errors.map(({ message }) => message.replace(/^.*": /, '').slice(0, 35))).toEqual([
      'must be no more than 253 characters',
      ILLEGAL.slice(0, 35),
    ]);
  });

  it.each([
    ['kubernetes.io/service-account-token', ['metadata.annotations[kubernetes.io/service-account.name]']],
    ['kubernetes.io/basic-auth', ['data[username]', 'data[password]']],
    ['kubernetes.io/ssh-auth', ['data[ssh-privatekey]']],
    ['kubernetes.io/tls', ['data[tls.crt]', 'data[tls.key]']],
    ['kubernetes.io/dockerconfigjson', ['data[.dockerconfigjson]']],
    ['kubernetes.io/dockercfg', ['data[.dockercfg]']],
    ['Opaque', []],
    [undefined, []],
  ])('wants of the type %s: %j', (type, fields) => {
    expect(validateSecret({ type }).errors).toEqual(
      fields.map((field) => ({ type: 'FieldValueRequired', field, message: `${field}: Required value` })),
    );
  });

  it('takes a key pair for TLS, and wants the half that is not there', () => {
    const type = 'kubernetes.io/tls';
    expect(validateSecret({ type, data: { 'tls.crt': '', 'tls.key': '' } }).valid).toBe(true);
    expect(validateSecret({ type, data: { 'tls.crt': '' } }).errors.map(({ field }) => field)).toEqual([
      'data[tls.key]',
    ]);
  });

  it('counts the bytes of all values together', () => {
    const sized = (size: number): unknown =>
      validateSecret({ type: 'Opaque', stringData: { a: 'é'.repeat(size / 2 - 1), b: 'xx' } }).errors;
    expect(sized(1_048_576)).toEqual([]);
    expect(sized(1_048_578)).toEqual([
      { type: 'FieldValueTooLong', field: 'data', message: 'data: Too long: may not be more than 1048576 bytes' },
    ]);
  });

  it('lets stringData override data', () => {
    const data = { '.dockerconfigjson': base64('[]'), x: base64('1') };
    expect(validateSecret({ type: JSON_TYPE, data, stringData: { '.dockerconfigjson': '{}' } }).valid).toBe(true);
  });

  it('reports data that is not base64 at its field', () => {
    expect(
      validateSecret({ type: JSON_TYPE, data: { '.dockerconfigjson': '{}', b: 'YQ=' } }).errors.map(
        ({ message }) => message,
      ),
    ).toEqual([
      'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": illegal base64 data at input byte 0',
      'data[b]: Invalid value: "<secret contents redacted>": illegal base64 data at input byte 3',
    ]);
  });

  it('shows nothing of the values [L03]', () => {
    const password = canary('password');
    const result = validateSecret(
      secret('s', JSON_TYPE, { '.dockerconfigjson': `{"auths":"${password}`, other: password }),
    );
    expect(result).toMatchObject({ valid: false });
  });

  it('looks at own annotations and keys only [C01]', () => {
    const token = { metadata: { annotations: {} }, type: 'kubernetes.io/service-account-token' };
    expect(validateSecret(token).errors).toHaveLength(1);
    expect(
      validateSecret({ type: 'Opaque', data: JSON.parse('{"__proto__":""}') as Record<string, string> }).valid,
    ).toBe(true);
  });
});

describe('a secret of many values', () => {
  const parts = {
    numbers: `[${'0,'.repeat(123_000)}0]`,
    lists: `[${'[],'.repeat(80_000)}0]`,
    fields: `{${'"a":0,'.repeat(40_000)}"a":0}`,
    levels: '['.repeat(9_000) + ']'.repeat(9_000),
  };

  it.each(Object.entries(parts))('is read though it has very many %s', (_, part) => {
    const value = (document: string): object => ({
      metadata: { name: 'creds' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(document).toString('base64') },
    });
    expect(validateSecret(value(`{"auths":{},"x":${part}}`)).valid).toBe(true);
    expect(validateSecret(value(`{"x":${part},"y":[{"z":1e999},-2e999]}`)).message).toContain(
      'cannot unmarshal number 1e999 into Go value of type float64',
    );
  });
});
