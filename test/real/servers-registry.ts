import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';
import { ISSUER, SERVICE, type TokenServer } from '../support/token-server.ts';
import { type Daemon, freeHost, run, startDaemon } from './servers.ts';

export interface Account {
  readonly username: string;
  readonly password: string;
}

export interface DockerRegistryOptions {
  /** Asks for an account by Basic authentication. */
  readonly htpasswd?: Account;
  /** Asks for tokens of a server. */
  readonly token?: { readonly server: TokenServer; readonly realm: string };
  /** Is a cache in front of another registry, such as `http://127.0.0.1:5000`. */
  readonly cacheOf?: string;
  /**
   * Where the content is.
   *
   * @defaultValue an empty directory of its own
   */
  readonly data?: string;
}

export interface RealRegistry extends Daemon {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly origin: string;
  readonly data: string;
}

/** Starts Debian's docker-registry with one account; it ends with the test. */
export const startDockerRegistry = (htpasswd: Account): Promise<RealRegistry> => startRegistryServer({ htpasswd });

/** Starts Debian's docker-registry; it ends with the test. */
export async function startRegistryServer(options: DockerRegistryOptions): Promise<RealRegistry> {
  const directory = tempDir();
  const { data = join(directory.path, 'data') } = options;
  const host = await freeHost();
  const config = join(directory.path, 'config.yml');
  const lines = [
    'version: 0.1',
    'log: { level: error, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${data} } }`,
    `http: { addr: '${host}' }`,
    ...(await authLines(options, (name, content) => directory.secretFile(name, content))),
    ...(options.cacheOf === undefined ? [] : [`proxy: { remoteurl: '${options.cacheOf}' }`]),
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const origin = `http://${host}`;
  const daemon = await startDaemon('docker-registry', ['serve', config], `${origin}/v2/`);
  onTestFinished(() => daemon.kill());
  return { ...daemon, host, origin, data };
}

async function authLines(
  { htpasswd, token }: DockerRegistryOptions,
  file: (name: string, content: string) => string,
): Promise<readonly string[]> {
  if (htpasswd !== undefined) {
    const hashes = await run('htpasswd', '-Bbn', htpasswd.username, htpasswd.password);
    return [`auth: { htpasswd: { realm: kubepull, path: ${file('htpasswd', hashes)} } }`];
  }
  if (token === undefined) return [];
  const bundle = file('token.pem', token.server.certificate);
  const settings = `realm: '${token.realm}', service: ${SERVICE}, issuer: ${ISSUER}, rootcertbundle: ${bundle}`;
  return [`auth: { token: { ${settings} } }`];
}
