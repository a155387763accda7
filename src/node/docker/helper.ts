import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { env as processEnv } from 'node:process';
import { type Credential, createSecret } from '../../docker-config/index.js';
import { ImageError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { type JsonNode, matchField, quote, readJson } from '../../internal/index.js';
import type { AskHelper } from '../../pull-secrets/index.js';
import { describeEnd, type ProcessResult, runProcess } from '../process/run.js';

/** Docker waits for ever; a helper that asks a person may take a while. */
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** What a helper calls an identity token instead of a user name. */
const TOKEN_USER = '<token>';
const NOT_FOUND = 'credentials not found in native keychain';
/** The errors that helpers share; any other text could hold anything. */
const KNOWN = [NOT_FOUND, 'no credentials server URL', 'no credentials username'];

const ABSENT: JsonNode = { kind: 'null' };

/** Where helpers are looked for, and with what they are run. */
export interface HelperRuntime {
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs?: number | undefined;
  /** Ends the helper. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where credential helpers are looked for, and how long they may take.
 *
 * @public
 */
export interface DockerHelperOptions {
  /** `PATH`, and what the helpers read. @defaultValue the variables of this process */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** How long one call of a helper may take. @defaultValue 60,000 ms */
  readonly timeoutMs?: number | undefined;
}

/** The variables of an environment. */
export const envKind: is.Kind = /* @__PURE__ */ is.optional(
  /* @__PURE__ */ is.recordOf(/* @__PURE__ */ is.optional(is.text)),
);

/**
 * Makes what runs Docker's credential helpers, for `resolvePullSecretEntries`: the programs `docker-credential-<helper>` in
 * `PATH`, never in a relative directory of it.
 *
 * @param options - the environment, and how long a helper may take
 * @returns the function. It throws an {@link ImageError} `ERR_CREDENTIAL_PROVIDER` for a helper that fails
 * @throws {@link ImageError} `ERR_OPTION_INVALID`
 * @example
 * ```ts
 * import { createDockerHelper } from 'kubepull/node';
 * import { resolvePullSecretEntries } from 'kubepull/pull-secrets';
 *
 * const { entries } = await resolvePullSecretEntries('{"credsStore":"desktop"}', { askHelper: createDockerHelper() });
 * ```
 * @see https://github.com/docker/docker-credential-helpers
 * @public
 */
export function createDockerHelper(options: DockerHelperOptions = {}): AskHelper {
  check<DockerHelperOptions>('Cannot run credential helpers', options, {
    env: envKind,
    timeoutMs: is.optional(is.timeoutMs),
  });
  const { env = processEnv, timeoutMs } = options;
  return (helper, server, { signal }) => getFromHelper(helper, server, { env, timeoutMs, signal });
}

/**
 * Asks a credential helper of Docker for the credential of a server.
 *
 * @returns `undefined` when it has none
 * @throws {@link ImageError} `ERR_CREDENTIAL_PROVIDER`
 * @see https://github.com/docker/docker-credential-helpers
 */
export async function getFromHelper(
  helper: string,
  server: string,
  runtime: HelperRuntime,
): Promise<Credential | undefined> {
  const result = await runHelper(helper, 'get', server, runtime);
  if (messageOf(result) === NOT_FOUND) return undefined;
  const fields = readAnswer(helper, finish(helper, 'get', result, runtime));
  // Some helpers have an empty answer for what they do not know.
  if (fields.username === '' && fields.secret === '') return undefined;
  const isToken = fields.username === TOKEN_USER;
  return {
    username: isToken ? '' : fields.username,
    password: createSecret(isToken ? '' : fields.secret),
    identityToken: isToken ? createSecret(fields.secret) : undefined,
    registryToken: undefined,
    email: undefined,
  };
}

/** Hands a credential to a helper to keep. */
export async function storeInHelper(
  helper: string,
  server: string,
  credential: Credential,
  runtime: HelperRuntime,
): Promise<void> {
  const token = credential.identityToken?.reveal();
  const answer = {
    ServerURL: server,
    Username: token === undefined ? credential.username : TOKEN_USER,
    Secret: token ?? credential.password.reveal(),
  };
  finish(helper, 'store', await runHelper(helper, 'store', JSON.stringify(answer), runtime), runtime);
}

/** Has a helper forget the credential of a server; it is no fault when there is none. */
export async function eraseInHelper(helper: string, server: string, runtime: HelperRuntime): Promise<void> {
  const result = await runHelper(helper, 'erase', server, runtime);
  if (messageOf(result) !== NOT_FOUND) finish(helper, 'erase', result, runtime);
}

async function runHelper(
  helper: string,
  verb: string,
  stdin: string,
  { env, timeoutMs = TIMEOUT_MS, signal }: HelperRuntime,
): Promise<ProcessResult> {
  const file = await findHelper(helper, env);
  return runProcess({
    file,
    args: [verb],
    env,
    stdin,
    timeoutMs,
    maxStdoutBytes: MAX_OUTPUT_BYTES,
    maxStderrBytes: MAX_OUTPUT_BYTES,
    signal,
  });
}

/** In `PATH`, as Docker finds it, but never by a relative directory in it. */
async function findHelper(helper: string, env: NodeJS.ProcessEnv): Promise<string> {
  const name = `docker-credential-${helper}`;
  if (!/^[\w.-]+$/.test(helper)) throw failure(helper, 'run', 'that is not the name of one');
  for (const directory of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const file = join(directory, name);
    if (await isProgram(file)) return file;
  }
  throw failure(helper, 'run', `there is no program ${name} in PATH`);
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** Helpers print what went wrong to their standard output. */
function messageOf(result: ProcessResult): string {
  return result.outcome === 'exited' && result.status !== 0 ? new TextDecoder().decode(result.stdout).trim() : '';
}

function finish(
  helper: string,
  verb: string,
  result: ProcessResult,
  { timeoutMs = TIMEOUT_MS }: HelperRuntime,
): Uint8Array {
  if (result.outcome === 'exited' && result.status === 0) return result.stdout;
  const message = messageOf(result);
  if (KNOWN.includes(message)) throw failure(helper, verb, message);
  throw failure(helper, verb, describeEnd(result, { timeoutMs, maxStdoutBytes: MAX_OUTPUT_BYTES }));
}

/** As Docker reads it: keys in any case, absent ones are empty, and what is printed after the answer does not count. */
export function readAnswer(helper: string, stdout: Uint8Array): { readonly username: string; readonly secret: string } {
  const bytes = new TextEncoder().encode(new TextDecoder().decode(stdout));
  const whole = readJson(bytes);
  const answer = whole.ok || whole.offset === 0 ? whole : readJson(bytes.subarray(0, whole.offset));
  const members = answer.ok && answer.node.kind === 'object' ? answer.node.members : [];
  const textOf = (name: string): string | undefined => {
    const node: JsonNode = members.findLast(({ key }) => matchField(key, [name]) !== undefined)?.value ?? ABSENT;
    return node.kind === 'string' ? node.value : node.kind === 'null' ? '' : undefined;
  };
  const [username, secret] = [textOf('Username'), textOf('Secret')];
  if (answer.ok && answer.node.kind === 'object' && username !== undefined && secret !== undefined)
    return { username, secret };
  throw failure(helper, 'get', 'it did not answer with a credential');
}

function failure(helper: string, verb: string, reason: string): ImageError<'ERR_CREDENTIAL_PROVIDER'> {
  return new ImageError(
    'ERR_CREDENTIAL_PROVIDER',
    `Cannot ${verb === 'run' ? 'run' : `use "${verb}" of`} credential helper ${quote(helper)}: ${reason}`,
  );
}
