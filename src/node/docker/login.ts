import { mkdir, readlink, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { env as processEnv } from 'node:process';
import { type Credential, encodeAuth } from '../../docker-config/index.js';
import { ImageError, StoreError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { quote } from '../../internal/index.js';
import { readBounded } from '../files/read-bounded.js';
import { checkText, edit, EMPTY, refuse } from './config-edit.js';
import { dockerConfigPath } from './config-files.js';
import { whileLocked } from './config-lock.js';
import { eraseInHelper, storeInHelper } from './helper.js';
import { envKind, helperFor, HUB } from './keyring.js';

const ACTION = 'Cannot log in to a registry';
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * Where a login is kept.
 *
 * @public
 */
export interface DockerLoginOptions {
  /**
   * The docker config to change.
   *
   * @defaultValue Docker's own: `config.json` in `$DOCKER_CONFIG` or `~/.docker`
   */
  readonly path?: string | undefined;
  /** @defaultValue the variables of this process */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * Where a login went to.
 *
 * @public
 */
export interface DockerLoginResult {
  readonly path: string;
  /** The helper that keeps it; `undefined` when the file does. */
  readonly helper: string | undefined;
  /** Whether anything was changed. */
  readonly changed: boolean;
}

/**
 * Keeps a credential for a registry, as `docker login` does: with the helper that the file names for it, else in the file.
 *
 * The rest of the file stays as it is, format included. The file is replaced in one step and readable by its owner only.
 *
 * @param registry - such as `registry.example.com:5000`; `docker.io` is Docker Hub
 * @param credential - what to keep; it is not tried
 * @param options - see {@link DockerLoginOptions}
 * @returns where it went to
 * @throws {@link InvalidConfigError} when the file cannot be read for sure, which leaves it untouched
 * @throws {@link StoreError} when it cannot be written
 * @throws {@link ImageError} `ERR_CREDENTIAL_PROVIDER` when the helper fails, `ERR_OPTION_INVALID` when the registry is no
 * host, or the user name nothing that a file can keep
 * @example
 * ```ts
 * import { createCredential } from 'kubepull/docker-config';
 * import { logInToDocker } from 'kubepull/node';
 *
 * const jane = createCredential({ username: 'jane', password });
 * const { path, helper } = await logInToDocker('registry.example.com', jane);
 * ```
 * @public
 */
export async function logInToDocker(
  registry: string,
  credential: Credential,
  options: DockerLoginOptions = {},
): Promise<DockerLoginResult> {
  check(ACTION, { credential }, { credential: is.credential });
  const file = await openConfig(registry, options);
  const { path, server, helper, env } = file;
  if (helper !== undefined) {
    await storeInHelper(helper, server, credential, { env });
    return { path, helper, changed: true };
  }
  const changed = await writeConfig(file, entryOf(registry, credential));
  return { path, helper, changed };
}

/**
 * Forgets the credential for a registry, as `docker logout` does: also one that older programs wrote under a URL.
 *
 * @param registry - as for {@link logInToDocker}
 * @param options - see {@link DockerLoginOptions}
 * @returns where it was
 * @throws {@link ImageError} as {@link logInToDocker}
 * @example
 * ```ts
 * import { logOutOfDocker } from 'kubepull/node';
 *
 * const { changed } = await logOutOfDocker('registry.example.com');
 * ```
 * @public
 */
export async function logOutOfDocker(registry: string, options: DockerLoginOptions = {}): Promise<DockerLoginResult> {
  const file = await openConfig(registry, options);
  const { path, server, helper, env } = file;
  if (helper !== undefined) await eraseInHelper(helper, server, { env });
  const changed = await writeConfig(file, undefined);
  return { path, helper, changed: changed || helper !== undefined };
}

interface OpenConfig {
  readonly path: string;
  readonly server: string;
  readonly text: string;
  readonly helper: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

async function openConfig(registry: string, options: DockerLoginOptions): Promise<OpenConfig> {
  check(ACTION, { registry }, { registry: is.text });
  check<DockerLoginOptions>(ACTION, options, { path: is.optional(is.filledText), env: envKind });
  const { path, env = processEnv } = options;
  if (!/^[\w.:[\]-]+$/.test(registry))
    throw new ImageError('ERR_OPTION_INVALID', `Cannot log in to registry ${quote(registry)}: it is not a host`);
  const server = ['docker.io', 'index.docker.io'].includes(registry) ? HUB : registry;
  const wanted = path ?? dockerConfigPath(env);
  // Behind a link it is the file that is replaced, not the link.
  const target = await realpath(wanted).catch(() => behindLink(wanted));
  const text = await readText(target);
  return { path: target, server, text, helper: helperFor(checkText(target, text), server), env };
}

/** What a link points to where nothing is yet. */
async function behindLink(path: string): Promise<string> {
  return readlink(path).then(
    (target) => resolve(dirname(path), target),
    () => path,
  );
}

async function readText(path: string): Promise<string> {
  try {
    const bytes = await readBounded(path, MAX_CONFIG_BYTES);
    if (bytes !== undefined) return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) || EMPTY;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY;
  }
  throw refuse(path, 'it cannot be read as text');
}

function entryOf(registry: string, credential: Credential): object {
  const { username, password, identityToken, registryToken, email } = credential;
  const isEmpty = username === '' && password.reveal() === '';
  // The file has both in one text, where the first colon ends the name.
  if (!isEmpty && /^$|:/.test(username))
    throw new ImageError(
      'ERR_OPTION_INVALID',
      `Cannot log in to registry ${quote(registry)}: a file cannot keep a user name that is empty or has a colon`,
    );
  return {
    ...(isEmpty ? {} : { auth: encodeAuth(username, password) }),
    ...(email === undefined ? {} : { email }),
    ...(identityToken === undefined ? {} : { identitytoken: identityToken.reveal() }),
    ...(registryToken === undefined ? {} : { registrytoken: registryToken.reveal() }),
  };
}

/** @param entry - `undefined` takes the entry away */
async function writeConfig({ path, server, text }: OpenConfig, entry: object | undefined): Promise<boolean> {
  if (edit(path, server, text, entry) === text) return false;
  await makeDirectory(path);
  return whileLocked(path, async (write) => {
    const latest = await readText(path);
    const changed = edit(path, server, latest, entry);
    if (changed === latest) return false;
    await write(changed);
    return true;
  });
}

async function makeDirectory(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new StoreError(`Cannot write ${quote(path)}: the file system refused`, {
      operation: 'write',
      errno: (error as NodeJS.ErrnoException).code,
      cause: error,
    });
  });
}
