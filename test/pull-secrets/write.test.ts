import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCredential, createSecret } from 'kubepull/docker-config';
import type { ImageError } from 'kubepull/errors';
import { lintPullSecret } from 'kubepull/lint';
import {
  applyPullSecretUpdate,
  createPullSecret,
  EXPIRES_AT_ANNOTATION,
  getPullSecretExpiry,
  mergePullSecrets,
  type PullSecretEntry,
  type SecretLike,
  validateSecret,
} from 'kubepull/pull-secrets';
import { deepFreeze, triples } from '../docker-config/support.ts';
import { anyText } from '../support/any-text.ts';
import { canary } from '../support/canary.ts';
import { base64, cfgSecret, messageOf, secret } from './support.ts';

const create = (entries: Readonly<Record<string, PullSecretEntry>>): SecretLike =>
  createPullSecret({ name: 'creds', entries });
const textOf = ({ data }: SecretLike): string => Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString();
const read = (one: SecretLike): readonly (readonly string[])[] => triples(mergePullSecrets([one]).entries);

const COLON = 'USERNAME_HAS_COLON: kubelet reads the user name up to its first colon';
const NEWLINE = 'PASSWORD_ENDS_WITH_NEWLINE: the registry gets the line break as well; write it without';
const TOKEN = 'TOKEN_IGNORED: kubelet reads no tokens of Docker; log in with a user name and a password';
const NEITHER = 'it has neither { username, password } nor { auth }';

