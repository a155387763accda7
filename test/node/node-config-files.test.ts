import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { cwd } from 'node:process';
import { describe, expect, it } from 'vitest';
import { loadNodeKeyring, readNodeDockerConfig } from 'kubepull/node';
import { canary } from '../support/canary.ts';
import { tempDir } from '../support/temp-dir.ts';

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
  it('semantics 03 §2: looks at eight places, every config.json before any .dockercfg', async () => {
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

  it('C11 skips what cannot be read or decoded, and says why', async () => {
    const { path, places, write } = kubelet();
    mkdirSync(join(path, 'root/config.json'));
    write('work/config.json', '{"auths":{"a":{"auth":"!!"}}}');
    execFileSync('mkfifo', [join(path, 'home/.docker/config.json')]);
    writeFileSync(join(path, 'root/.dockercfg'), '');
    truncateSync(join(path, 'root/.dockercfg'), 5 * 1024 * 1024);
    symlinkSync(join(path, 'work/.dockercfg'), join(path, 'work/.dockercfg'));
    expect((await outcomes(places, path)).filter((row) => !row.includes('..'))).toEqual([
      'root/config.json malformed',
      'work/config.json malformed',
      'home/.docker/config.json malformed',
      'root/.dockercfg malformed',
      'work/.dockercfg unreadable',
      'home/.dockercfg missing',
    ]);
  });

  it('takes an empty home for the working directory', async () => {
    const { path, places, write } = kubelet();
    mkdirSync(join(path, 'work/.docker'));
    write('work/.docker/config.json', config('work.example'));
    const { entries } = await readNodeDockerConfig({ ...places, home: '' });
    expect(entries.map(({ pattern }) => pattern)).toEqual(['work.example']);
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
    expect(keyring.lookup('r.example/team-evil/app').candidates).toHaveLength(1);
    const strict = await loadNodeKeyring({ ...places, pathMatch: 'segment' });
    expect(strict.lookup('r.example/team-evil/app').candidates).toHaveLength(0);
  });
});
