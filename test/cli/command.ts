import { Ajv2020 } from 'ajv/dist/2020.js';
import {
  type CommandIo,
  type ExplainOutput,
  getOutputSchema,
  type LintOutput,
  type PinOutput,
  type PreflightOutput,
  type PullOutput,
  runCommand,
} from 'kubepull/cli';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  /** The files that there are, by path. */
  readonly files?: Readonly<Record<string, unknown>>;
  readonly stdin?: unknown;
  readonly isTTY?: boolean;
  readonly colors?: boolean;
  readonly signal?: AbortSignal;
}

/** Runs a command over files in memory; what is no text is written as JSON. */
export async function runCli(args: readonly string[], around: Surroundings = {}): Promise<Ran> {
  const { files = {}, stdin, isTTY = false, colors = false, signal } = around;
  const written = { stdout: '', stderr: '' };
  const outputTo = (name: keyof typeof written): CommandIo['stdout'] => ({
    write: (text) => (written[name] += text),
    isTTY,
    colors,
  });
  const code = await runCommand(args, {
    async readFile(path) {
      if (!Object.hasOwn(files, path)) throw Object.assign(new Error('absent'), { code: 'ENOENT' });
      return bytesOf(files[path]);
    },
    readStdin: async () => bytesOf(stdin),
    stdout: outputTo('stdout'),
    stderr: outputTo('stderr'),
    signal,
  });
  return { code, ...written };
}

function bytesOf(content: unknown): Uint8Array {
  if (content instanceof Uint8Array) return content;
  return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
}

const ajv = new Ajv2020({ strict: true, strictRequired: true });

interface Outputs {
  readonly explain: ExplainOutput;
  readonly lint: LintOutput;
  readonly pin: PinOutput;
  readonly preflight: PreflightOutput;
  readonly pull: PullOutput;
}

/** Runs a command with `--json`, and judges its answer by the schema that the package gives for it. */
export async function runJson<C extends keyof Outputs>(
  args: readonly [C, ...(readonly string[])],
  around?: Surroundings,
): Promise<{ readonly code: number; readonly value: Outputs[C] }> {
  const { code, stdout, stderr } = await runCli([...args, '--json'], around);
  if (stderr !== '' && !['pin', 'pull'].includes(args[0])) throw new Error(`stderr: ${stderr}`);
  const value = JSON.parse(stdout) as Outputs[C];
  checkOutput(args[0], value);
  return { code, value };
}

/** Throws when an answer is not what the schema of its command says. */
export function checkOutput(command: string, value: unknown): void {
  const check = ajv.compile(getOutputSchema(command));
  if (!check(value)) throw new Error(ajv.errorsText(check.errors));
}
