import { describe, expect, it } from 'vitest';
import { InvalidConfigError } from 'kubepull/errors';
import {
  applyPullSecretUpdate,
  createPullSecret,
  EXPIRES_AT_ANNOTATION,
  getPullSecretExpiry,
  type PullSecretEntry,
  type SecretLike,
} from 'kubepull/pull-secrets';
import { deepFreeze } from '../docker-config/support.ts';
import { base64, JSON_TYPE, messageOf, secret } from './support.ts';

const stored = deepFreeze({
  metadata: { name: 'creds', namespace: 'team' },
  type: JSON_TYPE,
  data: { '.dockerconfigjson': base64('{"auths":{"k.example":{"auth":"dTpr"}}}') },
});

const create = (entries: Readonly<Record<string, PullSecretEntry>>): SecretLike =>
  createPullSecret({ name: 'creds', entries });
const textOf = ({ data }: SecretLike): string => Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString();

describe('applyPullSecretUpdate', () => {
  it.each<[string, Partial<SecretLike>, string]>([
    ['no data', { data: undefined }, ''],
    ['null for data', { data: null as never, stringData: null as never }, ''],
    ['an empty value', { data: { '.dockerconfigjson': '' } }, ''],
    ['null for a document', { data: { '.dockerconfigjson': base64('null') } }, ''],
    ['null for auths', { data: { '.dockerconfigjson': base64('{"x":1,"auths":null}') } }, ',"x":1'],
  ])('adds a first entry to %s', (_, change, others) => {
    const { secret: updated, changes } = applyPullSecretUpdate(
      { ...stored, ...change },
      { set: { 'r.example': { auth: 'dTpw' } } },
    );
    expect(changes).toEqual([{ registry: 'r.example', change: 'added' }]);
    expect(textOf(updated)).toBe(`{"auths":{"r.example":{"username":"u","password":"p","auth":"dTpw"}}${others}}`);
  });

  it('takes auths in a .dockercfg for a registry', () => {
    const old = secret('old', 'kubernetes.io/dockercfg', { '.dockercfg': '{"auths":{"auth":"dTpw"}}' });
    const { data } = applyPullSecretUpdate(old, { set: { 'r.example': { auth: 'dTpw' } } }).secret;
    expect(Buffer.from(data?.['.dockercfg'] ?? '', 'base64').toString()).toBe(
      '{"auths":{"auth":"dTpw"},"r.example":{"username":"u","password":"p","auth":"dTpw"}}',
    );
  });

  it.each([
    ['its user name', { username: 'v', password: 'p', email: 'e' }, 'replaced'],
    ['its password', { username: 'u', password: 'q', email: 'e' }, 'replaced'],
    ['its e-mail address', { username: 'u', password: 'p', email: 'f' }, 'replaced'],
    ['no e-mail address', { username: 'u', password: 'p' }, 'replaced'],
    ['nothing else', { username: 'u', password: 'p', email: 'e' }, 'unchanged'],
  ])('tells whether an entry changes by %s', (_, entry, change) => {
    const old = create({ 'r.example': { username: 'u', password: 'p', email: 'e' } });
    expect(applyPullSecretUpdate(old, { set: { 'r.example': entry } }).changes).toEqual([
      { registry: 'r.example', change },
    ]);
  });

  it('removes each entry once, and what it has set before', () => {
    const { secret: updated, changes } = applyPullSecretUpdate(create({ 'r.example': { auth: 'dTpw' } }), {
      set: { 'n.example': { auth: 'dTpw' } },
      remove: ['r.example', 'https://r.example', 'n.example', 'u:word@x.example?y'],
    });
    expect(changes.map(({ change }) => change)).toEqual(['added', 'removed', 'absent', 'removed', 'absent']);
    expect(changes[4]?.registry).toBe('x.example');
    expect(textOf(updated)).toBe('{"auths":{}}');
  });

  it('has no member that nobody gave it', () => {
    const flags = createPullSecret({ name: 'creds', username: 'u', password: 'p' });
    expect(
      [flags, createPullSecret({ name: 'creds', entries: {} })].map(({ metadata }) => Object.keys(metadata)),
    ).toEqual([['name'], ['name']]);
  });

  it('writes into data where stringData has other keys, and notes a time where there is no metadata', () => {
    const { metadata: _, ...bare } = { ...stored, stringData: { note: 'x' } };
    const { secret: updated } = applyPullSecretUpdate<SecretLike>(bare, { remove: ['k.example'], expiresAt: 0 });
    expect(updated).toEqual({
      metadata: { annotations: { [EXPIRES_AT_ANNOTATION]: '1970-01-01T00:00:00.000Z' } },
      type: JSON_TYPE,
      data: { '.dockerconfigjson': base64('{"auths":{}}') },
      stringData: { note: 'x' },
    });
  });

  it('reads the time at which it ends off its own annotations only', () => {
    const inherited = Object.create({ [EXPIRES_AT_ANNOTATION]: '2026-12-01T08:00:00.000Z' }) as Record<string, string>;
    expect(getPullSecretExpiry({ metadata: { annotations: inherited } })).toBeUndefined();
    expect(getPullSecretExpiry({})).toBeUndefined();
  });

  it('refuses what is no pull secret, or cannot be changed', () => {
    const set = { 'r.example': { auth: 'dTpw' } };
    const refusal = (one: SecretLike): string => messageOf(() => applyPullSecretUpdate(one, { set }));
    expect(refusal({ type: 'Opaque' })).toBe(
      'Cannot update pull secret "": its type is not one of a pull secret, but "Opaque"',
    );
    expect(refusal({ metadata: { name: 'creds' } })).toBe(
      'Cannot update pull secret "creds": its type is not one of a pull secret, but ""',
    );
    const immutable = { ...stored, immutable: true };
    expect(refusal(immutable)).toBe('Cannot update pull secret "creds": it is immutable; delete it and create it anew');
    expect(applyPullSecretUpdate(immutable, { remove: ['x.example'] }).secret).toBe(immutable);
    expect(messageOf(() => applyPullSecretUpdate(immutable, { expiresAt: 0 }))).toContain('it is immutable');
    expect(refusal({ ...stored, data: { '.dockerconfigjson': '!' } })).toBe(
      'Cannot update pull secret "creds": data[.dockerconfigjson] is illegal base64 data at input byte 0',
    );
    for (const text of ['{', '[]', '{"auths":5}']) {
      const broken = secret('s', stored.type, { '.dockerconfigjson': text });
      expect(() => applyPullSecretUpdate(broken, { set })).toThrow(InvalidConfigError);
    }
  });
});
