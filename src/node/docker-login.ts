import { randomUUID } from 'node:crypto';
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { env as processEnv } from 'node:process';
import { applyEdits, type FormattingOptions, modify } from 'jsonc-parser';
import { type Credential, type DockerConfig, encodeAuth, readDockerConfig } from '../docker-config/index.js';
import { ImageError, InvalidConfigError, StoreError } from '../errors/index.js';
import { quote, readJson } from '../internal/index.js';
import { dockerConfigPath } from './docker-config-files.js';
import { eraseInHelper, storeInHelper } from './docker-helper.js';
import { helperFor, HUB } from './docker-keyring.js';
import { readBounded } from './read-bounded.js';

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const EMPTY = '{}';

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
 * host
 * @example
 * ```ts
 * import { createCredential } from 'kubepull/docker-config';
 * import { dockerLogin } from 'kubepull/node';
 *
 * const jane = createCredential({ username: 'jane', password });
 * const { path, helper } = await dockerLogin('registry.example.com', jane);
 * ```
 * @public
 */
export async function dockerLogin(
  registry: string,
  credential: Credential,
  options: DockerLoginOptions = {},
): Promise<DockerLoginResult> {
  const file = await openConfig(registry, options);
  const { path, server, helper, env } = file;
  if (helper !== undefined) {
    await storeInHelper(helper, server, credential, { env });
    return { path, helper, changed: true };
  }
  const changed = await writeConfig(file, entryOf(credential));
  return { path, helper, changed };
}

/**
 * Forgets the credential for a registry, as `docker logout` does.
 *
 * @param registry - as for {@link dockerLogin}
 * @param options - see {@link DockerLoginOptions}
 * @returns where it was
 * @throws {@link ImageError} as {@link dockerLogin}
 * @example
 * ```ts
 * import { dockerLogout } from 'kubepull/node';
 *
 * const { changed } = await dockerLogout('registry.example.com');
 * ```
 * @public
 */
export async function dockerLogout(registry: string, options: DockerLoginOptions = {}): Promise<DockerLoginResult> {
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

async function openConfig(registry: string, { path, env = processEnv }: DockerLoginOptions): Promise<OpenConfig> {
  if (!/^[\w.:[\]-]+$/.test(registry))
    throw new ImageError('ERR_OPTION_INVALID', `Cannot log in to registry ${quote(registry)}: it is not a host`);
  const server = ['docker.io', 'index.docker.io'].includes(registry) ? HUB : registry;
  const wanted = path ?? dockerConfigPath(env);
  // Behind a link it is the file that is replaced, not the link.
  const target = await realpath(wanted).catch(() => wanted);
  const text = await readText(target);
  return { path: target, server, text, helper: helperFor(checkText(target, text), server), env };
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

/** An editor that misreads a file would lose credentials, so what is ambiguous is left alone. */
function checkText(path: string, text: string): DockerConfig {
  const parsed = readJson(text);
  if (!parsed.ok || parsed.node.kind !== 'object') throw refuse(path, 'it is not a JSON object');
  const named = parsed.node.members.filter(({ key }) => key.toLowerCase() === 'auths');
  const [auths] = named;
  if (named.length > 1 || (auths !== undefined && auths.key !== 'auths')) throw refuse(path, 'its auths are ambiguous');
  if (auths?.value.kind === 'object') {
    const keys = auths.value.members.map(({ key }) => key);
    if (new Set(keys).size < keys.length) throw refuse(path, 'it has an entry twice');
  }
  try {
    return readDockerConfig(text, { mode: 'docker' });
  } catch {
    throw refuse(path, 'it is not a docker config');
  }
}

function entryOf({ username, password, identityToken, registryToken, email }: Credential): object {
  return {
    ...(username === '' && password.reveal() === '' ? {} : { auth: encodeAuth(username, password) }),
    ...(email === undefined ? {} : { email }),
    ...(identityToken === undefined ? {} : { identitytoken: identityToken.reveal() }),
    ...(registryToken === undefined ? {} : { registrytoken: registryToken.reveal() }),
  };
}

/** @param entry - `undefined` takes the entry away */
async function writeConfig({ path, server, text }: OpenConfig, entry: object | undefined): Promise<boolean> {
  if (entry === undefined && !namesOf(path, text).includes(server)) return false;
  const changed = applyEdits(text, modify(text, ['auths', server], entry, { ...formatOf(text) }));
  if (changed === text) return false;
  if (namesOf(path, changed).includes(server) !== (entry !== undefined))
    throw refuse(path, 'it cannot be changed safely');
  await replaceFile(path, changed);
  return true;
}

function namesOf(path: string, text: string): readonly string[] {
  return checkText(path, text).entries.map(({ pattern }) => pattern);
}

/** As the file is written; a new one as Docker writes it, with tabs, and one on a single line stays that. */
function formatOf(text: string): { readonly formattingOptions?: FormattingOptions } {
  if (text !== EMPTY && !text.includes('\n')) return {};
  const indent = /^( +)"/m.exec(text)?.[1]?.length;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  return { formattingOptions: { insertSpaces: indent !== undefined, tabSize: indent ?? 1, eol } };
}

async function replaceFile(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `.config-${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new StoreError(`Cannot write ${quote(path)}: the file system refused`, {
      operation: 'write',
      errno: (error as NodeJS.ErrnoException).code,
      cause: error,
    });
  }
}

function refuse(path: string, reason: string): InvalidConfigError {
  const message = `Cannot change ${quote(path)}: ${reason}, so it is left as it is`;
  return new InvalidConfigError(message, { upstream: reason, offset: undefined });
}
