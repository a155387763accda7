import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseDockerConfigJson } from 'kubepull/docker-config';
import { ImageError } from 'kubepull/errors';
import { createKeyring, formatLookup, type Keyring, type LookupResult, joinKeyrings } from 'kubepull/keyring';
import { parseImageName } from 'kubepull/reference';
import { growth } from '../support/least.ts';
import { canary } from '../support/canary.ts';
import { config, entry, users } from './support.ts';
import { imageNamed } from '../support/image-name.ts';

describe('createKeyring', () => {
  it('tries keys in descending byte order', () => {
    const order = [
      'index.docker.io',
      'gcr.io',
      'foo.com:5000',
      'foo.com/b',
      'foo.com/a/b',
      'foo.com/a/',
      'foo.com/a-b',
      'foo.com/a',
      'foo.com',
      'foo.*',
      'fo.com',
      'docker.io',
      'a.foo.com/x',
      'a.foo.com',
      'Foo.com',
      '*oo.com',
      '*.foo.com/x',
      '*.com',
    ];
    const shuffled = order.toSorted(
      (a, b) => ((a.length * 7 + a.charCodeAt(0)) % 5) - ((b.length * 7 + b.charCodeAt(0)) % 5),
    );
    const { rejected } = createKeyring(shuffled.map((pattern) => entry(pattern))).lookup(parseImageName('none:1/x'));
    expect(rejected.map(({ key }) => key)).toEqual(order);
  });

  it('orders by UTF-8 bytes, not by UTF-16 units', () => {
    const keys = ['r.io/\u{1f600}', 'r.io/\uffee', 'r.io/\u00e9', 'r.io/z'];
    const { rejected } = createKeyring(keys.toReversed().map((pattern) => entry(pattern))).lookup(
      parseImageName('none:1/x'),
    );
    expect(rejected.map(({ key }) => key)).toEqual(keys);
  });

  it('keeps entries of one normal form in the order given, duplicates too', () => {
    const keyring = createKeyring([
      entry('r.io/v1/', 'a'),
      entry('https://r.io', 'b'),
      entry('http://r.io/v2/', 'c'),
      entry('r.io', 'a'),
    ]);
    expect(users(keyring.lookup(parseImageName('r.io/x')))).toEqual(['a', 'b', 'c', 'a']);
    expect(keyring.lookup(parseImageName('r.io/x')).candidates.map(({ rank, key, rule }) => [rank, key, rule])).toEqual(
      [1, 2, 3, 4].map((rank) => [rank, 'r.io', 'literal']),
    );
  });

  const A = {
    'my-registry.example/images': 'A1',
    'my-registry.example/images/subpath': 'A2',
    '*.example/images': 'A3',
    'my-registry.example': 'A4',
  };
  const B = { 'https://index.docker.io/v1/': 'B1', 'docker.io/team': 'B2' };
  it.each([
    [A, 'my-registry.example/images/subpath/my-image', ['A2', 'A1', 'A4', 'A3']],
    [A, 'my-registry.example/images/my-image', ['A1', 'A4', 'A3']],
    [A, 'my-registry.example/images-old/x', ['A1', 'A4', 'A3']],
    [A, 'my-registry.example/other', ['A4']],
    [A, 'my-registry.example:5000/images/x', []],
    [A, 'other.example/images/x', ['A3']],
    [B, 'docker.io/library/nginx', ['B1']],
    [B, 'docker.io/team/app', ['B2']],
    [B, 'docker.io/teamwork/app', ['B2']],
    [B, 'localhost/app', ['B1']],
    [B, 'quay.io/team/app', []],
  ])('from %j tries for %s: %j', (auths, image, expected) => {
    expect(users(createKeyring(config(auths)).lookup(imageNamed(image)))).toEqual(expected);
  });

  it.each([
    ['docker.io/library/ubuntu', true],
    ['index.docker.io/x', true],
    ['localhost/app', true],
    ['MyHost/app', true],
    ['ubuntu', true],
    ['library/ubuntu', true],
    ['foo bar/x', true],
    ['%zz', true],
    ['localhost:5000/app', false],
    ['gcr.io/x', false],
    ['ex_ample.com/foo', false],
    ['', false],
    ['/x', false],
  ])('offers the Docker Hub entry to %j: %s', (image, offered) => {
    const { candidates } = createKeyring([entry('https://index.docker.io/v1/', 'hub')]).lookup(imageNamed(image));
    const rules = image === 'index.docker.io/x' ? ['literal'] : ['default-registry'];
    expect(candidates.map(({ rule }) => rule)).toEqual(offered ? rules : []);
  });

  it('offers it only when nothing else matches, and only under its exact key', () => {
    for (const key of ['docker.io', '*.*', '*.io']) {
      const keyring = createKeyring([entry('index.docker.io', 'hub'), entry(key, 'own')]);
      expect(users(keyring.lookup(parseImageName('docker.io/library/nginx')))).toEqual(['own']);
    }
    for (const key of ['registry-1.docker.io', 'hub.docker.com', 'index.docker.io/v1', 'https://index.docker.io/v1']) {
      expect(users(createKeyring([entry(key)]).lookup(parseImageName('docker.io/library/nginx')))).toEqual([]);
    }
    const both = createKeyring([entry('index.docker.io', '1'), entry('https://index.docker.io/v1/', '2')]);
    expect(users(both.lookup(parseImageName('localhost/app')))).toEqual(['1', '2']);
  });

  it('offers a registry entry to Docker Hub never, nor the Docker Hub entry to a named registry [A21]', () => {
    const keyring = createKeyring([entry('https://index.docker.io/v1/', 'hub'), entry('broken.example:bad', 'x')]);
    expect(users(keyring.lookup(parseImageName('broken.example/app')))).toEqual([]);
    expect(users(createKeyring([entry('r.example', 'x')]).lookup(parseImageName('docker.io/library/nginx')))).toEqual(
      [],
    );
  });

  it('gives every entry that is no candidate, with the reason [C12]', () => {
    const keyring = createKeyring([
      entry('r.io:443'),
      entry('a.r.io'),
      entry('x.io'),
      entry('r.io/other'),
      entry('*.io', 'yes'),
      entry('a:b:c'),
      entry('a[bc].io'),
      entry('index.docker.io'),
    ]);
    const { candidates, rejected } = keyring.lookup(parseImageName('r.io/team/app'));
    expect(candidates.map(({ rule }) => rule)).toEqual(['glob']);
    expect(rejected.map(({ key, reason, entry: { pattern } }) => [pattern, key, reason])).toEqual([
      ['x.io', 'x.io', 'label'],
      ['r.io:443', 'r.io:443', 'port'],
      ['r.io/other', 'r.io/other', 'path'],
      ['index.docker.io', 'index.docker.io', 'label-count'],
      ['a.r.io', 'a.r.io', 'label-count'],
      ['a:b:c', undefined, 'invalid-pattern'],
      ['a[bc].io', undefined, 'invalid-pattern'],
    ]);
    const unreadable = keyring.lookup(imageNamed('a b/x')).rejected.map(({ reason }) => reason);
    expect(new Set(unreadable)).toEqual(new Set(['invalid-image', 'invalid-pattern']));
  });

  it('does not reject what it offers as a fallback', () => {
    const { candidates, rejected } = createKeyring([entry('index.docker.io'), entry('r.io')]).lookup(
      parseImageName('localhost/x'),
    );
    expect(candidates).toHaveLength(1);
    expect(rejected.map(({ key }) => key)).toEqual(['r.io']);
  });

  it('keeps the order of the bytes where keys of one shape stand around a key of another', () => {
    const keys = ['abc*.b.io', 'a*.*.io', '*.b.io'];
    expect(users(createKeyring(keys.map((key) => entry(key))).lookup(parseImageName('abc.b.io/x')))).toEqual(keys);
  });

  it('takes the options of matching', () => {
    const segment = createKeyring([entry('r.io/team')], { pathMatch: 'segment' });
    expect(
      [segment.lookup(parseImageName('r.io/team/x')), segment.lookup(parseImageName('r.io/team-evil/x'))].map(users),
    ).toEqual([['r.io/team'], []]);
    const documented = createKeyring([entry('*my-registry.io/images'), entry('a.sub.my-registry.io')], {
      dialect: 'documented',
    });
    expect(users(documented.lookup(parseImageName('a.sub.my-registry.io/images/x')))).toEqual([
      'a.sub.my-registry.io',
      '*my-registry.io/images',
    ]);
    expect(() => createKeyring([entry('r.io')], { dialect: 'podman' as never })).toThrow(ImageError);
  });

  it('shows `rejected` to every printer, although it is worked out when read', () => {
    const result = createKeyring([entry('r.io'), entry('x.io')]).lookup(parseImageName('r.io/x'));
    expect(result.rejected).toBe(result.rejected);
    expect(Object.keys(result)).toEqual(['image', 'candidates', 'rejected', 'sources']);
    expect({ ...result }).toEqual({
      image: parseImageName('r.io/x'),
      candidates: result.candidates,
      rejected: result.rejected,
      sources: [],
    });
    expect(inspect(result, { depth: 3 })).toContain("reason: 'label'");
    expect(inspect({ ...result }, { depth: 3 })).toContain("reason: 'label'");
    expect(JSON.parse(JSON.stringify(result))).toMatchObject({ rejected: [{ key: 'x.io', reason: 'label' }] });
  });

  it.each([
    ['r.io/team', 'r.io/team-evil/app', true],
    ['r.io/team', 'r.io/team/app', false],
    ['r.io/team', 'r.io/team', false],
    ['r.io/team/', 'r.io/team/app', false],
    ['r.io', 'r.io/team', false],
    ['*.io/te', 'r.io/team', true],
  ])('tells when the path of %s ends within a segment of %s [A27]', (key, image, cutsSegment) => {
    const result = createKeyring([entry(key)]).lookup(imageNamed(image));
    expect(result.candidates.map((candidate) => candidate.cutsSegment)).toEqual([cutsSegment]);
    expect(formatLookup(result).includes('though its path ends within a segment')).toBe(cutsSegment);
    if (cutsSegment)
      expect(createKeyring([entry(key)], { pathMatch: 'segment' }).lookup(imageNamed(image)).candidates).toEqual([]);
  });

  it('hides every secret of its answers [L01]', () => {
    const password = canary('password');
    const auth = Buffer.from(`u:${password}`).toString('base64');
    const entries = parseDockerConfigJson(JSON.stringify({ auths: { 'r.io': { auth }, 'x.io': { password } } }));
    const result = createKeyring(entries).lookup(parseImageName('r.io/x'));
    expect(result.candidates).toHaveLength(1);
    expect(result).toMatchObject({ rejected: [{ key: 'x.io' }] });
  });

  it('reads its entries once, and leaves them as they were', () => {
    let reads = 0;
    const once = {
      *[Symbol.iterator]() {
        reads += 1;
        yield entry('r.io');
      },
    };
    const keyring = createKeyring(once);
    keyring.lookup(parseImageName('r.io/x'));
    expect(users(keyring.lookup(parseImageName('r.io/y')))).toEqual(['r.io']);
    expect(reads).toBe(1);
  });

  it('answers from an index: as fast with 50,000 entries as with 500', () => {
    const lookUpsIn = (length: number): (() => readonly number[]) => {
      const hosts = Array.from({ length }, (_, index) => `${index % 10 === 0 ? '*.' : ''}h${index}.example.com`);
      const keyring = createKeyring(hosts.map((host) => entry(host)));
      const images = Array.from({ length: 50 }, (_, at) => [
        imageNamed(`h${at + 1}.example.com/x`),
        imageNamed(`eu.h${at * 10}.example.com/x`),
      ]).flat();
      return () => images.map((image) => keyring.lookup(image).candidates.length);
    };
    const [few, many] = [lookUpsIn(500), lookUpsIn(50_000)];
    expect(many()).toEqual(few());
    expect(few().slice(0, 20)).toEqual([...Array.from({ length: 18 }, () => 1), 0, 1]);
    // A scan of all entries would take a hundred times as long.
    expect(growth(10, few, many)).toBeLessThan(10);
  });
});

