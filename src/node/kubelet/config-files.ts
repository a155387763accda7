import { join, resolve } from 'node:path';
import { cwd, env } from 'node:process';
import { type DockerConfigEntry, parseDockercfg, parseDockerConfigJson } from '../../docker-config/index.js';
import { type AnyImageError, isImageError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { createKeyring, type SourceReport, type StaticKeyring } from '../../keyring/index.js';
import type { MatchOptions } from '../../match/index.js';
import { checkMatchOptions } from '../../match/inner.js';
import { readConfigFile } from '../files/config-file.js';

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
  /** Kubelet's working directory, one of the places. @defaultValue this process's working directory */
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
  /** The entries of the file that was used; empty when no file could be. */
  readonly entries: readonly DockerConfigEntry[];
  /** Every place that was looked at, in order; the search ends at the first file that can be used. */
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
  checkPlaces(places);
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
 * on, or has credential plugins, takes `openNodeKeyring`.
 *
 * @param options - kubelet's directories, and how to match
 * @returns a keyring, empty when the node has no docker config
 * @example
 * ```ts
 * import { loadNodeKeyring } from 'kubepull/node';
 * import { parseImageName } from 'kubepull/reference';
 *
 * const keyring = await loadNodeKeyring({ rootDir: '/var/lib/kubelet' });
 * keyring.lookup(parseImageName('registry.example.com/app')).candidates.length;
 * ```
 * @public
 */
export async function loadNodeKeyring(options: NodeConfigPlaces & MatchOptions = {}): Promise<StaticKeyring> {
  checkPlaces(options);
  checkMatchOptions(options);
  const { entries } = await readNodeDockerConfig(options);
  return createKeyring(entries, options);
}

export function checkPlaces(places: NodeConfigPlaces): void {
  const path = is.optional(is.text);
  check<NodeConfigPlaces>('Cannot read docker configs', places, { rootDir: path, workingDir: path, home: path });
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

/**
 * One place where a docker config may stand, and what became of it.
 *
 * @public
 */
export interface NodeConfigPlace {
  /** The path of the file. */
  readonly path: string;
  /**
   * `used`: it was decoded. `missing`: there is nothing. `unreadable`: the system refuses it, or it is no regular file of
   * at most 4 MiB. `malformed`: it cannot be decoded. Kubelet passes the last three over in silence.
   */
  readonly outcome: 'used' | 'missing' | 'unreadable' | 'malformed';
  /** Why it is unreadable or malformed; nothing of the document is in it. */
  readonly error: AnyImageError | undefined;
}

/** A place, and what was read there. */
export interface ReadPlace<T> extends NodeConfigPlace {
  readonly value: T | undefined;
}

/** Reads the docker config at a path. A fault is part of the answer: whoever looks goes on to the next place. */
export async function readPlace<T>(path: string, parse: (bytes: Uint8Array) => T): Promise<ReadPlace<T>> {
  try {
    const bytes = await readConfigFile(path);
    if (bytes === undefined) return { path, outcome: 'missing', error: undefined, value: undefined };
    return parsePlace(path, () => parse(bytes));
  } catch (error) {
    return passedOver(path, 'unreadable', error);
  }
}

/** Decodes what stands in a place. */
export function parsePlace<T>(path: string, parse: () => T): ReadPlace<T> {
  try {
    return { path, outcome: 'used', error: undefined, value: parse() };
  } catch (error) {
    return passedOver(path, 'malformed', error);
  }
}

function passedOver<T>(path: string, outcome: 'unreadable' | 'malformed', error: unknown): ReadPlace<T> {
  if (!isImageError(error)) throw error;
  return { path, outcome, error, value: undefined };
}

/** What a keyring says of a place that gives it nothing. */
export function reportUnused({ path, outcome, error }: NodeConfigPlace): SourceReport {
  const source = { kind: 'file', path } as const;
  return error === undefined
    ? { source, outcome: 'unsuited', detail: outcome, error }
    : { source, outcome: 'failed', detail: error.message, error };
}
