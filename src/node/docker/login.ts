import { mkdir, readlink, realpath, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { env as processEnv } from 'node:process';
import { type Credential, type DockerConfig, encodeAuth, parseDockerConfig } from '../../docker-config/index.js';
import { ImageError, InvalidConfigError, StoreError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { quote, readJson } from '../../internal/index.js';
import { readBounded } from '../files/read-bounded.js';
import { dockerConfigPath } from './config-files.js';
import { envKind, eraseInHelper, storeInHelper } from './helper.js';
import { helperFor, HUB, HUB_NAMES } from './keyring.js';
import { systemClock } from '../../clock/index.js';
import { withStoreErrors } from '../files/errors.js';
import { nodeFileSystem } from '../files/file-system.js';
import { replaceFile } from '../files/write-atomic.js';
import { createLock } from '../layout/lock.js';
import { processOwner } from '../layout/owner.js';
import type * as Jsonc from 'jsonc-parser';

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
  /** `DOCKER_CONFIG`, `HOME`, `PATH`, and what the helpers read. @defaultValue the variables of this process */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * Where a login went to.
 *
 * @public
 */
export interface DockerLoginResult {
  /** The docker config, links followed; it may be as it was, where a helper keeps the credential. */
  readonly path: string;
  /** The helper that keeps the credential; `undefined` when the file does. */
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
  if ((await edit(path, server, text, entry)) === text) return false;
  await makeDirectory(path);
  return whileLocked(path, async (write) => {
    const latest = await readText(path);
    const changed = await edit(path, server, latest, entry);
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

/** Reading and replacing a file is short work; whoever has kept the lock this long has died over it. */
const STALE_AFTER_MS = 10_000;

/**
 * Changes a docker config while no other login, of this process or another, does: of two that read the same file, the
 * later one would undo what the earlier one wrote. The lock stands beside the file. Docker takes none, and its logins are
 * not kept away.
 *
 * @param action - reads the file, and writes it with what it is given
 */
async function whileLocked<T>(
  path: string,
  action: (write: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const fs = withStoreErrors(nodeFileSystem);
  const directory = await realpath(dirname(path));
  const lock = join(directory, `.${basename(path)}.kubepull-lock`);
  await removeStaleFile(lock);
  const owner = await processOwner();
  const paths = { root: directory, ingest: directory, index: path, lock };
  const exclusive = createLock({ fs, paths, owner, clock: systemClock }, Number.POSITIVE_INFINITY);
  return exclusive((hold) =>
    action(async (text) => {
      const temporary = join(hold.directory, owner.createToken());
      await replaceFile(fs, { target: path, text, temporary, directory, mode: 0o600, beforeRename: hold.confirm });
    }),
  );
}

/** A lock that is a file is one of before; only a directory is one of now, and that no call for files removes. */
async function removeStaleFile(lock: string): Promise<void> {
  const found = await stat(lock).catch(() => undefined);
  if (found?.isFile() !== true || Math.abs(systemClock.now() - found.mtimeMs) <= STALE_AFTER_MS) return;
  await unlink(lock).catch(() => undefined);
}

/** A docker config with nothing in it. */
const EMPTY = '{}';

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
    return parseDockerConfig(text, { mode: 'docker' });
  } catch {
    throw refuse(path, 'it is not a docker config');
  }
}

/**
 * Puts an entry into the text of a docker config, or takes it away, and leaves the rest as it stands.
 *
 * @param entry - `undefined` takes the entry away, under whatever name of the server
 * @throws {@link InvalidConfigError} for a text that cannot be changed for sure
 */
async function edit(path: string, server: string, text: string, entry: object | undefined): Promise<string> {
  // Loaded at the first login: most who import this make none.
  const jsonc = await import('jsonc-parser');
  const names = namesOf(path, text);
  const unwanted = entry === undefined ? aliasesOf(server).filter((name) => names.includes(name)) : [];
  let changed = entry === undefined ? text : setEntry(jsonc, text, server, entry);
  for (const name of unwanted)
    changed = jsonc.applyEdits(changed, jsonc.modify(changed, ['auths', name], undefined, formatOf(text)));
  if (changed === text) return text;
  const left = namesOf(path, changed);
  if (left.includes(server) !== (entry !== undefined) || unwanted.some((name) => left.includes(name)))
    throw refuse(path, 'it cannot be changed safely');
  return changed;
}

/** Go writes `null` for an object that has nothing in it. */
function setEntry({ applyEdits, modify }: typeof Jsonc, text: string, server: string, entry: object): string {
  const root: unknown = JSON.parse(text);
  const isNull = typeof root === 'object' && root !== null && 'auths' in root && root.auths === null;
  const edits = isNull
    ? modify(text, ['auths'], { [server]: entry }, formatOf(text))
    : modify(text, ['auths', server], entry, formatOf(text));
  return applyEdits(text, edits);
}

/** The keys under which Docker looks for what it is to forget. */
function aliasesOf(server: string): readonly string[] {
  return server === HUB ? HUB_NAMES : [server, `http://${server}`, `https://${server}`];
}

function namesOf(path: string, text: string): readonly string[] {
  return checkText(path, text).entries.map(({ pattern }) => pattern);
}

/** As the file is written; a new one as Docker writes it, with tabs, and one on a single line stays that. */
function formatOf(text: string): { readonly formattingOptions?: Jsonc.FormattingOptions } {
  if (text !== EMPTY && !text.includes('\n')) return {};
  const indent = /^( +)"/m.exec(text)?.[1]?.length;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  return { formattingOptions: { insertSpaces: indent !== undefined, tabSize: indent ?? 1, eol } };
}

function refuse(path: string, reason: string): InvalidConfigError {
  const message = `Cannot change ${quote(path)}: ${reason}, so it is left as it is`;
  return new InvalidConfigError(message, { upstream: reason, offset: undefined });
}