describe('unionKeyrings', () => {
  const first = createKeyring([entry('r.io', 'P'), entry('x.io')]);
  const second = createKeyring([entry('r.io/team/app', 'N'), entry('index.docker.io', 'hub')]);
  const later = (keyring: Keyring): Keyring => ({ lookup: async (image) => keyring.lookup(image) });

  it('puts answers behind each other and counts ranks through', () => {
    const { candidates, rejected, image } = joinKeyrings(first, second).lookup(parseImageName('r.io/team/app'));
    expect(image).toEqual(parseImageName('r.io/team/app'));
    expect(candidates.map(({ rank, key }) => [rank, key])).toEqual([
      [1, 'r.io'],
      [2, 'r.io/team/app'],
    ]);
    expect(rejected.map(({ key }) => key)).toEqual(['x.io', 'index.docker.io']);
  });

  it('lets each keyring do its own fallback', () => {
    const own = createKeyring([entry('docker.io', 'own')]);
    expect(users(joinKeyrings(own, second).lookup(parseImageName('docker.io/library/nginx')))).toEqual(['own', 'hub']);
  });

  it('is empty when it is a union of nothing', () => {
    expect(joinKeyrings().lookup(parseImageName('r.io/x'))).toEqual({
      image: parseImageName('r.io/x'),
      candidates: [],
      rejected: [],
      sources: [],
    });
  });

  it('awaits keyrings that take time, one after the other, in order', async () => {
    const log: string[] = [];
    const slow = (name: string, ms: number): Keyring => ({
      async lookup(image) {
        log.push(`${name} asked`);
        await new Promise((resolve) => setTimeout(resolve, ms));
        log.push(`${name} answers`);
        return createKeyring([entry('r.io', name)]).lookup(image);
      },
    });
    const result = await joinKeyrings(first, slow('a', 5), slow('b', 0), second).lookup(
      parseImageName('r.io/team/app'),
    );
    expect(users(result)).toEqual(['P', 'a', 'b', 'N']);
    expect(result.candidates.map(({ rank }) => rank)).toEqual([1, 2, 3, 4]);
    expect(log).toEqual(['a asked', 'a answers', 'b asked', 'b answers']);
  });

  it('hands the signal on, and stops between keyrings with its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let seen: AbortSignal | undefined;
    let asked = false;
    const aborting: Keyring = {
      async lookup(image, options) {
        seen = options?.signal ?? undefined;
        controller.abort(reason);
        return first.lookup(image);
      },
    };
    const last: Keyring = {
      lookup(image) {
        asked = true;
        return second.lookup(image);
      },
    };
    const pending = joinKeyrings(aborting, last).lookup(parseImageName('r.io/x'), { signal: controller.signal });
    await expect(pending).rejects.toBe(reason);
    expect([seen === controller.signal, asked]).toEqual([true, false]);
  });

  it('passes the error of a keyring on', async () => {
    const broken: Keyring = { lookup: async () => Promise.reject(new Error('broken')) };
    await expect(joinKeyrings(later(first), broken).lookup(parseImageName('r.io/x'))).rejects.toThrow('broken');
  });
});

