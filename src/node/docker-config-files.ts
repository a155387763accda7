import { homedir } from 'node:os';
import { join } from 'node:path';
import { type DockerConfig, readDockerConfig } from '../docker-config/index.js';
import { readBounded } from './read-bounded.js';

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * One place where Docker or podman keeps credentials.
 *
 * @public
 */
export interface DockerConfigPlace {
  /** The path, or `$DOCKER_AUTH_CONFIG` for the variable that holds a document itself. */
  readonly path: string;
  readonly outcome: 'used' | 'missing' | 'unreadable' | 'malformed';
}

/** A place, and what was read there. */
export interface FoundDockerConfig extends DockerConfigPlace {
  readonly config: DockerConfig | undefined;
}

/** The directory of Docker's configuration. */
export function dockerConfigPath(env: NodeJS.ProcessEnv): string {
  return join(env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker'), 'config.json');
}

/** Every place of Docker and podman, in the order in which they look. */
export async function findDockerConfigs(env: NodeJS.ProcessEnv): Promise<readonly FoundDockerConfig[]> {
  const home = env['HOME'] || homedir();
  const runtimeDir = env['XDG_RUNTIME_DIR'];
  const paths = [
    env['REGISTRY_AUTH_FILE'],
    runtimeDir && join(runtimeDir, 'containers', 'auth.json'),
    join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json'),
    dockerConfigPath(env),
  ].filter((path): path is string => path !== undefined && path !== '');
  const inline = env['DOCKER_AUTH_CONFIG'];
  const first = inline ? [parse('$DOCKER_AUTH_CONFIG', inline)] : [];
  return [...first, ...(await Promise.all([...new Set(paths)].map(read)))];
}

async function read(path: string): Promise<FoundDockerConfig> {
  try {
    const bytes = await readBounded(path, MAX_CONFIG_BYTES);
    return bytes === undefined ? { path, outcome: 'malformed', config: undefined } : parse(path, bytes);
  } catch (error) {
    const missing = ['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code));
    return { path, outcome: missing ? 'missing' : 'unreadable', config: undefined };
  }
}

function parse(path: string, document: Uint8Array | string): FoundDockerConfig {
  try {
    return {
      path,
      outcome: 'used',
      config: readDockerConfig(document, { mode: 'docker', source: { kind: 'file', path } }),
    };
  } catch {
    return { path, outcome: 'malformed', config: undefined };
  }
}
