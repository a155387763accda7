// What Docker's own reader makes of a document: encoding/json reads it whole, and what `auth` fields hold comes after that.
import { describe, expect, it } from 'vitest';
import { type DockerConfig, parseDockerConfig } from 'kubepull/docker-config';
import { faultOf, triples, upstreamOf } from './support.ts';

const read = (text: string, maxEntries?: number): DockerConfig =>
  parseDockerConfig(text, { mode: 'docker', maxEntries });
const helpersOf = ({ credHelpers }: DockerConfig): unknown =>
  credHelpers.map(({ pattern, helper }) => [pattern, helper]);

describe("parseDockerConfig in Docker's mode", () => {
  it.each([
    ['another entry of its key', '{"auths":{"a":{"auth":"!!"},"a":{"username":"u"}}}', [['a', 'u', '']]],
    ['an entry of a second auths', '{"auths":{"a":{"auth":"!!"}},"auths":{"a":{"auth":"dTpw"}}}', [['a', 'u', 'p']]],
    ['null for all', '{"auths":{"a":{"auth":"!!"}},"auths":null}', []],
  ])('reads no auth field of an entry that is replaced by %s', (_, text, expected) => {
    expect(triples(read(text).entries)).toEqual(expected);
  });

  it.each([
    [
      'auth of an entry before it',
      '{"auths":{"a":{"auth":"!!"}},"credsStore":5}',
      'number into Go struct field ConfigFile.credsStore',
    ],
    [
      'auth of an entry behind it',
      '{"credsStore":5,"auths":{"a":{"auth":"!!"}}}',
      'number into Go struct field ConfigFile.credsStore',
    ],
    ['another one behind it', '{"credsStore":5,"auths":{"a":[]}}', 'number into Go struct field ConfigFile.credsStore'],
    [
      'another one in a later entry',
      '{"auths":{"a":{"email":5},"b":[]}}',
      'number into Go struct field AuthConfig.auths.email',
    ],
    ['an entry that replaces the bad one', '{"auths":{"a":[],"a":{}}}', 'array into Go struct field ConfigFile.auths'],
    [
      'helpers of a wrong type behind it',
      '{"HttpHeaders":5,"credHelpers":[]}',
      'number into Go struct field ConfigFile.HttpHeaders',
    ],
  ])('tells a wrong type rather than %s', (_, text, upstream) => {
    expect(upstreamOf(() => read(text))).toContain(`json: cannot unmarshal ${upstream} of type `);
  });

  it('says which entry is bad, whether by its type or by its auth', () => {
    expect(faultOf(() => read('{"auths":{"a":{},"b":5}}')).message).toMatch(/ of type types\.AuthConfig \(entry 2\)$/);
    expect(faultOf(() => read('{"auths":{"a":{},"b":{},"c":{"auth":"!"}}}')).message).toBe(
      'Cannot read docker config: illegal base64 data at input byte 0 (entry 3)',
    );
  });

  it.each([
    ['{"auths":[]}', 'array into Go struct field ConfigFile.auths of type map[string]types.AuthConfig'],
    ['{"credHelpers":5}', 'number into Go struct field ConfigFile.credHelpers of type map[string]string'],
    ['{"HttpHeaders":{"a":{}}}', 'object into Go struct field ConfigFile.HttpHeaders of type string'],
  ])('refuses %s', (text, upstream) => {
    expect(upstreamOf(() => read(text))).toBe(`json: cannot unmarshal ${upstream}`);
  });

  it('takes null for every field as not given', () => {
    const { entries, credHelpers, credsStore } = read(
      '{"auths":null,"credHelpers":null,"HttpHeaders":null,"credsStore":null}',
    );
    expect({ entries, credHelpers, credsStore }).toEqual({ entries: [], credHelpers: [], credsStore: undefined });
    expect(read('{"credsStore":"pass","credsStore":null}').credsStore).toBe('pass');
  });

  it.each([
    [
      'merges objects',
      '{"credHelpers":{"a":"x","b":"y"},"credHelpers":{"b":"z","c":"w"}}',
      [
        ['a', 'x'],
        ['b', 'z'],
        ['c', 'w'],
      ],
    ],
    ['forgets all at null', '{"credHelpers":{"a":"x"},"credHelpers":null}', []],
    [
      'takes null for a name as the empty one',
      '{"credHelpers":{"a":null,"b":"y"}}',
      [
        ['a', ''],
        ['b', 'y'],
      ],
    ],
    [
      'finds none in headers',
      '{"HttpHeaders":{"a":"x"},"credHelpers":{"b":"y"},"HttpHeaders":{"c":"z"}}',
      [['b', 'y']],
    ],
  ])('%s of helpers', (_, text, expected) => {
    expect(helpersOf(read(text))).toEqual(expected);
  });

  it.each(['credHelpers', 'auths'])(
    'counts every member of %s against the limit, in one object or in several',
    (field) => {
      const [member, reason] = field === 'auths' ? ['{}', 'entries'] : ['"x"', 'credHelpers'];
      const objects = (...counts: readonly (readonly string[])[]): string =>
        `{${counts.map((keys) => `"${field}":{${keys.map((key) => `"${key}":${member}`).join(',')}}`).join(',')}}`;
      for (const text of [objects(['a', 'b']), objects(['a'], ['b'])])
        expect({ ...read(text, 2) }[field === 'auths' ? 'entries' : 'credHelpers']).toHaveLength(2);
      for (const text of [objects(['a', 'b', 'c']), objects(['a', 'a', 'a']), objects(['a', 'b'], ['c'])])
        expect(upstreamOf(() => read(text, 2))).toBe(`more than 2 ${reason}`);
    },
  );

  it.each([
    ['inside', 'u:p\0q', 'p\0q'],
    ['before it, however many', 'u:\0\0p', 'p'],
    ['behind it, not those inside', 'u:\0p\0\0q\0\0', 'p\0\0q'],
    ['alone', 'u:\0\0\0', ''],
  ])('cuts off NULs around a password: %s', (_, plain, password) => {
    const auth = Buffer.from(plain).toString('base64');
    expect(triples(read(JSON.stringify({ auths: { r: { auth } } })).entries)).toEqual([['r', 'u', password]]);
  });
});