describe('formatLookup', () => {
  it('tells a ticket what is tried and what is not', () => {
    const source = { kind: 'secret', namespace: 'team', name: 'creds', uid: undefined } as const;
    const keyring = createKeyring([
      { ...entry('r.io/team'), source },
      { ...entry('*.io'), source: { kind: 'file', path: '/root/.docker/config.json' } },
      entry('x.io:5000'),
      entry('a:b:c'),
    ]);
    expect(formatLookup(keyring.lookup(parseImageName('r.io/team/app')))).toBe(
      [
        'r.io/team/app: 2 to try, in this order',
        '  1. r.io/team (secret team/creds): literal',
        '  2. *.io (file /root/.docker/config.json): glob',
        'not tried:',
        '  - x.io:5000 (inline): port',
        '  - a:b:c (inline): invalid-pattern',
      ].join('\n'),
    );
  });

  it('says what each source was asked and gave', () => {
    const source = { kind: 'plugin', provider: 'ecr', serviceAccount: undefined } as const;
    const report = { source, outcome: 'failed', detail: 'exit\ncode 1', error: undefined } as const;
    const result: LookupResult = { image: parseImageName('r.io/app'), candidates: [], rejected: [], sources: [report] };
    expect(formatLookup(result).split('\n').slice(1)).toEqual(['asked:', '  - plugin ecr: failed, exit\\x0acode 1']);
  });

  it('has a heading over a single entry that is not tried', () => {
    const text = formatLookup(createKeyring([entry('x.io')]).lookup(parseImageName('r.io/app')));
    expect(text.split('\n').slice(1)).toEqual(['not tried:', '  - x.io (inline): label']);
  });

  it('says when the pull is anonymous', () => {
    expect(formatLookup(createKeyring([]).lookup(parseImageName('r.io/x')))).toBe(
      'r.io/x: no credential, the pull is anonymous',
    );
  });

  it('shows no user, no password, and nothing secret of a key [L01]', () => {
    const secret = canary('password');
    const keyring = createKeyring([
      entry('r.io', secret),
      entry(`user:${secret}@x.io`),
      entry(`https://user:${secret}@a:b:c?token=${secret}`),
      entry(`a:b:c#${secret}`),
      entry(`a:b:c?\n${secret}`),
      entry('line\nbreak'),
    ]);
    const text = formatLookup(keyring.lookup(parseImageName('r.io/app')));
    expect(text).not.toContain(secret);
    expect(text.split('\n').slice(3)).toEqual([
      '  - x.io (inline): label',
      '  - https://a:b:c (inline): invalid-pattern',
      '  - a:b:c (inline): invalid-pattern',
      '  - a:b:c (inline): invalid-pattern',
      '  - line\\x0abreak (inline): invalid-pattern',
    ]);
  });

  it('escapes what could forge a line', () => {
    const result: LookupResult = { image: imageNamed('r.io/x\n  1. evil'), candidates: [], rejected: [], sources: [] };
    expect(formatLookup(result).split('\n')).toHaveLength(1);
  });
});
