import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCredential } from 'kubepull/docker-config';
import { logInToDocker, logOutOfDocker } from 'kubepull/node';
import { canary } from '../../support/canary.ts';
import { homeWith } from './home.ts';

const jane = () => createCredential({ username: 'jane', password: canary('password') });
const registriesOf = (file: string): readonly string[] =>
  Object.keys((JSON.parse(readFileSync(file, 'utf8')) as { auths: object }).auths);

describe('dockerLogin', () => {
  it('takes auths of null for empty, as Go writes them', async () => {
    const { env, write } = homeWith();
    const file = write('.docker/config.json', '{"auths":null,"psFormat":"x"}');
    await logInToDocker('r.io', jane(), { env });
    expect(registriesOf(file)).toEqual(['r.io']);
  });

  it('loses none of many logins and logouts at the same time, and leaves nothing behind', async () => {
    const { env, write } = homeWith();
    const file = write('.docker/config.json', { auths: { 'old.io': {}, 'older.io': {} } });
    const names = Array.from({ length: 20 }, (_, at) => `r${at}.io`);
    await Promise.all([
      ...names.map((name) => logInToDocker(name, jane(), { env })),
      logOutOfDocker('old.io', { env }),
      logOutOfDocker('older.io', { env }),
    ]);
    expect(registriesOf(file).toSorted()).toEqual(names.toSorted());
    expect(readdirSync(join(file, '..'))).toEqual(['config.json']);
  });

  it('does not wait for a login that has died', async () => {
    const { env, write } = homeWith();
    const file = write('.docker/config.json', '{}');
    const lock = write('.docker/.config.json.kubepull-lock', '');
    utimesSync(lock, 1, 1);
    await logInToDocker('r.io', jane(), { env });
    expect(registriesOf(file)).toEqual(['r.io']);
    expect(existsSync(lock)).toBe(false);
  });

  it('keeps every login of those that find a lock of one that has died at the same time', async () => {
    const { env, write } = homeWith();
    const file = write('.docker/config.json', '{}');
    utimesSync(write('.docker/.config.json.kubepull-lock', ''), 1, 1);
    const names = Array.from({ length: 12 }, (_, at) => `r${at}.io`);
    await Promise.all(names.map((name) => logInToDocker(name, jane(), { env })));
    expect(registriesOf(file).toSorted()).toEqual(names.toSorted());
    expect(readdirSync(join(file, '..'))).toEqual(['config.json']);
  });

  it('makes the file that a link points to', async () => {
    const { env, write } = homeWith();
    const [link, file] = [write('.docker/config.json', ''), write('dotfiles.json', '')];
    for (const path of [link, file]) rmSync(path);
    symlinkSync('../dotfiles.json', link);
    await logInToDocker('r.io', jane(), { env });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(registriesOf(file)).toEqual(['r.io']);
  });

  it('fails by name when it cannot make the directory', async () => {
    const { path } = homeWith();
    symlinkSync('nowhere', join(path, 'link'));
    await expect(logInToDocker('r.io', jane(), { path: join(path, 'link/config.json') })).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'write',
    });
  });

  it.each(['', 'jane:admin'])('refuses the user %j, whom the file would keep as another one', async (username) => {
    const { env, write } = homeWith({ h: 'cat >/dev/null' });
    const credential = createCredential({ username, password: canary('password') });
    const file = write('.docker/config.json', '{}');
    await expect(logInToDocker('r.io', credential, { env })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    expect(readFileSync(file, 'utf8')).toBe('{}');
    write('.docker/config.json', { credsStore: 'h' });
    expect(await logInToDocker('r.io', credential, { env })).toMatchObject({ helper: 'h', changed: true });
  });
});

describe('dockerLogout', () => {
  it('forgets what was written under a URL, or another name of Docker Hub', async () => {
    const { env, write } = homeWith();
    const hub = ['docker.io', 'index.docker.io', 'https://index.docker.io/v1/'];
    const keys = ['https://r.io', 'http://r.io', 'r.io', 'r.io/team', 'https://other.io', ...hub];
    const file = write('.docker/config.json', { auths: Object.fromEntries(keys.map((key) => [key, {}])) });
    expect((await logOutOfDocker('r.io', { env })).changed).toBe(true);
    expect((await logOutOfDocker('docker.io', { env })).changed).toBe(true);
    expect(registriesOf(file)).toEqual(['r.io/team', 'https://other.io']);
    expect((await logOutOfDocker('r.io', { env })).changed).toBe(false);
  });
});
