import { join, resolve } from 'node:path';
import { cwd, env } from 'node:process';
import { type DockerConfigEntry, parseDockercfg, parseDockerConfigJson } from '../../docker-config/index.js';
import { createKeyring, type StaticKeyring } from '../../keyring/index.js';
import type { MatchOptions } from '../../match/index.js';
import { type NodeConfigPlace, readPlace } from './config-place.js';

/**
 * Where kubelet's own directories are.
 *
 * @public
 */
export interface NodeConfigPlaces {
  /**
   * Kubelet's `--root-dir`.
   *
   * @defaultValue `/var/lib/kubelet`
   */
  readonly rootDir?: string | undefined;
  /** @defaultValue this process's working directory */
  readonly workingDir?: string | undefined;
  /**
   * `$HOME` of the kubelet; an empty text makes the two places in it relative to the working directory.
   *
   * @defaultValue this process's `$HOME`
   */
  readonly home?: string | undefined;
}

/**
 * The node's docker config: the first file that can be read, and what became of those before it.
 *
 * @public
 */
export interface NodeDockerConfig {
  readonly entries: readonly DockerConfigEntry[];
  readonly places: readonly NodeConfigPlace[];
}

/**
 * Reads the node's docker config as kubelet finds it: four places for `config.json`, then four for `.dockercfg`. The
 * first file that can be decoded wins, even when it has no entries; files are never merged.
 *
 * @param places - kubelet's directories
 * @returns the entries, and every place that was looked at, in order
 * @example
 * ```ts
 * import { readNodeDockerConfig } from 'kubepull/node';
 *
 * const { places } = await readNodeDockerConfig();
 * console.log(places.find(({ outcome }) => outcome === 'used')?.path);
 * ```
 * @see ReadDockerConfigFile in kubernetes pkg/credentialprovider/config.go
 * @public
 */
export async function readNodeDockerConfig(places: NodeConfigPlaces = {}): Promise<NodeDockerConfig> {
  const looked: NodeConfigPlace[] = [];
  for (const path of searchPath(places)) {
    const { value: entries, ...place } = await readPlace(path, (bytes) => parseFile(path, bytes));
    looked.push(place);
    if (entries !== undefined) return { entries, places: looked };
  }
  return { entries: [], places: looked };
}

/**
 * The node's own keyring: {@link readNodeDockerConfig}, ready for look-ups. The files are read once. A program that runs
 * on, or has credential plugins, takes `createNodeKeyring`.
 *
 * @param options - kubelet's directories, and how to match
 * @returns a keyring, empty when the node has no docker config
 * @example
 * ```ts
 * import { loadNodeKeyring } from 'kubepull/node';
 *
 * const keyring = await loadNodeKeyring({ rootDir: '/var/lib/kubelet' });
 * keyring.lookup('registry.example.com/app').candidates.length;
 * ```
 * @public
 */
export async function loadNodeKeyring(options: NodeConfigPlaces & MatchOptions = {}): Promise<StaticKeyring> {
  const { entries } = await readNodeDockerConfig(options);
  return createKeyring(entries, options);
}

function searchPath(places: NodeConfigPlaces): readonly string[] {
  const { rootDir = '/var/lib/kubelet', workingDir = cwd(), home = env['HOME'] ?? '' } = places;
  const own = [rootDir, workingDir].map((directory) => resolve(workingDir, directory));
  const config = [...own.map((directory) => join(directory, 'config.json')), ...dotDocker(workingDir, home)];
  const legacy = [...own, resolve(workingDir, home), '/'].map((directory) => join(directory, '.dockercfg'));
  return [...config, ...legacy];
}

function dotDocker(workingDir: string, home: string): readonly string[] {
  return [resolve(workingDir, home), '/'].map((directory) => join(directory, '.docker', 'config.json'));
}

function parseFile(path: string, bytes: Uint8Array): readonly DockerConfigEntry[] {
  const parse = path.endsWith('.dockercfg') ? parseDockercfg : parseDockerConfigJson;
  return parse(bytes, { kind: 'file', path });
}
