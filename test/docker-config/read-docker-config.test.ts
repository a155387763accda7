import { describe, expect, it } from 'vitest';
import { formatCredentialSource, parseDockerConfig } from 'kubepull/docker-config';
import { ImageError } from 'kubepull/errors';
import { triples, upstreamOf } from './support.ts';

const FULL = JSON.stringify({
  auths: {
    'r.io': { auth: 'dTpw', identitytoken: 'it', serveraddress: 'r.io' },
    'x.io': { registrytoken: 'rt' },
    'y.io': {},
  },
  HttpHeaders: { A: 'b' },
  credHelpers: { 'gcr.io': 'gcloud' },
  credsStore: 'desktop',
  proxies: {},
});

describe('readDockerConfig', () => {
  it('reports what kubelet ignores, with the place', () => {
    const { entries, ignored, credHelpers, credsStore, skipped } = parseDockerConfig(FULL);
    expect(ignored.map(({ field, pattern }) => [field, pattern])).toEqual([
      ['identitytoken', 'r.io'],
      ['registrytoken', 'x.io'],
      ['HttpHeaders', undefined],
      ['credHelpers', undefined],
      ['credsStore', undefined],
    ]);
    expect(new Set(ignored.map(({ reason }) => reason)).size).toBe(3);
    expect(triples(entries)).toEqual([
      ['r.io', 'u', 'p'],
      ['x.io', '', ''],
      ['y.io', '', ''],
    ]);
    expect(entries[0]?.credential.identityToken).toBe(undefined);
    expect({ credHelpers, credsStore, skipped }).toEqual({
      credHelpers: [{ pattern: 'gcr.io', helper: 'gcloud' }],
      credsStore: 'desktop',
      skipped: [],
    });
  });

  it('does not check the types of what kubelet ignores', () => {
    const text = '{"credHelpers":5,"credsStore":[],"auths":{"r":{"identitytoken":{}}},"proxies":1}';
    const { entries, credHelpers, credsStore } = parseDockerConfig(text);
    expect([entries.length, credHelpers, credsStore]).toEqual([1, [], undefined]);
    expect(
      parseDockerConfig('{"credHelpers":null,"credsStore":null,"auths":{"r":{"identitytoken":null}}}').ignored,
    ).toEqual([]);
  });

  it('reads what helpers there are where kubelet ignores them, and none of what Docker could not read', () => {
    const helpersOf = (json: string, maxEntries?: number): unknown =>
      parseDockerConfig(json, { maxEntries }).credHelpers;
    expect(helpersOf('{"credHelpers":{"a":"x","b":5}}')).toEqual([]);
    expect(helpersOf('{"HttpHeaders":{"a":"b"}}')).toEqual([]);
    expect(helpersOf('{"credHelpers":{"a":"x","b":"y"}}', 2)).toHaveLength(2);
    expect(helpersOf('{"credHelpers":{"a":"x","b":"y"}}', 1)).toEqual([]);
  });

  it.each(['kubelet', 'lenient'] as const)('reports a token once for each entry that has it: %s', (mode) => {
    const text =
      '{"auths":{"a":{"identitytoken":"1","IdentityToken":"2","registrytoken":"3"},"b":{"identitytoken":"4"}}}';
    const { ignored } = parseDockerConfig(text, { mode, format: 'dockerconfigjson' });
    expect(ignored.map(({ field, pattern }) => `${pattern}: ${field}`)).toEqual([
      'a: identitytoken',
      'a: registrytoken',
      'b: identitytoken',
    ]);
  });

  it('reports nothing of an entry that the lenient mode skips, whatever is wrong in it', () => {
    const text =
      '{"auths":{"a":{"identitytoken":"t","auth":"!"},"b":{"registrytoken":"t","email":5},"c":{"identitytoken":"t"}}}';
    const { ignored, skipped } = parseDockerConfig(text, { mode: 'lenient' });
    expect(skipped.map(({ pattern }) => pattern)).toEqual(['a', 'b']);
    expect(ignored.map(({ pattern }) => pattern)).toEqual(['c']);
  });

  it.each(['HttpHeaders', 'credHelpers', 'credsStore', 'auths'])('reports no %s that is null', (field) => {
    expect(parseDockerConfig(`{"${field}":null}`)).toEqual({
      entries: [],
      skipped: [],
      ignored: [],
      credHelpers: [],
      credsStore: undefined,
    });
  });

  it('understands tokens and helpers as Docker does: a token stands for user and password', () => {
    const { entries, ignored, credHelpers, credsStore } = parseDockerConfig(FULL, { mode: 'docker' });
    expect(triples(entries)).toEqual([
      ['r.io', '', ''],
      ['x.io', '', ''],
      ['y.io', '', ''],
    ]);
    expect(entries[0]?.credential.identityToken?.reveal()).toBe('it');
    expect(entries[0]?.credential.registryToken).toBe(undefined);
    expect(entries[1]?.credential.registryToken?.reveal()).toBe('rt');
    expect([ignored, credHelpers.length, credsStore]).toEqual([[], 1, 'desktop']);
  });

  it.each([
    ['{"auths":{"r":{"auth":"dTpwAAA="}}}', [['r', 'u', 'p']]],
    ['{"auths":{"r":{"auth":"dToAcAA="}}}', [['r', 'u', 'p']]],
    ['{"auths":{"r":{"username":"u","auth":""}}}', [['r', 'u', '']]],
  ])("cuts NULs around the password in Docker's mode: %s [C05]", (text, expected) => {
    expect(triples(parseDockerConfig(text, { mode: 'docker' }).entries)).toEqual(expected);
  });

  it.each([
    ['{"auths":{"r":{"auth":"dXNlcjpwYXNzd29yZA"}}}', 'illegal base64 data at input byte 16'],
    ['{"auths":{"r":{"auth":"OnBhc3M="}}}', 'invalid auth configuration file'],
    ['{"auths":{"r":{"auth":"dXNlcg=="}}}', 'invalid auth configuration file'],
    [
      '{"auths":{"r":{"identitytoken":5}}}',
      'json: cannot unmarshal number into Go struct field AuthConfig.auths.identitytoken of type string',
    ],
    [
      '{"auths":{"r":5}}',
      'json: cannot unmarshal number into Go struct field ConfigFile.auths of type types.AuthConfig',
    ],
    ['{"credsStore":5}', 'json: cannot unmarshal number into Go struct field ConfigFile.credsStore of type string'],
    [
      '{"credHelpers":{"a":5}}',
      'json: cannot unmarshal number into Go struct field ConfigFile.credHelpers of type string',
    ],
    ['[]', 'json: cannot unmarshal array into Go value of type configfile.ConfigFile'],
  ])("refuses %s in Docker's mode", (text, upstream) => {
    expect(upstreamOf(() => parseDockerConfig(text, { mode: 'docker' }))).toBe(upstream);
  });

  it('skips bad entries in the lenient mode, and names them [C10]', () => {
    const text =
      '{"auths":{"a":{"auth":"!"},"b":{"username":"u"},"c":5,"d":{"auth":"YTpi"},"d":{"password":1}},"HttpHeaders":5}';
    const { entries, skipped } = parseDockerConfig(text, { mode: 'lenient' });
    expect(triples(entries)).toEqual([['b', 'u', '']]);
    expect(skipped.map(({ pattern }) => pattern)).toEqual(['a', 'c', 'd']);
    expect(skipped[0]?.upstream).toBe('illegal base64 data at input byte 0');
    expect(upstreamOf(() => parseDockerConfig('{"auths":5}', { mode: 'lenient' }))).toMatch(/cannot unmarshal number/);
    expect(upstreamOf(() => parseDockerConfig('{', { mode: 'lenient' }))).toBe('unexpected end of JSON input');
  });

  it('lets an entry after a bad one of the same key stand, and none before it [C10]', () => {
    const read = (text: string): unknown => triples(parseDockerConfig(text, { mode: 'lenient' }).entries);
    expect(read('{"auths":{"a":{"auth":"!"},"a":{"username":"u"}}}')).toEqual([['a', 'u', '']]);
    expect(read('{"auths":{"a":{"username":"u"},"a":{"auth":"!"}}}')).toEqual([]);
  });

  it('takes lower limits, and refuses limits and modes that are none', () => {
    const two = '{"auths":{"a":{},"b":{}}}';
    expect(upstreamOf(() => parseDockerConfig(two, { maxEntries: 1 }))).toBe('more than 1 entries');
    const again = '{"auths":{"a":{},"b":{}},"auths":{"b":{},"a":{}}}';
    expect(parseDockerConfig(again, { maxEntries: 2 }).entries).toHaveLength(2);
    const more = '{"auths":{"a":{},"b":{}},"auths":{"c":{}}}';
    expect(upstreamOf(() => parseDockerConfig(more, { maxEntries: 2 }))).toBe('more than 2 entries');
    expect(upstreamOf(() => parseDockerConfig(two, { maxBytes: 24 }))).toBe('document is larger than 24 bytes');
    expect(() => parseDockerConfig(two, { maxBytes: 24 })).toThrow(/larger than 24 bytes$/);
    const bytes = new TextEncoder().encode(two);
    expect(parseDockerConfig(bytes, { maxBytes: bytes.length }).entries).toHaveLength(2);
    expect(() => parseDockerConfig(bytes, { maxBytes: bytes.length - 1 })).toThrow(/larger than/);
    expect(parseDockerConfig(two, { maxBytes: 25, maxDepth: 3 }).entries).toHaveLength(2);
    expect(upstreamOf(() => parseDockerConfig(two, { maxDepth: 2 }))).toMatch(/exceeded max depth/);
    for (const maxBytes of [4, 5])
      expect(upstreamOf(() => parseDockerConfig('"éé"', { maxBytes }))).toBe(
        `document is larger than ${maxBytes} bytes`,
      );
    expect(upstreamOf(() => parseDockerConfig('"éé"', { maxBytes: 6 }))).toMatch(/cannot unmarshal string/);
    for (const options of [
      { maxBytes: 0 },
      { maxEntries: Number.NaN },
      { maxDepth: 1.5 },
      { mode: 'podman' as never },
      { mode: 'docker', format: 'dockercfg' } as const,
    ]) {
      expect(() => parseDockerConfig('{}', options)).toThrow(ImageError);
    }
  });
});

describe('formatCredentialSource', () => {
  it.each([
    [{ kind: 'secret', namespace: 'a', name: 'b', uid: 'u' }, 'secret a/b'],
    [{ kind: 'file', path: '/x\n' }, 'file /x\\x0a'],
    [{ kind: 'plugin', provider: 'ecr', serviceAccount: undefined }, 'plugin ecr'],
    [{ kind: 'helper', helper: 'pass' }, 'helper pass'],
    [{ kind: 'cloud', provider: 'acr' }, 'cloud acr'],
    [{ kind: 'inline' }, 'inline'],
    [{ kind: 'anonymous' }, 'anonymous'],
  ] as const)('names %j', (source, text) => {
    expect(formatCredentialSource(source)).toBe(text);
  });
});
