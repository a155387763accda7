import { describe, expect, it } from 'vitest';
import { parseDockerConfigJson } from 'kubepull/docker-config';
import { ImageError } from 'kubepull/errors';
import { createKeyring, joinKeyrings } from 'kubepull/keyring';
import { mergePullSecrets, type SecretLike } from 'kubepull/pull-secrets';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../support/canary.ts';
import { faultOf } from '../docker-config/support.ts';
import { base64, CFG_TYPE, cfgSecret, JSON_TYPE, jsonSecret, secret } from './support.ts';

const keys = (secrets: readonly SecretLike[]): readonly string[] =>
  mergePullSecrets(secrets).entries.map(({ pattern }) => pattern);

describe('mergePullSecrets', () => {
  it('keeps the order of secrets and entries, duplicates and sources', () => {
    const first = jsonSecret('s1', { 'b.io': 'u', 'a.io': 'u' });
    const { entries, skipped } = mergePullSecrets([first, cfgSecret('s2', { 'a.io': 'v' }), first]);
    expect(entries.map(({ pattern, source }) => [pattern, source.kind === 'secret' && source.name])).toEqual([
      ['b.io', 's1'],
      ['a.io', 's1'],
      ['a.io', 's2'],
      ['b.io', 's1'],
      ['a.io', 's1'],
    ]);
    expect(entries[0]?.source).toEqual({ kind: 'secret', namespace: 'default', name: 's1', uid: 'uid-s1' });
    expect(skipped).toEqual([]);
  });

  it('gives the order of the example: key before secret, secrets before the node', () => {
    const secrets = [
      jsonSecret('s1', { 'reg.example': 'P' }),
      cfgSecret('s2', { 'https://reg.example/v1/': 'Q', 'reg.example/team': 'R' }),
      secret('s3', 'Opaque', { '.dockerconfigjson': JSON.stringify({ auths: { 'reg.example': { username: 'X' } } }) }),
    ];
    const node = parseDockerConfigJson('{"auths":{"reg.example/team/app":{"username":"N"}}}');
    const { entries, skipped } = mergePullSecrets(secrets);
    const keyring = joinKeyrings(createKeyring(entries), createKeyring(node));
    const tried = keyring
      .lookup(parseImageName('reg.example/team/app'))
      .candidates.map(({ entry }) => entry.credential.username);
    expect(tried).toEqual(['R', 'P', 'Q', 'N']);
    expect(skipped).toMatchObject([{ name: 's3', reason: 'type' }]);
  });

  it('puts the node behind the secrets', () => {
    const nodeConfig = parseDockerConfigJson('{"auths":{"n.io":{}}}', { kind: 'file', path: '/config.json' });
    const { entries } = mergePullSecrets([jsonSecret('s', { 'a.io': 'u' })], { nodeConfig });
    expect(entries.map(({ source }) => source.kind)).toEqual(['secret', 'file']);
  });

  it.each<[string, SecretLike, readonly string[], string | undefined]>([
    ['type dockerconfigjson, with auths', jsonSecret('s', { 'r.io': 'u' }), ['r.io'], undefined],
    ['type dockerconfigjson, value {}', secret('s', JSON_TYPE, { '.dockerconfigjson': '{}' }), [], undefined],
    ['type dockerconfigjson, flat value', secret('s', JSON_TYPE, { '.dockerconfigjson': '{"r":{}}' }), [], undefined],
    ['type dockerconfigjson, only key .dockercfg', secret('s', JSON_TYPE, { '.dockercfg': '{"r":{}}' }), [], 'key'],
    ['type dockerconfigjson, no data', { type: JSON_TYPE }, [], 'key'],
    [
      'type dockercfg, modern value',
      secret('s', CFG_TYPE, { '.dockercfg': '{"auths":{"r":{}}}' }),
      ['auths'],
      undefined,
    ],
    [
      'type dockercfg, only key .dockerconfigjson',
      secret('s', CFG_TYPE, { '.dockerconfigjson': '{"r":{}}' }),
      [],
      'key',
    ],
    ['type Opaque', secret('s', 'Opaque', { '.dockercfg': '{"r":{}}' }), [], 'type'],
    ['type in another case', secret('s', 'Kubernetes.io/dockercfg', { '.dockercfg': '{"r":{}}' }), [], 'type'],
    ['no type', secret('s', undefined, { '.dockercfg': '{"r":{}}' }), [], 'type'],
    ['zero length', secret('s', JSON_TYPE, { '.dockerconfigjson': '' }), [], 'empty'],
    ['zero length after decoding', { type: JSON_TYPE, data: { '.dockerconfigjson': '\r\n' } }, [], 'empty'],
    ['null of YAML', { type: JSON_TYPE, data: { '.dockerconfigjson': null as never } }, [], 'empty'],
    [
      'stringData over data',
      { ...jsonSecret('s', { 'a.io': 'u' }), stringData: { '.dockerconfigjson': '{"auths":{"b.io":{}}}' } },
      ['b.io'],
      undefined,
    ],
  ])('%s', (_, one, expected, reason) => {
    const { entries, skipped } = mergePullSecrets([one]);
    expect(entries.map(({ pattern }) => pattern)).toEqual(expected);
    expect(skipped.map((skip) => skip.reason)).toEqual(reason === undefined ? [] : [reason]);
  });

  it('lets one bad secret spoil all, and names it without its content [C10]', () => {
    const password = canary('password');
    const bad = secret('bad', JSON_TYPE, { '.dockerconfigjson': `{"auths":{"r.io":{"auth":"${base64(password)}"}}}` });
    const error = faultOf(() => keys([jsonSecret('good', { 'a.io': 'u' }), bad]));
    expect(error.upstream).toBe('unable to parse auth field, must be formatted as base64(username:password)');
    expect(error.message).toBe(
      'Cannot read docker config from secret default/bad: unable to parse auth field, must be formatted as ' +
        'base64(username:password) (entry 1)',
    );
    expect(faultOf(() => keys([secret('s', JSON_TYPE, { '.dockerconfigjson': '{' })])).upstream).toBe(
      'unexpected end of JSON input',
    );
    expect(faultOf(() => keys([secret('s', CFG_TYPE, { '.dockercfg': '{"a":1}' })])).upstream).toBe(
      'json: cannot unmarshal number into Go value of type credentialprovider.dockerConfigEntryWithAuth',
    );
  });

  it('refuses data that is not base64, which no API server lets in', () => {
    const error = faultOf(() =>
      keys([{ metadata: { name: 's' }, type: JSON_TYPE, data: { '.dockerconfigjson': '{"auths"' } }]),
    );
    expect(error.message).toBe(
      'Cannot read secret default/s: data[.dockerconfigjson] is illegal base64 data at input byte 0',
    );
  });

  it('skips bad secrets and bad entries when lenient, and reports both by name [C10]', () => {
    const mixed = secret('mixed', JSON_TYPE, {
      '.dockerconfigjson': '{"auths":{"x.io":{"auth":"!"},"y.io":{"username":"u"}}}',
    });
    const broken = secret('broken', CFG_TYPE, { '.dockercfg': '{' });
    const unreadable: SecretLike = { metadata: { name: 'unreadable' }, type: CFG_TYPE, data: { '.dockercfg': '!' } };
    const { entries, skipped } = mergePullSecrets([mixed, broken, unreadable, secret('other', 'Opaque', {})], {
      mode: 'lenient',
    });
    expect(entries.map(({ pattern }) => pattern)).toEqual(['y.io']);
    expect(skipped).toEqual([
      { name: 'mixed', reason: 'malformed', pattern: 'x.io', upstream: 'illegal base64 data at input byte 0' },
      { name: 'broken', reason: 'malformed', pattern: undefined, upstream: 'unexpected end of JSON input' },
      { name: 'unreadable', reason: 'malformed', pattern: undefined, upstream: 'illegal base64 data at input byte 0' },
      { name: 'other', reason: 'type', pattern: undefined, upstream: undefined },
    ]);
    expect(() => mergePullSecrets([], { mode: 'docker' as never })).toThrow(ImageError);
  });

  it('reads own keys only [C01]', () => {
    const inherited = Object.create({ '.dockerconfigjson': base64('{"auths":{"evil.io":{}}}') }) as Record<
      string,
      string
    >;
    expect(mergePullSecrets([{ type: JSON_TYPE, data: inherited }]).skipped).toMatchObject([{ reason: 'key' }]);
  });
});