describe('createPullSecret of entries', () => {
  it('writes each entry as kubectl writes its only one, in the order given', () => {
    const made = createPullSecret({
      name: 'creds',
      namespace: 'team',
      entries: {
        'b.example': { username: 'u', password: createSecret('p'), email: 'e@x' },
        'a.example/team/': { auth: 'dTpw' },
      },
      labels: { app: 'web' },
      annotations: { note: 'x' },
    });
    expect(textOf(made)).toBe(
      '{"auths":{"b.example":{"username":"u","password":"p","email":"e@x","auth":"dTpw"},' +
        '"a.example/team/":{"username":"u","password":"p","auth":"dTpw"}}}',
    );
    const kubectl = createPullSecret({ name: 'creds', server: 'r.example', username: 'u', password: 'p' });
    expect(create({ 'r.example': { username: 'u', password: 'p' } })).toEqual(kubectl);
    expect({ ...made, data: undefined }).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'creds', namespace: 'team', labels: { app: 'web' }, annotations: { note: 'x' } },
      type: 'kubernetes.io/dockerconfigjson',
      data: undefined,
    });
  });

  it.each([
    ['a b.example', 'KEY_HAS_SPACE', 'write "ab.example"'],
    ['r[12].example', 'KEY_GLOB_UNSUPPORTED', 'write "r*.example"'],
    ['r.example/*', 'KEY_GLOB_IN_PATH', 'write "r.example"'],
    ['https://index.docker.io/v1', 'KEY_DOCKER_HUB_PATH', 'write "https://index.docker.io/v1/"'],
    ['hub.docker.com', 'KEY_DOCKER_HUB_ALIAS', 'write "https://index.docker.io/v1/"'],
    ['', 'KEY_WITHOUT_HOST', ''],
    ['myorg', 'KEY_HOST_IMPOSSIBLE', ''],
    ['${REGISTRY}', 'KEY_PLACEHOLDER', ''],
    ['r.example/team:1', 'KEY_PATH_IMPOSSIBLE', 'write "r.example/team"'],
    ['ftp://r.example', 'KEY_SCHEME_UNKNOWN', 'write "r.example"'],
  ])('refuses the key %j, which no image matches', (key, code, cure) => {
    const message = messageOf(() => create({ [key]: { username: 'u', password: 'p' } }));
    expect(message).toContain(code);
    expect(message).toContain(cure);
  });

  it.each<[string, PullSecretEntry, string]>([
    ['a user name with a colon', { username: 'a:b', password: 'p' }, COLON],
    ['nothing in it', { username: '', password: '' }, 'ENTRY_EMPTY: kubelet would try it as an anonymous pull'],
    ['a line break behind the password', { username: 'u', password: 'p\n' }, NEWLINE],
    ['a carriage return behind the password', { username: 'u', password: 'p\r' }, NEWLINE],
    ['a line break in auth', { auth: base64('u:p\n') }, NEWLINE],
    ['an auth that is no base64', { auth: 'u:p' }, 'its auth is not readable: illegal base64 data at input byte 1'],
    ['an auth without colon', { auth: base64('token') }, 'its auth is not readable: unable to parse auth field'],
    [
      'auth beside a user name',
      { auth: 'dTpw', username: 'u' },
      'it has auth and other fields; write only one of both',
    ],
    ['no password', { username: 'u' } as never, NEITHER],
    ['no user name', { password: 'p' } as never, NEITHER],
    ['no fields', {} as never, NEITHER],
    ['an identity token', createCredential({ identityToken: 'token' }), TOKEN],
    ['a registry token', createCredential({ registryToken: 'token' }), TOKEN],
  ])('refuses an entry with %s, which kubelet would not use', (_, entry, words) => {
    const message = messageOf(() => create({ 'r.example': entry }));
    expect(message).toContain(`Cannot write the entry "r.example" of a pull secret: ${words}`);
  });

  it.each<[string, PullSecretEntry, string, string]>([
    ['an auth that is a secret', { auth: createSecret('dTpw') }, 'u', 'p'],
    ['fields that are left out', { auth: 'dTpw', username: undefined }, 'u', 'p'],
    ['an auth that is left out', { auth: undefined, username: 'u', password: 'p' }, 'u', 'p'],
    ['a user name alone', { username: 'u', password: '' }, 'u', ''],
    ['a password alone', { username: '', password: 'p' }, '', 'p'],
    ['a line break within the password', { username: 'u', password: 'p\np' }, 'u', 'p\np'],
  ])('takes an entry with %s', (_, entry, username, password) => {
    expect(read(create({ 'r.example': entry }))).toEqual([['r.example', username, password]]);
  });

  it.each([
    [
      'https://u:p@r.example',
      '"https://…@r.example" of a pull secret: KEY_HAS_USER_INFO: a key hides nothing; write "https://r.example"',
    ],
    ['u@', '"…@" of a pull secret: KEY_HAS_USER_INFO: a key hides nothing'],
    [
      'a b.example',
      '"a b.example" of a pull secret: KEY_HAS_SPACE: there is white space in the key; write "ab.example"',
    ],
    [
      'myorg',
      '"myorg" of a pull secret: KEY_HOST_IMPOSSIBLE: without dot and port the name is read as one of Docker Hub',
    ],
  ])('says of the key %j what is wrong, and what to write where that is known', (key, words) => {
    expect(messageOf(() => create({ [key]: { auth: 'dTpw' } }))).toBe(`Cannot write the entry ${words}`);
  });

  it('keeps the key file of a service account, which is a password of many lines', () => {
    const password = '{\n "type": "service_account"\n}\n';
    expect(read(create({ 'gcr.io': { username: '_json_key', password } }))).toEqual([
      ['gcr.io', '_json_key', password],
    ]);
  });

  it('shows no secret in what it refuses', () => {
    const password = canary('password');
    for (const entry of [
      { username: `x:${password}`, password },
      { username: 'u', password: `${password}\n` },
      { auth: `${password}!` },
      { auth: base64(password) },
    ])
      expect(messageOf(() => create({ 'r.example': entry }))).toContain('r.example');
    expect(messageOf(() => create({ [`https://u:${password}@r.example`]: { auth: 'dTpw' } }))).toContain('USER_INFO');
    expect(messageOf(() => create({ [`r.example?token=${password}`]: { auth: 'dTpw' } }))).toContain('CUT_SHORT');
  });

  it('notes when the first credential ends', () => {
    const made = createPullSecret({
      name: 'ecr',
      entries: { '1.dkr.ecr.eu-west-1.amazonaws.com': { username: 'AWS', password: 'token' } },
      expiresAt: Date.UTC(2026, 11, 1, 8),
    });
    expect(made.metadata.annotations).toEqual({ [EXPIRES_AT_ANNOTATION]: '2026-12-01T08:00:00.000Z' });
    expect(getPullSecretExpiry(made)).toBe(Date.UTC(2026, 11, 1, 8));
    expect(getPullSecretExpiry(create({}))).toBeUndefined();
    expect(getPullSecretExpiry({ metadata: { annotations: { [EXPIRES_AT_ANNOTATION]: 'soon' } } })).toBeUndefined();
  });

  it.each([{ name: '' }, { expiresAt: Number.NaN }, { entries: [] }, { labels: { a: 1 } }, { namespace: 5 }])(
    'refuses the options %j',
    (change) => {
      expect(messageOf(() => createPullSecret({ name: 's', entries: {}, ...change } as never))).toMatch(/^Cannot /);
    },
  );

  it('refuses one registry under two spellings: kubelet would try both passwords', () => {
    const entries = { 'r.example': { auth: 'dTpw' }, 'https://r.example/v1/': { auth: 'dTpw' } };
    expect(messageOf(() => create(entries))).toContain('KEY_SAME_NORMAL_FORM: "https://r.example/v1/"');
  });

  it('refuses a document that the API server would not take', () => {
    const password = 'p'.repeat(600_000);
    expect(messageOf(() => create({ 'r.example': { username: 'u', password } }))).toContain('Too long');
  });

  it('makes secrets that the API server takes, kubelet reads and the linter has no error for, or refuses by its code', () => {
    const label = fc.stringMatching(/^[a-z\d]{1,6}$/);
    const host = fc.tuple(fc.constantFrom('', '*.', 'r-1.'), label).map(([first, name]) => `${first}${name}.example`);
    const good = fc
      .tuple(
        fc.constantFrom('', 'https://', 'http://'),
        host,
        fc.constantFrom('', ':5000'),
        fc.constantFrom('', '/team', '/team/'),
      )
      .map((parts) => parts.join(''));
    const text = anyText({ maxLength: 6 });
    const key = fc.oneof({ weight: 3, arbitrary: good }, { weight: 1, arbitrary: anyText({ maxLength: 12 }) });
    fc.assert(
      fc.property(key, text, text, (registry, username, password) => {
        const naive = secret('s', 'kubernetes.io/dockerconfigjson', {
          '.dockerconfigjson': JSON.stringify({ auths: { [registry]: { username, password } } }),
        });
        const errors = lintPullSecret(naive).filter(({ severity }) => severity === 'error');
        let made: SecretLike;
        try {
          made = create({ [registry]: { username, password } });
        } catch (error) {
          const { message } = error as ImageError;
          expect(lintPullSecret(naive).map(({ code }) => code)).toContain(
            /[A-Z\d]+(?:_[A-Z\d]+)+/.exec(message.replace(/^.*of a pull secret: /s, ''))?.[0],
          );
          return;
        }
        expect(errors).toEqual([]);
        expect(lintPullSecret(made).filter(({ severity }) => severity === 'error')).toEqual([]);
        expect(validateSecret(made).valid).toBe(true);
        expect(read(made)).toEqual([[registry, username, password]]);
      }),
    );
  });
});

