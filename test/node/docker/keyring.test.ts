import {
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Credential, createSecret } from 'kubepull/docker-config';
import type { LookupResult } from 'kubepull/keyring';
import { logInToDocker, logOutOfDocker, loadDockerKeyring } from 'kubepull/node';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../../support/canary.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { homeWith } from './home.ts';

const credentialOf = (username: string, password: string): Credential => ({
  username,
  password: createSecret(password),
  identityToken: undefined,
  registryToken: undefined,
  email: undefined,
});
const users = ({ candidates }: LookupResult): readonly string[] =>
  candidates.map(({ entry }) => entry.credential.username);

const auths = (username: string, key = 'r.io') => ({ auths: { [key]: { username, password: canary('password') } } });
const answering = (username: string, secret: string): string =>
  `read server; [ "$1" = get ] && printf '{"ServerURL":"%s","Username":"${username}","Secret":"${secret}"}' "$server"`;

describe('loadDockerKeyring', () => {
  it('looks where Docker and podman look, in their order, and says what it found', async () => {
    const { path, env, write } = homeWith();
    write('podman.json', auths('podman'));
    write('run/containers/auth.json', auths('runtime'));
    write('.config/containers/auth.json', auths('config'));
    write('.docker/config.json', auths('docker'));
    const all = { ...env, XDG_RUNTIME_DIR: join(path, 'run'), REGISTRY_AUTH_FILE: join(path, 'podman.json') };
    const keyring = await loadDockerKeyring({ env: { ...all, DOCKER_AUTH_CONFIG: JSON.stringify(auths('inline')) } });
    expect(users(await keyring.lookup(parseImageName('r.io/x')))).toEqual([
      'inline',
      'podman',
      'runtime',
      'config',
      'docker',
    ]);
    const elsewhere = await loadDockerKeyring({ env: { ...env, DOCKER_CONFIG: join(path, 'none') } });
    const { sources } = await elsewhere.lookup(parseImageName('r.io/x'));
    expect(sources.map(({ source, detail }) => [source.kind === 'file' && source.path, detail])).toEqual([
      [join(path, '.config/containers/auth.json'), '1 entries'],
      [join(path, 'none/config.json'), 'missing'],
    ]);
  });

  it('reads identity tokens, which kubelet ignores', async () => {
    const { env, write } = homeWith();
    const token = canary('identity-token');
    write('.docker/config.json', { auths: { 'r.io': { auth: 'dTpw', identitytoken: token } } });
    const { candidates } = await (await loadDockerKeyring({ env })).lookup(parseImageName('r.io/x'));
    expect(candidates[0]?.entry.credential.identityToken?.reveal() === token).toBe(true);
  });

  it('asks the helper of the registry, else that for all others, each by the name that Docker uses', async () => {
    const secret = canary('password');
    const { env, write } = homeWith({
      hub: answering('hub', secret),
      other: answering('other', secret),
    });
    write('.docker/config.json', { credHelpers: { 'https://index.docker.io/v1/': 'hub' }, credsStore: 'other' });
    const keyring = await loadDockerKeyring({ env });
    const hub = await keyring.lookup(parseImageName('docker.io/library/nginx'));
    expect(hub.candidates.map(({ entry }) => [entry.pattern, entry.source])).toEqual([
      ['https://index.docker.io/v1/', { kind: 'helper', helper: 'hub' }],
    ]);
    expect(users(await keyring.lookup(parseImageName('r.io:5000/x')))).toEqual(['other']);
  });

  it.each(['docker.io', 'index.docker.io', 'https://index.docker.io/v1/', 'registry-1.docker.io'])(
    'asks the helper that Docker Hub has under the key %s',
    async (key) => {
      const { env, write } = homeWith({ hub: answering('hub', canary('password')) });
      write('.docker/config.json', { credHelpers: { [key]: 'hub' } });
      const keyring = await loadDockerKeyring({ env });
      expect(users(await keyring.lookup(parseImageName('nginx')))).toEqual(['hub']);
      expect(users(await keyring.lookup(parseImageName('registry-1.docker.io/team/app')))).toEqual(['hub']);
      expect(users(await keyring.lookup(parseImageName('localhost/app')))).toEqual([]);
    },
  );

  it.each([
    ['https://index.docker.io/v1/', 'localhost/app', false],
    ['registry-1.docker.io', 'nginx', true],
    ['quay.io/us', 'quay.io/user/app', false],
    ['quay.io/us', 'quay.io/us/app', true],
    ['*.example.com', 'eu.example.com/app', false],
    ['https://r.example/v1/team', 'r.example/app', true],
  ])('offers the entry %s to %s: %s', async (key, image, offered) => {
    const { env, write } = homeWith();
    write('.docker/config.json', auths('file', key));
    const keyring = await loadDockerKeyring({ env });
    expect(users(await keyring.lookup(parseImageName(image)))).toEqual(offered ? ['file'] : []);
  });

  it('takes <token> for an identity token', async () => {
    const secret = canary('identity-token');
    const { env, write } = homeWith({ x: answering('<token>', secret) });
    write('.docker/config.json', { credsStore: 'x' });
    const { candidates } = await (await loadDockerKeyring({ env })).lookup(parseImageName('r.io/x'));
    expect(candidates[0]?.entry.credential).toMatchObject({ username: '' });
    expect(candidates[0]?.entry.credential.identityToken?.reveal() === secret).toBe(true);
  });

  describe('gives nothing for a registry whose helper is broken, not another credential either, when it [A21]', () => {
    const secret = canary;
    it.each([
      ['fails', () => `echo "${secret('plugin-output')}"; exit 1`, 'it ended with status 1'],
      ['names its fault', () => 'echo "no credentials server URL"; exit 1', 'no credentials server URL'],
      ['answers nonsense', () => `echo "${secret('plugin-output')}"`, 'it did not answer with a credential'],
      ['hangs', () => 'sleep 60', 'it took longer than 1.5 s'],
      ['is killed', () => 'kill -9 $$', 'it was killed by SIGKILL'],
    ])('%s', async (_, script, reason) => {
      const { env, write } = homeWith({ broken: script() });
      const { auths: entries } = auths('file', 'https://index.docker.io/v1/');
      write('.docker/config.json', {
        auths: { ...entries, ...auths('other').auths },
        credHelpers: { 'r.io': 'broken' },
      });
      const keyring = await loadDockerKeyring({ env, helperTimeoutMs: 1500 });
      const result = await keyring.lookup(parseImageName('r.io/x'));
      expect(result.candidates).toEqual([]);
      expect(result.sources.at(-1)).toMatchObject({ outcome: 'failed', error: { code: 'ERR_CREDENTIAL_PROVIDER' } });
      expect(result.sources.at(-1)?.detail).toBe(`Cannot use "get" of credential helper "broken": ${reason}`);
      expect(users(await keyring.lookup(parseImageName('docker.io/library/nginx')))).toEqual(['file']);
    });

    it.each(['none', '../x', 'a b', ''])('does not exist, or is no name: %j', async (helper) => {
      const { env, write } = homeWith();
      write('.docker/config.json', { ...auths('file'), credHelpers: { 'r.io': helper } });
      const { candidates, sources } = await (await loadDockerKeyring({ env })).lookup(parseImageName('r.io/x'));
      expect(candidates).toEqual([]);
      expect(sources.at(-1)?.detail).toMatch(/^Cannot run credential helper /);
    });
  });

  it('is content with a helper that has nothing', async () => {
    const { env, write } = homeWith({ x: 'echo "credentials not found in native keychain"; exit 1' });
    write('.docker/config.json', { credsStore: 'x' });
    const { candidates, sources } = await (await loadDockerKeyring({ env })).lookup(parseImageName('r.io/x'));
    expect(candidates).toEqual([]);
    expect(sources.at(-1)).toMatchObject({ outcome: 'fetched', detail: 'it has no credential' });
  });
});

