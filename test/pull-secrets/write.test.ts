import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCredential, createSecret } from 'kubepull/docker-config';
import { ImageError, InvalidConfigError } from 'kubepull/errors';
import { lintPullSecret } from 'kubepull/lint';
import {
  applyPullSecretUpdate,
  COPIED_FROM_ANNOTATION,
  createPullSecret,
  EXPIRES_AT_ANNOTATION,
  getPullSecretExpiry,
  mergePullSecrets,
  planSecretCopies,
  type PullSecretEntry,
  resolvePullSecretEntries,
  type SecretLike,
  validateSecret,
} from 'kubepull/pull-secrets';
import { deepFreeze, triples } from '../docker-config/support.ts';
import { anyText } from '../support/any-text.ts';
import { canary } from '../support/canary.ts';
import { growth } from '../support/least.ts';
import { base64, cfgSecret, secret } from './support.ts';

const create = (entries: Readonly<Record<string, PullSecretEntry>>): SecretLike =>
  createPullSecret({ name: 'creds', entries });
const textOf = ({ data }: SecretLike): string => Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString();
const read = (one: SecretLike): readonly (readonly string[])[] => triples(mergePullSecrets([one]).entries);
const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof ImageError && error.code === 'ERR_OPTION_INVALID') return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
};

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
    ['a user name with a colon', { username: 'a:b', password: 'p' }, 'USERNAME_HAS_COLON'],
    ['nothing in it', { username: '', password: '' }, 'ENTRY_EMPTY'],
    ['a line break behind the password', { username: 'u', password: 'p\n' }, 'PASSWORD_ENDS_WITH_NEWLINE'],
    ['a line break in auth', { auth: base64('u:p\n') }, 'PASSWORD_ENDS_WITH_NEWLINE'],
    ['an auth that is no base64', { auth: 'u:p' }, 'auth is not readable: illegal base64 data'],
    ['an auth without colon', { auth: base64('token') }, 'auth is not readable: unable to parse auth field'],
    ['auth beside a user name', { auth: 'dTpw', username: 'u' }, 'only one of both'],
    ['no password', { username: 'u' } as never, 'neither { username, password } nor { auth }'],
    ['an identity token', createCredential({ identityToken: 'token' }), 'TOKEN_IGNORED'],
    ['a registry token', createCredential({ registryToken: 'token' }), 'TOKEN_IGNORED'],
  ])('refuses an entry with %s, which kubelet would not use', (_, entry, words) => {
    expect(messageOf(() => create({ 'r.example': entry }))).toContain(words);
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

  it('takes a time that grows with the registries, and not with their square', () => {
    const entriesOf = (count: number): Readonly<Record<string, PullSecretEntry>> =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`r${at}.example`, { auth: 'dTpw' }]));
    const [few, many] = [entriesOf(300), entriesOf(3_000)];
    const ratio = growth(
      40,
      () => applyPullSecretUpdate(create(few), { set: few }),
      () => applyPullSecretUpdate(create(many), { set: many }),
    );
    expect(ratio).toBeLessThan(40);
  });

  it('refuses what is no pull secret, or cannot be changed', () => {
    const set = { 'r.example': { auth: 'dTpw' } };
    expect(messageOf(() => applyPullSecretUpdate({ type: 'Opaque' }, { set }))).toContain('not one of a pull secret');
    expect(messageOf(() => applyPullSecretUpdate({ ...stored, immutable: true }, { set }))).toContain('immutable');
    expect(
      messageOf(() => applyPullSecretUpdate({ ...stored, data: { '.dockerconfigjson': '!' } }, { set })),
    ).toContain('base64');
    for (const text of ['{', '[]', '{"auths":5}']) {
      const broken = secret('s', stored.type, { '.dockerconfigjson': text });
      expect(() => applyPullSecretUpdate(broken, { set })).toThrow(InvalidConfigError);
    }
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

describe('resolvePullSecretEntries', () => {
  const config = JSON.stringify({
    auths: {
      'r.example': { auth: 'dTpw' },
      'https://index.docker.io/v1/': {},
      'token.example': { identitytoken: 'x' },
      'hub.docker.com': { auth: 'dTpw' },
    },
    credHelpers: { 'gcr.io': 'gcloud', 'broken.example': 'broken', 'none.example': 'empty' },
  });

  it('asks the helpers that the file names, and tells what cannot go into a secret', async () => {
    const password = canary('password');
    const asked: string[] = [];
    const { entries, omitted } = await resolvePullSecretEntries(config, {
      askHelper: (helper, server) => {
        asked.push(`${helper} ${server}`);
        if (helper === 'broken') throw new Error(`a helper that says ${password}`);
        return helper === 'gcloud' ? createCredential({ username: '_token', password }) : undefined;
      },
    });
    expect(asked).toEqual(['gcloud gcr.io', 'broken broken.example', 'empty none.example']);
    expect(Object.keys(entries)).toEqual(['r.example', 'gcr.io']);
    expect(inspect({ entries, omitted }, { depth: 9 })).not.toContain(password);
    expect(entries['gcr.io']?.password.reveal() === password).toBe(true);
    expect(omitted.map(({ registry, reason }) => [registry, reason])).toEqual([
      ['https://index.docker.io/v1/', 'no-credential'],
      ['token.example', 'unusable'],
      ['hub.docker.com', 'unusable'],
      ['broken.example', 'helper'],
      ['none.example', 'no-credential'],
    ]);
    expect(omitted[1]?.message).toContain('TOKEN_IGNORED');
    expect(validateSecret(createPullSecret({ name: 's', entries })).valid).toBe(true);
  });

  it('asks the store for every registry, and lets a helper of the registry count alone', async () => {
    const asked: string[] = [];
    const stored =
      '{"auths":{"a.example":{"auth":"dTpw"},"b.example":{}},"credHelpers":{"b.example":"b"},"credsStore":"s"}';
    const { entries, omitted } = await resolvePullSecretEntries(stored, {
      registries: ['b.example', 'a.example', 'c.example'],
      askHelper: async (helper, server) => {
        asked.push(`${helper} ${server}`);
        return helper === 's' ? createCredential({ username: 'u', password: server }) : undefined;
      },
    });
    expect(asked).toEqual(['b b.example', 's a.example', 's c.example']);
    expect(Object.entries(entries).map(([key, { password }]) => [key, password.reveal()])).toEqual([
      ['a.example', 'a.example'],
      ['c.example', 'c.example'],
    ]);
    expect(omitted).toMatchObject([{ registry: 'b.example', reason: 'no-credential' }]);
  });

  it('says what it cannot do without helpers, or without the registry', async () => {
    const { omitted } = await resolvePullSecretEntries(config, { registries: ['gcr.io', 'x.example'] });
    expect(omitted.map(({ registry, reason }) => [registry, reason])).toEqual([
      ['gcr.io', 'helper'],
      ['x.example', 'absent'],
    ]);
    await expect(resolvePullSecretEntries('{')).rejects.toThrow(InvalidConfigError);
  });

  it('ends with the reason of its signal while a helper is silent', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const waiting = resolvePullSecretEntries(config, {
      signal: controller.signal,
      askHelper: () => {
        queueMicrotask(() => controller.abort(reason));
        return new Promise(() => undefined);
      },
    });
    await expect(waiting).rejects.toBe(reason);
    await expect(resolvePullSecretEntries(config, { signal: controller.signal })).rejects.toBe(reason);
  });
});

describe('planSecretCopies', () => {
  const source = deepFreeze({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'creds',
      namespace: 'team',
      uid: 'u1',
      resourceVersion: '7',
      labels: { app: 'web' },
      annotations: {
        [EXPIRES_AT_ANNOTATION]: '2026-12-01T08:00:00.000Z',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
      },
    },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64('{"auths":{"r.example":{"auth":"dTpw"}}}') },
  });
  const copied = { [EXPIRES_AT_ANNOTATION]: '2026-12-01T08:00:00.000Z', [COPIED_FROM_ANNOTATION]: 'team/creds' };

  it('makes a copy without what is the server’s own', () => {
    expect(planSecretCopies(source, { namespaces: ['shop', 'shop', 'team'], existing: [] })).toEqual([
      {
        action: 'create',
        namespace: 'shop',
        secret: {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'creds', namespace: 'shop', labels: { app: 'web' }, annotations: copied },
          type: source.type,
          data: source.data,
        },
      },
      { action: 'leave', namespace: 'team', reason: 'source' },
    ]);
  });

  it('updates its copies in place, leaves what is equal, foreign, of another type or immutable', () => {
    const there = (namespace: string, change: object): SecretLike => {
      const server = { resourceVersion: namespace, labels: { app: 'web' } };
      const metadata = { name: 'creds', namespace, annotations: { ...copied, own: 'x' }, ...server };
      return { metadata, type: source.type, data: { '.dockerconfigjson': 'e30=' }, ...change };
    };
    const existing = [
      there('old', {}),
      there('equal', { data: source.data }),
      there('foreign', { metadata: { name: 'creds', namespace: 'foreign' } }),
      there('type', { type: 'Opaque' }),
      there('fixed', { immutable: true }),
      there('other', { metadata: { name: 'others', namespace: 'other' } }),
    ];
    const namespaces = ['old', 'equal', 'foreign', 'type', 'fixed', 'other'];
    const plan = planSecretCopies(source, { namespaces, existing });
    expect(plan.map((step) => (step.action === 'leave' ? step.reason : step.action))).toEqual([
      'update',
      'equal',
      'foreign',
      'other-type',
      'immutable',
      'create',
    ]);
    const [update] = plan;
    expect(update).toMatchObject({
      secret: {
        metadata: { namespace: 'old', resourceVersion: 'old', annotations: { ...copied, own: 'x' } },
        data: source.data,
      },
    });
    const again = planSecretCopies(source, {
      namespaces,
      existing: plan.flatMap((step) => ('secret' in step ? [step.secret] : [])),
    });
    expect(again.map(({ action }) => action)).toEqual(['leave', 'create', 'create', 'create', 'create', 'leave']);
    const forced = planSecretCopies(source, { namespaces: ['foreign'], existing, overwrite: true });
    expect(forced).toMatchObject([{ action: 'update', secret: { data: source.data } }]);
  });

  it('brings copies up to date that say when they end, and the source does not', () => {
    const { annotations: _, ...metadata } = source.metadata;
    const lasting = { ...source, metadata };
    const copy = {
      ...source,
      metadata: { name: 'creds', namespace: 'shop', labels: { app: 'web' }, annotations: copied },
    };
    const [step] = planSecretCopies(lasting, { namespaces: ['shop'], existing: [copy] });
    expect(step).toMatchObject({ action: 'update' });
    if (step?.action === 'update')
      expect(step.secret.metadata?.annotations).toEqual({ [COPIED_FROM_ANNOTATION]: 'team/creds' });
  });

  it('brings labels up to date, and keeps those that a copy has of its own', () => {
    const metadata = { name: 'creds', namespace: 'shop', labels: { app: 'old', own: 'x' }, annotations: copied };
    const [step] = planSecretCopies(source, { namespaces: ['shop'], existing: [{ ...source, metadata }] });
    expect(step).toMatchObject({ action: 'update', secret: { metadata: { labels: { app: 'web', own: 'x' } } } });
  });

  it('turns the plain text of a manifest into data, and refuses what the API server would', () => {
    const manifest = { ...source, data: {}, stringData: { '.dockerconfigjson': '{}' } };
    const [step] = planSecretCopies(manifest, { namespaces: ['shop'], existing: [] });
    expect(step).toMatchObject({ action: 'create', secret: { data: { '.dockerconfigjson': 'e30=' } } });
    const bad = { ...source, data: {} };
    expect(messageOf(() => planSecretCopies(bad, { namespaces: [], existing: [] }))).toContain('Required value');
    expect(messageOf(() => planSecretCopies({ ...source, metadata: {} }, { namespaces: [], existing: [] }))).toContain(
      'no name',
    );
  });
});