describe('applyPullSecretUpdate', () => {
  const stored = deepFreeze({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'creds', namespace: 'team', uid: 'u1', resourceVersion: '7', labels: { a: 'b' } },
    type: 'kubernetes.io/dockerconfigjson',
    data: {
      other: 'AAE=',
      '.dockerconfigjson': base64(
        '{"auths":{"https://r.example/v1/":{"auth":"dTpvbGQ=","note":1},"bad.example":{"auth":"!!"},"k.example":{"auth":"dTpr"}},"HttpHeaders":{"A":"b"}}',
      ),
    },
  });

  it('adds, replaces and removes registries, and keeps all else', () => {
    const { secret: updated, changes } = applyPullSecretUpdate(stored, {
      set: { 'r.example': { username: 'u', password: 'new' }, 'n.example': { auth: 'dTpu' } },
      remove: ['https://k.example/', 'gone.example'],
    });
    expect(changes).toEqual([
      { registry: 'r.example', change: 'replaced' },
      { registry: 'n.example', change: 'added' },
      { registry: 'https://k.example/', change: 'removed' },
      { registry: 'gone.example', change: 'absent' },
    ]);
    expect(JSON.parse(textOf(updated))).toEqual({
      auths: {
        'bad.example': { auth: '!!' },
        'r.example': { username: 'u', password: 'new', auth: base64('u:new') },
        'n.example': { username: 'u', password: 'n', auth: 'dTpu' },
      },
      HttpHeaders: { A: 'b' },
    });
    expect({ ...updated, data: updated.data.other }).toEqual({ ...stored, data: 'AAE=' });
  });

  it('gives the same object when nothing changes', () => {
    const once = applyPullSecretUpdate(stored, { set: { 'r.example': { auth: 'dTpu' } }, expiresAt: 5 });
    const twice = applyPullSecretUpdate(once.secret, { set: { 'r.example': { auth: 'dTpu' } }, expiresAt: 5 });
    expect(twice.secret).toBe(once.secret);
    expect(twice.changes).toEqual([{ registry: 'r.example', change: 'unchanged' }]);
    expect(applyPullSecretUpdate(stored, { remove: ['x.example'], expiresAt: null }).secret).toBe(stored);
  });

  it('takes away another spelling of a key, also beside one that is right already', () => {
    const auths = '{"auths":{"r.example":{"auth":"dTpw"},"https://r.example/v1/":{"auth":"dTpvbGQ="}}}';
    const twice = secret('s', stored.type, { '.dockerconfigjson': auths });
    const { secret: updated, changes } = applyPullSecretUpdate(twice, { set: { 'r.example': { auth: 'dTpw' } } });
    expect(changes).toEqual([{ registry: 'r.example', change: 'replaced' }]);
    expect(read(updated)).toEqual([['r.example', 'u', 'p']]);
  });

  it('sets and takes away the time at which it ends', () => {
    const made = applyPullSecretUpdate(stored, { expiresAt: 0 }).secret;
    expect(getPullSecretExpiry(made)).toBe(0);
    expect(made.metadata.resourceVersion).toBe('7');
    const later = applyPullSecretUpdate(made, { set: { 'n.example': { auth: 'dTpu' } } }).secret;
    expect(getPullSecretExpiry(later)).toBe(0);
    expect(applyPullSecretUpdate(made, { expiresAt: null }).secret.metadata).toEqual({
      ...stored.metadata,
      annotations: {},
    });
  });

  it('keeps the form of a .dockercfg', () => {
    const old = cfgSecret('old', { 'r.example': 'a', 'k.example': 'b' });
    const { secret: updated } = applyPullSecretUpdate(old, {
      set: { 'r.example': { auth: 'dTpu' } },
      remove: ['k.example'],
    });
    expect(read(updated)).toEqual([['r.example', 'u', 'n']]);
    expect(Object.keys(updated.data ?? {})).toEqual(['.dockercfg']);
  });

  it('writes where the value stands: text in stringData would hide one in data', () => {
    const { data: _, ...rest } = stored;
    const manifest = { ...rest, stringData: { '.dockerconfigjson': '{"auths":{}}' } };
    const { secret: updated } = applyPullSecretUpdate(manifest, { set: { 'r.example': { auth: 'dTpw' } } });
    expect(read(updated)).toEqual([['r.example', 'u', 'p']]);
    expect('data' in updated).toBe(false);
  });

  it('finds auths in any case, as kubelet does', () => {
    const odd = secret('s', stored.type, { '.dockerconfigjson': '{"AUTHS":{"r.example":{"auth":"dTpw"}}}' });
    expect(read(applyPullSecretUpdate(odd, { remove: ['r.example'] }).secret)).toEqual([]);
    const twice = secret('s', stored.type, { '.dockerconfigjson': '{"AUTHS":{},"auths":{}}' });
    expect(messageOf(() => applyPullSecretUpdate(twice, { remove: ['r.example'] }))).toContain('auths more than once');
  });

  it('reads back whatever is set, beside whatever is there', () => {
    const bare = (key: string): string => key.replace(/^https:\/\/|\/v1\/$/g, '');
    const keys: fc.Arbitrary<string[]> = fc.uniqueArray(
      fc.constantFrom('a.example', 'b.example', 'https://a.example/v1/', '*.example', 'docker.io/x/'),
      {
        selector: bare,
        maxLength: 4,
      },
    );
    const part = anyText({ minLength: 1, maxLength: 4 }).map((text) => `x${text.replaceAll(':', '')}x`);
    fc.assert(
      fc.property(keys, keys, keys, part, (before, set, remove, word) => {
        const entriesOf = (list: readonly string[], password: string): Readonly<Record<string, PullSecretEntry>> =>
          Object.fromEntries(list.map((key) => [key, { username: key.slice(0, 1), password }]));
        const old = create(entriesOf(before, 'old'));
        const { secret: updated } = applyPullSecretUpdate(old, { set: entriesOf(set, word), remove });
        const got = read(updated);
        for (const [key, , password] of got) expect(set.includes(key ?? '') ? password : 'old').toBe(password);
        expect(applyPullSecretUpdate(updated, { set: entriesOf(set, word), remove }).secret.data).toEqual(updated.data);
        const removed = new Set<string>(remove.map(bare));
        expect(got.filter(([key = '']) => removed.has(bare(key)))).toEqual([]);
      }),
    );
  });
});
