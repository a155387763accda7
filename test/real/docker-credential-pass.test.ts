import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { logInToDocker, logOutOfDocker, loadDockerKeyring } from 'kubepull/node';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../support/canary.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A person with a key without pass phrase, and an empty password store. */
function startPass(): NodeJS.ProcessEnv {
  const { path } = tempDir();
  const env = { PATH: process.env['PATH'], HOME: path, GNUPGHOME: join(path, 'g'), LANG: 'C' };
  mkdirSync(env.GNUPGHOME, { mode: 0o700 });
  onTestFinished(() => void execFileSync('gpgconf', ['--kill', 'all'], { env }));
  const key = [
    '--batch',
    '--passphrase',
    '',
    '--quick-generate-key',
    'person <p@example.com>',
    'default',
    'default',
    'never',
  ];
  execFileSync('gpg', key, { env, stdio: 'ignore' });
  execFileSync('pass', ['init', 'p@example.com'], { env, stdio: 'ignore' });
  mkdirSync(join(path, '.docker'));
  return env;
}

describe('docker-credential-pass', () => {
  it('keeps a login, gives it to a look-up, and forgets it, while the file holds no secret', async () => {
    const env = startPass();
    const file = join(String(env['HOME']), '.docker', 'config.json');
    const config = '{ "credsStore": "pass" }\n';
    writeFileSync(file, config);
    const password = canary('password');
    const credential = {
      username: 'jane',
      password: createSecret(password),
      identityToken: undefined,
      registryToken: undefined,
      email: undefined,
    };
    expect(await logInToDocker('docker.io', credential, { env })).toMatchObject({ helper: 'pass' });
    const keyring = await loadDockerKeyring({ env });
    const { candidates } = await keyring.lookup(parseImageName('docker.io/library/nginx'));
    expect(candidates.map(({ entry }) => entry.credential.username)).toEqual(['jane']);
    expect(candidates[0]?.entry.credential.password.reveal() === password).toBe(true);
    expect((await keyring.lookup(parseImageName('registry.example.com/app'))).candidates).toEqual([]);
    await logOutOfDocker('docker.io', { env });
    expect((await keyring.lookup(parseImageName('docker.io/library/nginx'))).candidates).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe(config);
  });

  it('keeps an identity token as such', async () => {
    const env = startPass();
    writeFileSync(join(String(env['HOME']), '.docker', 'config.json'), '{"credHelpers":{"r.io":"pass"}}');
    const token = canary('identity-token');
    await logInToDocker(
      'r.io',
      {
        username: '',
        password: createSecret(''),
        identityToken: createSecret(token),
        registryToken: undefined,
        email: undefined,
      },
      { env },
    );
    const { candidates } = await (await loadDockerKeyring({ env })).lookup(parseImageName('r.io/app'));
    expect(candidates[0]?.entry.credential.identityToken?.reveal() === token).toBe(true);
  });
});