describe('dockerLogin and dockerLogout', () => {
  it('makes the file for its owner alone, and what it wrote can be looked up', async () => {
    const { path, env } = homeWith();
    const password = canary('password');
    // The canary hook searches new files; this one is to hold the secret.
    const file = tempDir().secretFile('config.json', '');
    const result = await logInToDocker('docker.io', credentialOf('jane', password), { env, path: file });
    expect(result).toEqual({ path: file, helper: undefined, changed: true });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const found = await loadDockerKeyring({ env: { HOME: path, DOCKER_CONFIG: join(file, '..') } });
    const { candidates } = await found.lookup(parseImageName('docker.io/library/nginx'));
    expect(candidates[0]?.entry.credential.password.reveal() === password).toBe(true);
    expect(await logOutOfDocker('docker.io', { env, path: file })).toMatchObject({ changed: true });
    expect(readFileSync(file, 'utf8')).not.toContain('index.docker.io');
    expect(await logOutOfDocker('docker.io', { env, path: file })).toMatchObject({ changed: false });
    expect(readdirSync(join(file, '..'))).toEqual(['config.json']);
  });

  it.each([
    [
      'two spaces',
      '{\n  "auths": {\n    "a.io": {\n      "auth": "dTpw"\n    }\n  },\n  "x-unknown": [1, 2.50, {"k":  "v"}]\n}\n',
    ],
    ['tabs', '{\n\t"HttpHeaders": {"User-Agent": "Docker"},\n\t"auths": {}\n}'],
    ['one line', '{"psFormat":"table","auths":{"a.io":{"auth":"dTpw"}},"n":1e400}'],
    ['CRLF', '{\r\n  "proxies": {}\r\n}\r\n'],
  ])('keeps the rest of a file in %s, byte for byte', async (_, text) => {
    const { env } = homeWith();
    const file = tempDir().secretFile('config.json', text);
    await logInToDocker('r.io', credentialOf('jane', canary('password')), { env, path: file });
    const after = readFileSync(file, 'utf8');
    for (const part of [
      '"auth": "dTpw"',
      '"x-unknown": [1, 2.50, {"k":  "v"}]',
      '"n":1e400',
      '{"User-Agent": "Docker"}',
    ])
      expect(after.includes(part)).toBe(text.includes(part));
    await logOutOfDocker('r.io', { env, path: file });
    const hadAuths = text.includes('"auths"');
    if (hadAuths) expect(readFileSync(file, 'utf8').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
  });

  it('follows a link to the file, and leaves the link', async () => {
    const [{ env }, home] = [homeWith(), tempDir()];
    const file = home.secretFile('real.json', '{}');
    const link = home.secretFile('config.json', '');
    rmSync(link);
    symlinkSync('real.json', link);
    await logInToDocker('r.io', credentialOf('jane', canary('password')), { env, path: link });
    expect(readFileSync(file, 'utf8')).toContain('r.io');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  it.each([
    ['no JSON', '{"auths":'],
    ['a list', '[]'],
    ['comments', '{} // mine'],
    ['auths twice', '{"auths":{},"auths":{}}'],
    ['auths in other case', '{"Auths":{}}'],
    ['an entry twice', '{"auths":{"r.io":{},"r.io":{}}}'],
    ['an auth that cannot be decoded', '{"auths":{"r.io":{"auth":"*"}}}'],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')],
  ])('never touches a file with %s', async (name, text) => {
    const { env } = homeWith();
    const file = tempDir().secretFile('config.json', text);
    if (name === 'bytes that are no text') writeFileSync(file, Buffer.from(text, 'latin1'));
    const before = readFileSync(file);
    const login = logInToDocker('r.io', credentialOf('jane', canary('password')), { env, path: file });
    await expect(login).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    await expect(logOutOfDocker('r.io', { env, path: file })).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('hands the login to the helper of the registry, and none of it to the file, its arguments or its environment', async () => {
    const password = canary('password');
    const log = tempDir();
    const script = `case "$1" in store) cat > ${log.path}/stored;; erase) cat > ${log.path}/erased;; esac; { tr '\\0' ' ' < /proc/$$/cmdline; env; } > ${log.path}/seen`;
    const { env, write } = homeWith({ keeper: script });
    const file = write('.docker/config.json', { credHelpers: { 'r.io': 'keeper' } });
    log.secretFile('stored', '');
    expect(await logInToDocker('r.io', credentialOf('jane', password), { env })).toMatchObject({ helper: 'keeper' });
    expect(JSON.parse(readFileSync(join(log.path, 'stored'), 'utf8')).Secret === password).toBe(true);
    expect(readFileSync(join(log.path, 'seen'), 'utf8')).toContain('docker-credential-keeper store');
    await logOutOfDocker('r.io', { env });
    expect(readFileSync(join(log.path, 'erased'), 'utf8')).toBe('r.io');
    expect(readFileSync(file, 'utf8')).toBe('{"credHelpers":{"r.io":"keeper"}}');
  });

  it.each(['', 'https://r.io', 'r.io/team', 'a b', '__proto__/x'])('refuses the registry %j', async (registry) => {
    const { env, path } = homeWith();
    await expect(logInToDocker(registry, credentialOf('u', 'p'), { env })).rejects.toThrow('it is not a host');
    expect(existsSync(join(path, '.docker'))).toBe(false);
  });
});
