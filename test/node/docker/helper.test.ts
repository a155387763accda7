import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LookupResult } from 'kubepull/keyring';
import { createDockerHelper, loadDockerKeyring } from 'kubepull/node';
import { resolvePullSecretEntries } from 'kubepull/pull-secrets';
import { parseImageName } from 'kubepull/reference';
import { homeWith } from './home.ts';

async function lookup(script: string, paths: readonly string[] = []): Promise<LookupResult> {
  const { env, path, write } = homeWith({ h: `cat >/dev/null; ${script}` });
  write('.docker/config.json', { credsStore: 'h' });
  const first = paths.map((name) => join(path, name));
  for (const directory of first) mkdirSync(join(directory, 'docker-credential-h'), { recursive: true });
  const keyring = await loadDockerKeyring({ env: { ...env, PATH: [...first, env.PATH].join(':') } });
  return keyring.lookup(parseImageName('r.io/app'));
}

describe('a credential helper of Docker', () => {
  it.each<[string, string]>([
    ['with keys in lower case', `echo '{"username":"jane","secret":"s"}'`],
    ['with more behind its answer', `echo '{"Username":"jane","Secret":"s"}'; echo '{"Username":"eve"} done'`],
    ['that warns', `echo careful >&2; echo '{"ServerURL":"other","Username":"jane","Secret":"s"}'`],
    ['that repeats a key', `echo '{"Username":"eve","username":"jane","Secret":"s"}'`],
  ])('is read as Docker reads it: one %s', async (_, script) => {
    const { candidates } = await lookup(script);
    expect(candidates.map(({ entry }) => entry.credential.username)).toEqual(['jane']);
  });

  it.each(['{}', '{"Username":null,"Secret":""}', '{"__proto__":{"Username":"eve","Secret":"s"}}'])(
    'has nothing when it answers %s',
    async (answer) => {
      expect((await lookup(`echo '${answer}'`)).sources.at(-1)).toMatchObject({ detail: 'it has no credential' });
    },
  );

  it.each([
    '',
    'null',
    '[]',
    'credentials not found in native keychain',
    '{"Username":1,"Secret":"s"}',
    '{"Secret":"s"',
  ])('fails when it answers %j', async (answer) => {
    expect((await lookup(`echo '${answer}'`)).sources.at(-1)).toMatchObject({ outcome: 'failed' });
  });

  it('is not a directory of its name', async () => {
    expect((await lookup(`echo '{"Username":"jane","Secret":"s"}'`, ['first'])).candidates.length).toBe(1);
  });

  it('is not waited for by who gives up', async () => {
    const { env, write } = homeWith({ h: 'sleep 1000' });
    write('.docker/config.json', { credsStore: 'h' });
    const keyring = await loadDockerKeyring({ env });
    const reason = new Error('enough');
    const controller = new AbortController();
    const looked = Promise.resolve(keyring.lookup(parseImageName('r.io/app'), { signal: controller.signal }));
    controller.abort(reason);
    await expect(looked).rejects.toBe(reason);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 31])('has no time limit of %d ms', async (helperTimeoutMs) => {
    await expect(loadDockerKeyring({ helperTimeoutMs })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });
});

describe('createDockerHelper', () => {
  it('runs the helpers that a docker config names, for the entries of a pull secret', async () => {
    const { env } = homeWith({
      h: `read server; echo "{\\"Username\\":\\"jane\\",\\"Secret\\":\\"of $server\\"}"`,
      bad: 'exit 1',
    });
    const config = '{"auths":{"r.example":{}},"credsStore":"h","credHelpers":{"b.example":"bad","c.example":"lost"}}';
    const { entries, omitted } = await resolvePullSecretEntries(config, { askHelper: createDockerHelper({ env }) });
    expect(Object.keys(entries)).toEqual(['r.example']);
    expect(entries['r.example']?.password.reveal()).toBe('of r.example');
    expect(omitted.map(({ registry, reason, error }) => [registry, reason, error?.code])).toEqual([
      ['b.example', 'helper', 'ERR_CREDENTIAL_PROVIDER'],
      ['c.example', 'helper', 'ERR_CREDENTIAL_PROVIDER'],
    ]);
  });
});
