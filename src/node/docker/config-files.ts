import { homedir } from 'node:os';
import { join } from 'node:path';
import { type DockerConfig, parseDockerConfig } from '../../docker-config/index.js';
import { parsePlace, readPlace, type ReadPlace } from '../kubelet/config-files.js';

/** The variable that holds a document itself. */
const INLINE = '$DOCKER_AUTH_CONFIG';

/** The directory of Docker's configuration. */
export function dockerConfigPath(env: NodeJS.ProcessEnv): string {
  return join(env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker'), 'config.json');
}

/** Every place of Docker and podman, in the order in which they look. */
export async function findDockerConfigs(env: NodeJS.ProcessEnv): Promise<readonly ReadPlace<DockerConfig>[]> {
  const home = env['HOME'] || homedir();
  const runtimeDir = env['XDG_RUNTIME_DIR'];
  const paths = [
    env['REGISTRY_AUTH_FILE'],
    runtimeDir && join(runtimeDir, 'containers', 'auth.json'),
    join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json'),
    dockerConfigPath(env),
  ].filter((path): path is string => path !== undefined && path !== '');
  const inline = env['DOCKER_AUTH_CONFIG'];
  const first = inline ? [parsePlace(INLINE, () => parse(INLINE, inline))] : [];
  const read = (path: string): Promise<ReadPlace<DockerConfig>> => readPlace(path, (bytes) => parse(path, bytes));
  return [...first, ...(await Promise.all([...new Set(paths)].map(read)))];
}

function parse(path: string, document: Uint8Array | string): DockerConfig {
  return parseDockerConfig(document, { mode: 'docker', source: { kind: 'file', path } });
}
