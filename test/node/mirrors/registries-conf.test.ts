import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createKeyring } from 'kubepull/keyring';
import { readRegistriesConf, type RegistriesConf, type RegistriesConfOptions } from 'kubepull/node';
import { parseDockerReference } from 'kubepull/reference';
import { canary } from '../../support/canary.ts';
import { startRegistry } from '../../support/registry.ts';
import { tempDir, type TempDir } from '../../support/temp-dir.ts';
import { endpointRows, entryFor, imageOf, pull } from '../../puller/mirrors-support.ts';

let temp: TempDir;
beforeEach(() => {
  temp = tempDir();
  mkdirSync(join(temp.path, 'registries.conf.d'));
});

const put = (content: string, name = 'registries.conf'): string => temp.secretFile(name, content);

const read = (options: RegistriesConfOptions = {}): Promise<RegistriesConf> =>
  readRegistriesConf({
    path: join(temp.path, 'registries.conf'),
    dropInDirectories: [join(temp.path, 'registries.conf.d')],
    ...options,
  });

/** Where a reference leads, as `origin/repository`; the registry itself in brackets. */
async function places(image: string, options?: RegistriesConfOptions): Promise<readonly string[]> {
  const found = await (await read(options)).endpoints(parseDockerReference(image));
  return found.map(({ origin, repository, upstream, anonymous }) => {
    const place = `${origin}/${repository}${anonymous ? ' anonymous' : ''}`;
    return upstream ? `[${place}]` : place;
  });
}

const registry = (prefix: string, location: string, more = ''): string =>
  `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\n${more}\n`;

const digest = `sha256:${'a'.repeat(64)}`;

