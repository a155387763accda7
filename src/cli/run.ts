import { parseArgs, styleText } from 'node:util';
import { isImageError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { printable, quote, USER_AGENT } from '../internal/index.js';
import { COMMANDS, type CommandSpec } from './commands.js';
import { usageError } from './fault.js';
import { type CommandIo, EXIT_CODES, type OptionValues, type Styled } from './types.js';

const output = /* @__PURE__ */ is.shape({
  write: is.callable,
  isTTY: /* @__PURE__ */ is.optional(is.bool),
  colors: /* @__PURE__ */ is.optional(is.bool),
});

/**
 * Runs one command of the command line `kubepull`, and prints its answer: the program of the package is no more than this
 * over the streams of its process.
 *
 * Nothing that is printed holds a secret. A fault is one line on `stderr`, and `stdout` then stays empty.
 *
 * @param args - the arguments behind the name of the program, such as `['explain', 'pod.yaml']`
 * @param io - the files and streams
 * @returns the exit code, one of {@link EXIT_CODES}
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for arguments that are no list of texts, and parts of `io` that are missing
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { runCommand } from 'kubepull/cli';
 *
 * const lines: string[] = [];
 * const code = await runCommand(['lint', './pod.yaml', '--json'], {
 *   readFile: (path) => readFile(path),
 *   readStdin: async () => new Uint8Array(),
 *   stdout: { write: (text) => lines.push(text) },
 *   stderr: process.stderr,
 * });
 * ```
 * @public
 */
export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  check('Cannot run a command', { args }, { args: is.listOf(is.text) });
  check<CommandIo>('Cannot run a command', io, {
    readFile: is.callable,
    readStdin: is.callable,
    stdout: output,
    stderr: output,
    signal: is.optional(is.signal),
  });
  try {
    return await dispatch(args, io);
  } catch (error) {
    if (io.signal?.aborted === true) return EXIT_CODES.interrupted;
    const [message, exitCode] = describe(error);
    io.stderr.write(`kubepull: ${message}\n`);
    return exitCode;
  }
}

async function dispatch(args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h') return print(io, (await import('./help.js')).formatOverview());
  if (name === 'help') return dispatch([...rest.slice(0, 1), '--help'], io);
  if (name === '--version') return print(io, USER_AGENT.slice(USER_AGENT.indexOf('/') + 1));
  const command = name === undefined ? undefined : commandOf(name);
  if (name === undefined || command === undefined) {
    const names = Object.keys(COMMANDS).join(', ');
    const fault = name === undefined ? 'which command?' : `there is no command ${quote(name)};`;
    throw usageError(`${fault} Take one of ${names}, or see --help`);
  }
  const { values, operands } = parse(name, command, rest);
  if (values['help'] === true) return print(io, (await import('./help.js')).formatHelp(name, command));
  if (command.load === undefined) return print(io, await wordsOf(name, command, operands));
  const answer = await command.load();
  const { exitCode, value, text } = await answer({ operands, values, io, styled: stylerOf(io) });
  io.signal?.throwIfAborted();
  return print(io, values['json'] === true ? JSON.stringify(value, undefined, 2) : text, exitCode);
}

function commandOf(name: string): CommandSpec | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}

function print(io: CommandIo, text: string, exitCode: number = EXIT_CODES.ok): number {
  io.stdout.write(`${text}\n`);
  return exitCode;
}

/** The commands whose answer is a text of the program's own. */
async function wordsOf(
  name: string,
  { words = [] }: CommandSpec,
  [word = '', ...more]: readonly string[],
): Promise<string> {
  if (!words.includes(word) || more.length > 0) {
    throw usageError(`${name} takes one of ${words.join(', ')} (see kubepull ${name} --help)`);
  }
  if (name === 'completion') return (await import('./completion.js')).formatCompletion(word);
  return JSON.stringify((await import('./schemas.js')).getOutputSchema(word), undefined, 2);
}

function parse(
  name: string,
  { options }: CommandSpec,
  args: readonly string[],
): { readonly values: OptionValues; readonly operands: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { ...options } });
    return { values, operands: positionals };
  } catch (error) {
    // Its first sentence says what is wrong; the others are about forms that are rarely meant.
    const [sentence = ''] = (error as Error).message.split(/\.\s/u);
    throw usageError(`${printable(sentence)} (see kubepull ${name} --help)`);
  }
}

/** A coded error is for people already; of a foreign one only its kind is told, as it may quote what it was given. */
function describe(error: unknown): readonly [message: string, exitCode: number] {
  if (isImageError(error)) {
    const isUsage = error.code === 'ERR_OPTION_INVALID' || error.code === 'ERR_PLATFORM_INVALID';
    return [error.message, isUsage ? EXIT_CODES.usage : EXIT_CODES.negative];
  }
  const kind = error instanceof Error ? error.name : typeof error;
  const at = error instanceof Error ? /^ {4}at (\S+)/mu.exec(error.stack ?? '')?.[1] : undefined;
  return [`a fault of this program: ${kind}${at === undefined ? '' : ` in ${at}`}`, EXIT_CODES.negative];
}

function stylerOf({ stdout }: CommandIo): Styled {
  return stdout.colors === true
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_, text) => text;
}
