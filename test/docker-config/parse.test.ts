import { describe, expect, it } from 'vitest';
import { parseDockercfg, parseDockerConfigJson } from 'kubepull/docker-config';
import { canary } from '../support/canary.ts';
import { faultOf, triples, upstreamOf } from './support.ts';

const parse = (text: string): unknown => triples(parseDockerConfigJson(text));
const parseFlat = (text: string): unknown => triples(parseDockercfg(text));

describe('parseDockerConfigJson', () => {
  it('reads the fields of an entry, with its source', () => {
    const source = { kind: 'file', path: '/root/.docker/config.json' } as const;
    const [entry] = parseDockerConfigJson('{"auths":{"r.io":{"username":"u","password":"p","email":"e"}}}', source);
    expect(entry).toMatchObject({ pattern: 'r.io', source, credential: { username: 'u', email: 'e' } });
    expect(entry?.credential.identityToken).toBe(undefined);
    expect(parseDockerConfigJson('{"auths":{"r.io":{"email":""}}}')[0]).toMatchObject({
      source: { kind: 'inline' },
      credential: { username: '', email: undefined },
    });
  });

  it.each([
    ['field names in any case', '{"AUTHS":{"r":{"Username":"u","PASSWORD":"p"}}}', [['r', 'u', 'p']]],
    ['U+017F for s', '{"auth\u017f":{"r":{"u\u017fername":"u"}}}', [['r', 'u', '']]],
    ['the last of several spellings', '{"auths":{"r":{"username":"a","USERNAME":"b"}}}', [['r', 'b', '']]],
    ['unknown fields at every level', '{"x":[1,{}],"auths":{"r":{"username":"u","x":5}}}', [['r', 'u', '']]],
    ['null as not given', '{"auths":{"r":{"username":"u","username":null,"auth":null}}}', [['r', 'u', '']]],
    ['a null entry', '{"auths":{"r":null}}', [['r', '', '']]],
    [
      'auth before the plain fields',
      '{"auths":{"r":{"username":"u","password":"p","auth":"YTpi"}}}',
      [['r', 'a', 'b']],
    ],
    ['an empty auth', '{"auths":{"r":{"username":"u","auth":""}}}', [['r', 'u', '']]],
    [
      'auths that occur twice',
      '{"auths":{"a":{},"b":{}},"auths":{"c":{}}}',
      [
        ['a', '', ''],
        ['b', '', ''],
        ['c', '', ''],
      ],
    ],
    ['null after auths', '{"auths":{"a":{}},"auths":null}', []],
    [
      'the last of equal keys',
      '{"auths":{"a":{"username":"1","password":"p"},"b":{},"a":{"username":"2"}}}',
      [
        ['b', '', ''],
        ['a', '2', ''],
      ],
    ],
    ['headers, but for their types', '{"HttpHeaders":{"A":"b","C":null},"auths":{}}', []],
    ['a lone surrogate as U+FFFD', '{"auths":{"r":{"username":"\\ud800"}}}', [['r', '\ufffd', '']]],
    ['an entry with a token', '{"auths":{"r":{"identitytoken":5}}}', [['r', '', '']]],
    ['{}', '{}', []],
    ['null', 'null', []],
    ['null auths', '{"auths":null}', []],
  ])('takes %s [C06]', (_, text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  const STRUCT = 'Go struct field DockerConfigJSON';
  it.each([
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['[]', 'json: cannot unmarshal array into Go value of type credentialprovider.DockerConfigJSON'],
    ['"x"', 'json: cannot unmarshal string into Go value of type credentialprovider.DockerConfigJSON'],
    ['5', 'json: cannot unmarshal number into Go value of type credentialprovider.DockerConfigJSON'],
    ['true', 'json: cannot unmarshal bool into Go value of type credentialprovider.DockerConfigJSON'],
    ['{"auths":[]}', `json: cannot unmarshal array into ${STRUCT}.auths of type credentialprovider.DockerConfig`],
    [
      '{"auths":{"a":"x"}}',
      `json: cannot unmarshal string into ${STRUCT}.auths of type credentialprovider.dockerConfigEntryWithAuth`,
    ],
    ['{"auths":{"a":{"username":5}}}', `json: cannot unmarshal number into ${STRUCT}.auths.username of type string`],
    ['{"AUTHS":{"a":{"AUTH":{}}}}', `json: cannot unmarshal object into ${STRUCT}.auths.auth of type string`],
    [
      '{"auths":{"a":{"email":[],"username":5}}}',
      `json: cannot unmarshal array into ${STRUCT}.auths.email of type string`,
    ],
    ['{"auths":{"a":{"auth":"!!"}}}', 'illegal base64 data at input byte 0'],
    [
      '{"auths":{"a":{"auth":"dXNlcg=="}}}',
      'unable to parse auth field, must be formatted as base64(username:password)',
    ],
    ['{"auths":{"a":{"username":"good"},"b":{"auth":"!!"}}}', 'illegal base64 data at input byte 0'],
    ['{"auths":{"a":{"auth":"!!"},"a":{}}}', 'illegal base64 data at input byte 0'],
    ['{"auths":5,"auths":{"b":{"auth":"!!"}}}', 'illegal base64 data at input byte 0'],
    [
      '{"auths":5,"HttpHeaders":5}',
      `json: cannot unmarshal number into ${STRUCT}.auths of type credentialprovider.DockerConfig`,
    ],
    ['{"HttpHeaders":{"a":1}}', `json: cannot unmarshal number into ${STRUCT}.HttpHeaders of type string`],
    ['{"HttpHeaders":[]}', `json: cannot unmarshal array into ${STRUCT}.HttpHeaders of type map[string]string`],
    ['{"auths":{}} x', "invalid character 'x' after top-level value"],
    ['{"auths":{},}', "invalid character '}' looking for beginning of object key string"],
    ['\ufeff{}', "invalid character 'ï' looking for beginning of value"],
  ])('refuses %j [C06]', (text, upstream) => {
    expect(upstreamOf(() => parse(text))).toBe(upstream);
  });

  it.each([
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'isPrototypeOf',
    '__defineGetter__',
    '__lookupSetter__',
    'toJSON',
    'then',
    'length',
  ])('takes %s as an ordinary key and an unknown field [C01]', (name) => {
    const text = `{"${name}":{"x":1},"auths":{"${name}":{"username":"u","${name}":{"username":"evil"}}}}`;
    expect(parse(text)).toEqual([[name, 'u', '']]);
    expect(parseFlat(`{"${name}":{"username":"u"}}`)).toEqual([[name, 'u', '']]);
  });

  it('holds the limits: 4 MiB, 10,000 entries, 64 levels [C06]', () => {
    const many = (count: number): string =>
      `{"auths":{${Array.from({ length: count }, (_, index) => `"h${index}":{}`).join(',')}}}`;
    expect(parseDockerConfigJson(many(10_000))).toHaveLength(10_000);
    expect(upstreamOf(() => parse(many(10_001)))).toBe('more than 10000 entries');
    const big = `{"x":"${'é'.repeat(2 * 1024 * 1024)}"}`;
    expect(upstreamOf(() => parse(big))).toBe('document is larger than 4194304 bytes');
    expect(upstreamOf(() => parseDockerConfigJson(new Uint8Array(4 * 1024 * 1024 + 1)))).toMatch(/larger/);
    expect(parse(`{"x":${'['.repeat(63)}${']'.repeat(63)}}`)).toEqual([]);
    const deep = faultOf(() => parse(`{"x":${'['.repeat(2_000_000)}`));
    expect(deep.upstream).toBe("invalid character '[' exceeded max depth");
    expect(deep.message).toBe('Cannot read docker config: invalid character exceeded max depth at byte 68');
  });

  it('names the source and the place, but nothing of the content', () => {
    const source = { kind: 'secret', namespace: 'team', name: 'creds', uid: undefined } as const;
    const password = canary('password');
    expect(faultOf(() => parseDockerConfigJson(`{"auths":{"r":{"password":${password}}}}`, source)).message).toBe(
      'Cannot read docker config from secret team/creds: invalid character looking for beginning of value at byte 26',
    );
    expect(faultOf(() => parseDockerConfigJson(`{"auths":{"a":{},"${password}":{"auth":"!"}}}`, source)).message).toBe(
      'Cannot read docker config from secret team/creds: illegal base64 data at input byte 0 (entry 2)',
    );
    for (const quoted of ["'", '\u0001', 'é', '"']) {
      const error = faultOf(() => parse(`{"auths":{"r":{"auth":"dTpw" ${quoted}`));
      expect(error.message).toBe('Cannot read docker config: invalid character after object key:value pair at byte 29');
      expect(error.offset).toBe(29);
    }
  });
});

describe('parseDockercfg', () => {
  it('reads the map of entries itself', () => {
    expect(parseFlat('{"r.io":{"auth":"dTpw"},"x":null}')).toEqual([
      ['r.io', 'u', 'p'],
      ['x', '', ''],
    ]);
    expect(parseFlat('null')).toEqual([]);
    expect(parseFlat('{"HttpHeaders":{}}')).toEqual([['HttpHeaders', '', '']]);
  });

  it('reads modern content as one useless entry', () => {
    expect(parseFlat('{"auths":{"r":{"username":"u"}}}')).toEqual([['auths', '', '']]);
  });

  it.each([
    ['[]', 'json: cannot unmarshal array into Go value of type credentialprovider.DockerConfig'],
    ['{"a":1}', 'json: cannot unmarshal number into Go value of type credentialprovider.dockerConfigEntryWithAuth'],
    [
      '{"a":{"auth":1}}',
      'json: cannot unmarshal number into Go struct field dockerConfigEntryWithAuth.auth of type string',
    ],
  ])('refuses %j', (text, upstream) => {
    expect(upstreamOf(() => parseFlat(text))).toBe(upstream);
  });
});