describe('readRegistriesConf', () => {
  it('gives the mirrors in order, then the location', async () => {
    put(`[[registry]]
      location = "docker.io"
      [[registry.mirror]]
      location = "mirror.test:5000/hub/"
      [[registry.mirror]]
      location = "second.test"`);
    expect(await places('nginx')).toEqual([
      'https://mirror.test:5000/hub/library/nginx',
      'https://second.test/library/nginx',
      '[https://registry-1.docker.io/library/nginx]',
    ]);
  });

  it('names no registry in the query, as podman does', async () => {
    put('[[registry]]\nlocation = "r.test"\n[[registry.mirror]]\nlocation = "m.test"');
    const found = await (await read()).endpoints(parseDockerReference('r.test/app'));
    expect(found).toEqual([
      {
        origin: 'https://m.test',
        apiPath: '/v2',
        repository: 'app',
        namespace: undefined,
        capabilities: ['pull', 'resolve'],
        upstream: false,
        anonymous: false,
      },
      expect.objectContaining({ origin: 'https://r.test', upstream: true }),
    ]);
  });

  it.each([
    ['r.test/team/app', 'r.test/team/app', 'm.test/x', 'https://m.test/x'],
    ['r.test/team/app:1', 'r.test/team', 'm.test/x', 'https://m.test/x/app'],
    ['r.test/team/app:1', 'r.test', 'm.test', 'https://m.test/team/app'],
    [`r.test/team/app@${digest}`, 'r.test/team/app', 'm.test/x', 'https://m.test/x'],
    ['r.test/team/app', 'r.test/', 'm.test/', 'https://m.test/team/app'],
    ['r.test/team/app:1', 'r.test/team/app:1', 'm.test/x:1', 'https://m.test/x'],
    ['r.test:5000/app', 'r.test:5000', 'm.test', 'https://m.test/app'],
    ['nginx', 'docker.io/library', 'm.test', 'https://m.test/nginx'],
    ['nginx', 'docker.io', 'docker.io/mine', 'https://registry-1.docker.io/mine/library/nginx'],
    ['a.b.r.test/app', '*.r.test', 'm.test', 'https://m.test/app'],
    ['a.r.test:5000/app', '*.r.test:5000', 'm.test', 'https://m.test/app'],
    ['a.r.test/app', '*.r.test', '', 'https://a.r.test/app'],
  ])('sends %s with the prefix %s to %s', async (image, prefix, location, place) => {
    put(registry(prefix, location));
    expect(await places(image)).toEqual([`[${place}]`]);
  });

  it.each([
    ['r.test/team-b/app', 'r.test/team'],
    ['r.test.evil.test/app', 'r.test'],
    ['r.test/app', '*.r.test'],
    ['evil.test/a.r.test/app', '*.r.test'],
    ['a.r.test.evil.test/app', '*.r.test'],
    ['nginx', 'nginx.test'],
    ['r.test/app:2', 'r.test/app:1'],
  ])('leaves %s alone with the prefix %s', async (image, prefix) => {
    put(registry(prefix, 'm.test'));
    expect(await places(image)).toEqual([]);
  });

  it('lets the longest prefix decide, wherever it stands', async () => {
    const tables = [
      registry('r.test', 'one.test'),
      registry('r.test/team/app', 'three.test/x'),
      registry('r.test/team', 'two.test'),
      registry('*.test', 'wild.test'),
    ];
    for (const order of [tables, tables.toReversed()]) {
      put(order.join(''));
      expect(await places('r.test/team/app:1')).toEqual(['[https://three.test/x]']);
      expect(await places('r.test/team/other')).toEqual(['[https://two.test/other]']);
      expect(await places('r.test/other')).toEqual(['[https://one.test/other]']);
    }
  });

  it('takes mirrors for the references that they are for', async () => {
    put(`[[registry]]
      location = "r.test"
      [[registry.mirror]]
      location = "both.test"
      [[registry.mirror]]
      location = "tags.test"
      pull-from-mirror = "tag-only"
      [[registry.mirror]]
      location = "digests.test"
      pull-from-mirror = "digest-only"
      [[registry]]
      location = "d.test"
      mirror-by-digest-only = true
      [[registry.mirror]]
      location = "digests.test"`);
    expect(await places('r.test/app:1')).toEqual([
      'https://both.test/app',
      'https://tags.test/app',
      '[https://r.test/app]',
    ]);
    expect(await places(`r.test/app:1@${digest}`)).toEqual([
      'https://both.test/app',
      'https://digests.test/app',
      '[https://r.test/app]',
    ]);
    expect(await places('d.test/app')).toEqual(['[https://d.test/app]']);
    expect(await places(`d.test/app@${digest}`)).toEqual(['https://digests.test/app', '[https://d.test/app]']);
  });

  it('refuses to pull from a blocked registry', async () => {
    put(`${registry('r.test', 'r.test', 'blocked = true')}${registry('r.test/free', 'r.test/free')}`);
    await expect(pull('r.test/app', { endpoints: (await read()).endpoints })).rejects.toMatchObject({
      code: 'ERR_REQUEST_REFUSED',
      rule: 'blocked-registry',
    });
    expect(await places('r.test/free/app')).toEqual(['[https://r.test/free/app]']);
  });

  it('lets drop-in files replace tables and lists, by their names', async () => {
    put(
      `unqualified-search-registries = ["one.test"]\n${registry('r.test', 'one.test')}${registry('s.test', 'one.test')}`,
    );
    put(registry('r.test', 'three.test'), 'registries.conf.d/20.conf');
    put(`unqualified-search-registries = []\n${registry('r.test', 'two.test')}`, 'registries.conf.d/10.conf');
    put(registry('r.test', 'none.test'), 'registries.conf.d/30.conf.bak');
    expect(await places('r.test/app')).toEqual(['[https://three.test/app]']);
    expect(await places('s.test/app')).toEqual(['[https://one.test/app]']);
    expect((await read()).unqualifiedSearchRegistries).toEqual([]);
    expect((await read({ dropInDirectories: [] })).unqualifiedSearchRegistries).toEqual(['one.test']);
  });

  it('has nothing to say when there is no file', async () => {
    const config = await read({ dropInDirectories: [join(temp.path, 'none')] });
    expect(await config.endpoints(parseDockerReference('nginx'))).toEqual([]);
    expect(config).toMatchObject({ tls: {}, ignored: [], unqualifiedSearchRegistries: [] });
  });

  it('asks an insecure place over unverified TLS, and over plain HTTP without a credential', async () => {
    put(
      `${registry('r.test', 'r.test', 'insecure = true')}[[registry.mirror]]\nlocation = "m.test:5000"\ninsecure = true`,
    );
    expect(await places('r.test/app')).toEqual([
      'https://m.test:5000/app',
      'http://m.test:5000/app anonymous',
      '[https://r.test/app]',
      '[http://r.test/app anonymous]',
    ]);
    expect(await places('r.test/app', { plainHttp: ['m.test:5000', 'r.test'] })).toEqual([
      'http://m.test:5000/app',
      '[http://r.test/app]',
    ]);
    expect((await read()).tls).toEqual({
      'm.test:5000': { insecureSkipVerify: true },
      'http://m.test:5000': { insecureSkipVerify: true },
      'r.test': { insecureSkipVerify: true },
      'http://r.test': { insecureSkipVerify: true },
    });
  });

  it('speaks no plain HTTP with a host that is not insecure', async () => {
    put(registry('r.test', 'r.test'));
    expect(await places('r.test/app', { plainHttp: ['r.test'] })).toEqual(['[https://r.test/app]']);
  });

  it('keeps the verification of a host that is also used securely, and tells', async () => {
    const path = put(
      registry('r.test/dev', 'r.test/dev', 'insecure = true') +
        registry('r.test/prod', 'r.test/prod') +
        registry('*.any.test', '', 'insecure = true'),
    );
    const { tls, ignored } = await read();
    expect(tls).toEqual({});
    expect(ignored).toEqual([
      { path, setting: 'insecure', reason: 'another table has the same host, and is secure' },
      { path, setting: 'insecure', reason: 'it is for more than one host' },
    ]);
  });

  it('tells what has no effect', async () => {
    const path = put('short-name-mode = "enforcing"\ncredential-helpers = ["x"]\n[aliases]\n"a" = "r.test/a"\n');
    expect((await read()).ignored.map((found) => [found.path, found.setting])).toEqual([
      [path, 'short-name-mode'],
      [path, 'aliases'],
      [path, 'credential-helpers'],
    ]);
  });

  it.each([
    ['version 1', '[registries.search]\nregistries = ["r.test"]', 'it is of version 1, which podman gave up'],
    ['a registry without place', '[[registry]]', 'a registry has neither prefix nor location'],
    ['a prefix without location', '[[registry]]\nprefix = "r.test"', 'a registry has a prefix and no location'],
    ['a mirror without place', '[[registry]]\nlocation = "r.test"\n[[registry.mirror]]', 'a mirror has no location'],
    ['a wildcard with a path', registry('*.r.test/x', 'm.test'), 'a prefix must be a host'],
    ['a wildcard inside', registry('a.*.test', 'm.test'), 'a prefix must be a host'],
    ['a scheme', registry('r.test', 'https://m.test'), 'a prefix or location has a scheme'],
    ['a wrong type', '[[registry]]\nlocation = "r.test"\nblocked = "yes"', 'blocked must be true or false'],
    ['a table that is none', 'registry = 1', 'registry must be a list of tables'],
    [
      'two ways to say digest-only',
      '[[registry]]\nlocation = "r.test"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.test"\npull-from-mirror = "all"',
      'exclude each other',
    ],
    [
      'a mirror for nothing',
      '[[registry]]\nlocation = "r.test"\n[[registry.mirror]]\nlocation = "m.test"\npull-from-mirror = "never"',
      'pull-from-mirror has an unknown value',
    ],
    [
      'one place that is insecure and not',
      registry('a.test', 'm.test', 'insecure = true') + registry('b.test', 'm.test'),
      'registries at the same location differ in insecure or blocked',
    ],
  ])('refuses %s', async (_, text, reason) => {
    const path = put(text);
    const error = { code: 'ERR_CONFIG_INVALID', message: expect.stringContaining(reason) as string };
    await expect(read()).rejects.toMatchObject(error);
    await expect(read()).rejects.toThrow(`Cannot use "${path}": `);
  });

  it.each([
    ['a location without host', registry('r.test', 'mirror'), 'r.test/app'],
    ['a location with another tag', registry('r.test/app:1', 'm.test/app:2'), 'r.test/app:1'],
  ])('refuses to pull by %s', async (_, text, image) => {
    put(text);
    const { endpoints } = await read();
    await expect(pull(image, { endpoints })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it.each([
    (secret: string) => `u:${secret}@m.test`,
    (secret: string) => `${secret}@m.test/x`,
    (secret: string) => `https://u:${secret}@m.test`,
    (secret: string) => `m.test/x?${secret}`,
    (secret: string) => `m.test/x#${secret}`,
    (secret: string) => `127.0.0.1%2f${secret}@m.test`,
    (secret: string) => `m.test/%2e%2e/${secret}`,
    (secret: string) => `m.test\\\\${secret}`,
    (secret: string) => `m.test/A ${secret}`,
  ])('refuses a place that is more than host and path, without showing it: %s [A18]', async (make) => {
    const place = make(canary('proxy-password'));
    for (const text of [
      registry('r.test', place),
      registry(place, 'm.test'),
      `[[registry]]\nlocation = "r.test"\n[[registry.mirror]]\nlocation = "${place}"`,
    ]) {
      put(text);
      await expect(read()).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    }
  });

  it('tells the line of a fault, and nothing of the text', async () => {
    const token = canary('password');
    const path = put(`# a comment\n[[registry]]\nlocation = ${token}\n`);
    await expect(read()).rejects.toMatchObject({ message: `Cannot use "${path}": line 3 is not TOML` });
    put('');
    const dropIn = put(`x = "${token}`, 'registries.conf.d/10.conf');
    await expect(read()).rejects.toMatchObject({ message: `Cannot use "${dropIn}": line 1 is not TOML` });
  });

  it('pulls through the mirror with its own credential, and from plain HTTP without any', async () => {
    const [mirror, upstream] = [await startRegistry({}), await startRegistry({})];
    for (const { push } of [mirror, upstream]) push('team/app', '1', imageOf('same'));
    const keyring = createKeyring([
      entryFor(mirror.host, canary('password', [])),
      entryFor(upstream.host, canary('password', [])),
    ]);
    put(`[[registry]]
      location = "${upstream.host}"
      insecure = true
      [[registry.mirror]]
      location = "${mirror.host}"
      insecure = true`);
    const { endpoints } = await read();
    const { pulled, events } = await pull(`${upstream.host}/team/app:1`, { endpoints, keyring });
    expect(pulled).toMatchObject({ endpoint: { origin: mirror.origin }, source: { kind: 'anonymous' } });
    expect(endpointRows(events).map((row) => row.replace(mirror.host, 'mirror'))).toEqual([
      'pull https://mirror trying',
      'pull https://mirror failed',
      'pull http://mirror trying',
      'pull http://mirror served',
    ]);
    expect(upstream.requests).toEqual([]);
  });
});
