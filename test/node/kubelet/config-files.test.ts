import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { cwd } from 'node:process';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadNodeKeyring, readNodeDockerConfig } from 'kubepull/node';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../../support/canary.ts';
import { tempDir } from '../../support/temp-dir.ts';

const config = (host: string): string =>
  JSON.stringify({ auths: { [host]: { username: host, password: canary('password') } } });
const legacy = (host: string): string => JSON.stringify({ [host]: { username: host, password: canary('password') } });

/** The three directories of a kubelet, empty. */
function kubelet() {
  const { path, secretFile } = tempDir();
  for (const name of ['root', 'work', 'home/.docker']) mkdirSync(join(path, name), { recursive: true });
  const places = { rootDir: join(path, 'root'), workingDir: join(path, 'work'), home: join(path, 'home') };
  return { path, places, write: secretFile };
}

const outcomes = async (places: object, below: string): Promise<readonly string[]> =>
  (await readNodeDockerConfig(places)).places.map(({ path, outcome }) => `${relative(below, path)} ${outcome}`);

describe('readNodeDockerConfig', () => {
  it('looks at eight places, every config.json before any .dockercfg', async () => {
    const { path, places } = kubelet();
    const looked = (await readNodeDockerConfig(places)).places.map((place) => place.path);
    expect(looked).toEqual([
      join(path, 'root/config.json'),
      join(path, 'work/config.json'),
      join(path, 'home/.docker/config.json'),
      '/.docker/config.json',
      join(path, 'root/.dockercfg'),
      join(path, 'work/.dockercfg'),
      join(path, 'home/.dockercfg'),
      '/.dockercfg',
    ]);
  });

  it.each([
    ['root/config.json', config],
    ['work/config.json', config],
    ['home/.docker/config.json', config],
    ['root/.dockercfg', legacy],
    ['work/.dockercfg', legacy],
    ['home/.dockercfg', legacy],
  ])('finds %s, and says that it was used', async (name, content) => {
    const { places, write } = kubelet();
    const file = write(name, content('r.example'));
    const found = await readNodeDockerConfig(places);
    expect(found.entries.map(({ pattern, source }) => [pattern, source])).toEqual([
      ['r.example', { kind: 'file', path: file }],
    ]);
    expect(found.places.at(-1)).toEqual({ path: file, outcome: 'used' });
  });

  it('takes the first file that decodes, and merges nothing', async () => {
    const { places, write } = kubelet();
    write('work/config.json', config('work.example'));
    write('home/.docker/config.json', config('home.example'));
    write('root/.dockercfg', legacy('root.example'));
    expect((await readNodeDockerConfig(places)).entries.map(({ pattern }) => pattern)).toEqual(['work.example']);
  });

  it.each(['{}', 'null', '{"auths":null}', '{"auths":{}}', '{"credsStore":"x"}'])(
    'ends the search at the useless %s',
    async (content) => {
      const { path, places, write } = kubelet();
      write('root/config.json', content);
      write('work/config.json', config('work.example'));
      expect((await readNodeDockerConfig(places)).entries).toEqual([]);
      expect(await outcomes(places, path)).toEqual(['root/config.json used']);
    },
  );

  it('skips what cannot be read or decoded, and says why [C11]', async () => {
    const { path, places, write } = kubelet();
    mkdirSync(join(path, 'root/config.json'));
    write('work/config.json', '{"auths":{"a":{"auth":"!!"}}}');
    execFileSync('mkfifo', [join(path, 'home/.docker/config.json')]);
    writeFileSync(join(path, 'root/.dockercfg'), '');
    truncateSync(join(path, 'root/.dockercfg'), 5 * 1024 * 1024);
    symlinkSync(join(path, 'work/.dockercfg'), join(path, 'work/.dockercfg'));
    expect((await outcomes(places, path)).filter((row) => !row.includes('..'))).toEqual([
      'root/config.json unreadable',
      'work/config.json malformed',
      'home/.docker/config.json unreadable',
      'root/.dockercfg unreadable',
      'work/.dockercfg unreadable',
      'home/.dockercfg missing',
    ]);
    const { places: looked } = await readNodeDockerConfig(places);
    expect(looked.slice(0, 5).map(({ error }) => error?.message.replaceAll(`${path}/`, ''))).toEqual([
      'Cannot use "root/config.json": it is no regular file of at most 4 MiB',
      'Cannot read docker config from file work/config.json: illegal base64 data at input byte 0 (entry 1)',
      'Cannot use "home/.docker/config.json": it is no regular file of at most 4 MiB',
      undefined,
      'Cannot use "root/.dockercfg": it is no regular file of at most 4 MiB',
    ]);
  });

  it('takes an empty home for the working directory', async () => {
    const { path, places, write } = kubelet();
    mkdirSync(join(path, 'work/.docker'));
    write('work/.docker/config.json', config('work.example'));
    const { entries } = await readNodeDockerConfig({ ...places, home: '' });
    expect(entries.map(({ pattern }) => pattern)).toEqual(['work.example']);
  });

  it('takes $HOME for home, and the working directory where there is none', async () => {
    const { path, places } = kubelet();
    const home = async (value: string | undefined): Promise<readonly (string | undefined)[]> => {
      vi.stubEnv('HOME', value);
      onTestFinished(() => void vi.unstubAllEnvs());
      const looked = await readNodeDockerConfig({ rootDir: places.rootDir, workingDir: places.workingDir });
      return [2, 6].map((at) => relative(path, looked.places[at]?.path ?? ''));
    };
    expect(await home(places.home)).toEqual(['home/.docker/config.json', 'home/.dockercfg']);
    expect(await home(undefined)).toEqual(['work/.docker/config.json', 'work/.dockercfg']);
  });

  it('has the places of a kubelet by default', async () => {
    const looked = (await readNodeDockerConfig()).places.map(({ path }) => path);
    expect(looked.slice(0, 2)).toEqual(
      ['/var/lib/kubelet/config.json', join(cwd(), 'config.json')].slice(0, looked.length),
    );
  });

  it('leaves a file that it may not read', async () => {
    const { path, places, write } = kubelet();
    const file = write('root/config.json', config('root.example'));
    chmodSync(file, 0);
    // Root may read it all the same.
    const expected = process.getuid?.() === 0 ? 'used' : 'unreadable';
    expect((await outcomes(places, path))[0]).toBe(`root/config.json ${expected}`);
  });
});

describe('loadNodeKeyring', () => {
  it('answers from the file that was found', async () => {
    const { places, write } = kubelet();
    write('root/config.json', config('r.example/team'));
    const keyring = await loadNodeKeyring(places);
    expect(keyring.lookup(parseImageName('r.example/team-evil/app')).candidates).toHaveLength(1);
    const strict = await loadNodeKeyring({ ...places, pathMatch: 'segment' });
    expect(strict.lookup(parseImageName('r.example/team-evil/app')).candidates).toHaveLength(0);
  });
});
