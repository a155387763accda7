import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ServiceAccountAccess } from 'kubepull/credential-provider';
import { createSecret } from 'kubepull/docker-config';
import { formatLookup, type LookupResult } from 'kubepull/keyring';
import { openNodeKeyring } from 'kubepull/node';
import { createFakeClock } from 'kubepull/testing';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../../support/canary.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';

const PROTOCOL = 'credentialprovider.kubelet.k8s.io/v1';
const users = ({ candidates }: LookupResult): readonly string[] =>
  candidates.map(({ entry }) => entry.credential.username);

function writeConfig(root: TempDir, username: string): void {
  root.secretFile('config.json', JSON.stringify({ auths: { 'r.io': { username, password: canary('password') } } }));
}

function writePlugin(root: TempDir, username: string): { readonly configPath: string; readonly binDir: string } {
  const binDir = join(root.path, 'bin');
  mkdirSync(binDir);
  const response = {
    kind: 'CredentialProviderResponse',
    apiVersion: PROTOCOL,
    cacheKeyType: 'Registry',
    auth: { 'r.io/team': { username, password: 'p' } },
  };
  writeFileSync(join(binDir, 'plugin'), `#!/bin/sh\necho '${JSON.stringify(response)}'\n`);
  chmodSync(join(binDir, 'plugin'), 0o755);
  const configPath = join(root.path, 'plugins.json');
  const provider = { name: 'plugin', matchImages: ['r.io'], defaultCacheDuration: '1h', apiVersion: PROTOCOL };
  const config = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers: [provider] };
  writeFileSync(configPath, JSON.stringify(config));
  return { configPath, binDir };
}

const places = (root: TempDir) => ({
  rootDir: root.path,
  workingDir: join(root.path, 'none'),
  home: join(root.path, 'home'),
});

describe('createNodeKeyring', () => {
  it('asks the files first, then the plugins, however specific their keys are, and says what each did', async () => {
    const root = tempDir();
    writeConfig(root, 'file');
    const keyring = await openNodeKeyring({ ...places(root), plugins: writePlugin(root, 'plugin') });
    const result = await keyring.lookup(parseImageName('r.io/team/app'));
    expect(users(result)).toEqual(['file', 'plugin']);
    expect(result.sources.map(({ source, outcome }) => [source.kind, outcome])).toEqual([
      ['file', 'fetched'],
      ['plugin', 'fetched'],
    ]);
    const text = formatLookup(
      await keyring
        .forPod({ namespace: 'n', name: 'p', uid: 'u', serviceAccountName: '' })
        .lookup(parseImageName('r.io/team/app')),
    );
    expect(text).toContain(
      `asked:\n  - file ${root.path}/config.json: cached, 1 entries\n  - plugin plugin: cached, by registry`,
    );
  });

  it('says which places it looked at in vain', async () => {
    const root = tempDir();
    writeFileSync(join(root.path, 'config.json'), '{');
    const { sources } = await (await openNodeKeyring(places(root))).lookup(parseImageName('r.io/x'));
    expect(sources).toHaveLength(8);
    expect(sources[0]).toMatchObject({
      outcome: 'failed',
      detail: `Cannot read docker config from file ${root.path}/config.json: unexpected end of JSON input at byte 1`,
      source: { path: `${root.path}/config.json` },
      error: { code: 'ERR_CONFIG_INVALID', offset: 1 },
    });
    expect(sources[1]).toMatchObject({ outcome: 'unsuited', detail: 'missing' });
  });

  it('reads the files again after five minutes, and not before', async () => {
    const [root, clock] = [tempDir(), createFakeClock()];
    writeConfig(root, 'first');
    const keyring = await openNodeKeyring({ ...places(root), clock });
    expect(users(await keyring.lookup(parseImageName('r.io/x')))).toEqual(['first']);
    writeConfig(root, 'second');
    await clock.advance(299_999);
    clock.setWallClock(clock.now() + 1e9);
    expect(users(await keyring.lookup(parseImageName('r.io/x')))).toEqual(['first']);
    await clock.advance(1);
    expect(users(await keyring.lookup(parseImageName('r.io/x')))).toEqual(['second']);
  });

  it('reads the files once for all that look at the same time, and again after a failure', async () => {
    const root = tempDir();
    writeConfig(root, 'first');
    let reads = 0;
    const options = {
      ...places(root),
      get home(): string {
        reads += 1;
        // The first is that of the check when the keyring is opened.
        if (reads === 2) throw new Error('there is no working directory');
        return root.path;
      },
    };
    const keyring = await openNodeKeyring(options);
    await expect(keyring.lookup(parseImageName('r.io/x'))).rejects.toThrow('there is no working directory');
    const all = await Promise.all(Array.from({ length: 20 }, async () => keyring.lookup(parseImageName('r.io/x'))));
    expect(all.map((result) => users(result))).toEqual(all.map(() => ['first']));
    // A reading looks twice: once to check, once to use it.
    expect(reads).toBe(4);
  });

  it('asks plugins on behalf of the pod', async () => {
    const root = tempDir();
    const { configPath, binDir } = writePlugin(root, 'plugin');
    const config = JSON.parse(readFileSync(configPath, 'utf8')) as { providers: object[] };
    const tokenAttributes = { serviceAccountTokenAudience: 'a', requireServiceAccount: true, cacheType: 'Token' };
    const providers = config.providers.map((provider) => ({ ...provider, tokenAttributes }));
    writeFileSync(configPath, JSON.stringify({ ...config, providers }));
    const serviceAccounts: ServiceAccountAccess = {
      get: ({ name }) => Promise.resolve({ uid: `${name}-uid`, annotations: {} }),
      createToken: () => Promise.resolve(createSecret(canary('service-account-token'))),
    };
    const keyring = await openNodeKeyring({ ...places(root), plugins: { configPath, binDir, serviceAccounts } });
    const pod = { namespace: 'n', name: 'p', uid: 'u', serviceAccountName: 'sa' };
    const { candidates } = await keyring.forPod(pod).lookup(parseImageName('r.io/team/app'));
    const serviceAccount = { namespace: 'n', name: 'sa', uid: 'sa-uid' };
    expect(candidates.map(({ entry }) => entry.source)).toEqual([
      { kind: 'plugin', provider: 'plugin', serviceAccount },
    ]);
    expect((await keyring.lookup(parseImageName('r.io/team/app'))).candidates).toEqual([]);
  });

  it('refuses, as kubelet at its start, a plugin that is not there', async () => {
    const root = tempDir();
    const plugins = writePlugin(root, 'plugin');
    await expect(openNodeKeyring({ plugins: { ...plugins, binDir: root.path } })).rejects.toThrow(
      `Cannot run plugin "plugin": "${root.path}/plugin" does not exist`,
    );
  });

  it('refuses, as kubelet at its start, a plugin that cannot be run', async () => {
    const root = tempDir();
    const plugins = writePlugin(root, 'plugin');
    const path = join(plugins.binDir, 'plugin');
    const refusal = `Cannot run plugin "plugin": "${path}" is not executable`;
    chmodSync(path, 0o644);
    await expect(openNodeKeyring({ plugins })).rejects.toThrow(refusal);
    rmSync(path);
    mkdirSync(path);
    await expect(openNodeKeyring({ plugins })).rejects.toThrow(refusal);
  });
});
