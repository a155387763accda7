import { access, constants, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { env as processEnv } from 'node:process';
import type { ExecPlugin, PluginCall } from '../../credential-provider/index.js';
import { ImageError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { createMask, createSlots, printable, quote } from '../../internal/index.js';
import { describeEnd, runProcess } from '../process/run.js';

/** Kubelet gives a plugin one minute. */
const TIMEOUT_MS = 60_000;
const MAX_STDOUT_BYTES = 1024 * 1024;
const MAX_STDERR_BYTES = 64 * 1024;
/** Of what a plugin complains of, this much is told on. */
const MAX_SHOWN = 512;

/**
 * Plugins that run at the same time when the caller does not say.
 *
 * @public
 */
export const DEFAULT_MAX_PARALLEL_PLUGINS = 16;

/**
 * How plugins are run.
 *
 * @public
 */
export interface ExecPluginOptions {
  /** Kubelet's `--image-credential-provider-bin-dir`. */
  readonly binDir: string;
  /**
   * Which variables of this process a plugin inherits, below those of its configuration: all, as kubelet has it, or
   * those with the given names.
   *
   * @defaultValue `'all'`
   */
  readonly inheritEnv?: 'all' | readonly string[] | undefined;
  /**
   * How long a plugin may take.
   *
   * @defaultValue 60,000 ms, as in kubelet
   */
  readonly timeoutMs?: number | undefined;
  /** How many plugins may run at the same time; others wait. @defaultValue {@link DEFAULT_MAX_PARALLEL_PLUGINS} */
  readonly maxParallelPlugins?: number | undefined;
}

/**
 * Runs kubelet's credential plugins as processes: found in one directory only, never through a shell or `PATH`, in a
 * process group of their own that is killed when the plugin ends, takes too long, prints too much or is given up: 2 seconds
 * after it was asked to end.
 *
 * @param options - see {@link ExecPluginOptions}
 * @returns what `createCredentialProviderKeyring` runs plugins with; it rejects with `ERR_CREDENTIAL_PROVIDER`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a number that is not a whole one from 1
 * @example
 * ```ts
 * import { createCredentialProviderKeyring } from 'kubepull/credential-provider';
 * import { createExecPlugin, readCredentialProviderConfig } from 'kubepull/node';
 *
 * const { config } = await readCredentialProviderConfig('/etc/kubernetes/credential-provider.yaml');
 * const plugins = createCredentialProviderKeyring(config, { exec: createExecPlugin({ binDir: '/opt/plugins' }) });
 * ```
 * @see execPlugin.ExecPlugin in kubernetes pkg/credentialprovider/plugin/plugin.go
 * @public
 */
export function createExecPlugin(options: ExecPluginOptions): ExecPlugin {
  check<ExecPluginOptions>('Cannot run plugins', options, {
    binDir: is.text,
    inheritEnv: is.optional(is.either(is.oneOf('all'), is.listOf(is.text))),
    timeoutMs: is.optional(is.timeoutMs),
    maxParallelPlugins: is.optional(is.wholeFrom(1, 2 ** 31 - 1)),
  });
  const { binDir, inheritEnv = 'all', timeoutMs = TIMEOUT_MS } = options;
  const { maxParallelPlugins = DEFAULT_MAX_PARALLEL_PLUGINS } = options;
  const slots = createSlots(maxParallelPlugins);
  return (call, { signal } = {}) =>
    slots.run(async () => {
      const file = await findPlugin(binDir, call.provider);
      const result = await runProcess({
        file,
        args: call.args,
        env: {
          ...inherited(inheritEnv),
          ...Object.fromEntries(call.env.map(({ name, value }) => [name, value.reveal()])),
        },
        stdin: call.stdin(),
        timeoutMs,
        maxStdoutBytes: MAX_STDOUT_BYTES,
        maxStderrBytes: MAX_STDERR_BYTES,
        signal,
      });
      if (result.outcome === 'stopped' && result.why === 'abort') signal?.throwIfAborted();
      if (result.outcome === 'exited' && result.status === 0) return result.stdout;
      throw failure(
        call,
        describeEnd(result, { timeoutMs, maxStdoutBytes: MAX_STDOUT_BYTES }),
        'stderr' in result ? result.stderr : '',
      );
    }, signal);
}

/** The program of that name in the directory; also not one that a link of that name leads to elsewhere. */
async function findPlugin(binDir: string, name: string): Promise<string> {
  if (!/^[^/\\ \0]+$/.test(name) || name === '.' || name === '..')
    throw new ImageError(
      'ERR_CREDENTIAL_PROVIDER',
      `Cannot run plugin ${quote(name)}: it is not the name of a program`,
    );
  const wanted = join(binDir, name);
  try {
    const [file, directory] = await Promise.all([realpath(wanted), realpath(binDir)]);
    if (dirname(file) === directory) return file;
  } catch (error) {
    throw new ImageError(
      'ERR_CREDENTIAL_PROVIDER',
      `Cannot run plugin ${quote(name)}: ${quote(wanted)} does not exist`,
      {
        cause: error,
      },
    );
  }
  throw new ImageError('ERR_CREDENTIAL_PROVIDER', `Cannot run plugin ${quote(name)}: it lies outside ${quote(binDir)}`);
}

/** What kubelet wants of a plugin at its start: that it is there, and a file that can be run. */
export async function checkPlugin(binDir: string, name: string): Promise<void> {
  const file = await findPlugin(binDir, name);
  try {
    await access(file, constants.X_OK);
    if ((await stat(file)).isFile()) return;
  } catch {
    // Whatever the system says, it cannot be run.
  }
  const reason = `${quote(file)} is not executable`;
  throw new ImageError('ERR_CREDENTIAL_PROVIDER', `Cannot run plugin ${quote(name)}: ${reason}`);
}

function inherited(names: 'all' | readonly string[]): NodeJS.ProcessEnv {
  if (names === 'all') return processEnv;
  return Object.fromEntries(names.map((name) => [name, processEnv[name]]));
}

function failure(call: PluginCall, reason: string, stderr: string): ImageError {
  const told = maskSecrets(call, stderr).trim();
  const text = told === '' ? '' : `: ${printable(told, MAX_SHOWN)}`;
  return new ImageError('ERR_CREDENTIAL_PROVIDER', `Cannot run plugin ${quote(call.provider)}: ${reason}${text}`);
}

/** A plugin may complain with what it was given, also with one line of it. */
function maskSecrets({ env, stdin }: PluginCall, text: string): string {
  const [, token = ''] = /"serviceAccountToken":"([^"]*)"/.exec(stdin()) ?? [];
  const values = [...env.map(({ value }) => value.reveal()), token];
  const secrets = values.flatMap((value) => [value, ...value.split(/[\r\n]+/)]).map((value) => value.trim());
  const masked = createMask(secrets)(text);
  // What was cut off at the limit may end in the midst of a secret, in the longest of its forms.
  const longest = secrets.reduce((most, { length }) => Math.max(most, length), 0) * 6;
  const unsure = Buffer.byteLength(text) < MAX_STDERR_BYTES ? 0 : longest;
  return masked.slice(0, Math.max(0, masked.length - unsure));
}
