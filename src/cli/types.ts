/**
 * Where a command writes text to, such as `process.stdout`.
 *
 * @public
 */
export interface CommandOutput {
  /** Prints a piece of text; a command may print several. */
  write(text: string): unknown;
  /** Whether a person looks at it: a line that is written over and over is for them only. @defaultValue `false` */
  readonly isTTY?: boolean | undefined;
  /** Whether it shows colours. @defaultValue `false` */
  readonly colors?: boolean | undefined;
}

/**
 * What a command may touch besides the registries and the files that it is told to read or write by itself.
 *
 * @public
 */
export interface CommandIo {
  /** The content of a file that the command line names. */
  readFile(path: string): Promise<Uint8Array>;
  /** All of standard input, which the operand `-` stands for. */
  readStdin(): Promise<Uint8Array>;
  /** Takes the answer and nothing else. */
  readonly stdout: CommandOutput;
  /** Takes progress and faults. */
  readonly stderr: CommandOutput;
  /** Ends the command, which then gives `EXIT_CODES.interrupted`. @defaultValue none */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What `kubepull` ends with.
 *
 * @public
 */
export const EXIT_CODES: {
  /** It was done, and the answer is good. */
  readonly ok: 0;
  /** The answer is bad: a container waits, something was found, a pull failed. */
  readonly negative: 1;
  /** The command line or the input cannot be understood. */
  readonly usage: 2;
  /** It was interrupted. */
  readonly interrupted: 130;
} = { ok: 0, negative: 1, usage: 2, interrupted: 130 };

/** Text in a style, or as it is where no colours are wanted. */
export type Styled = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string;

/** The values of the options that were given. */
export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** What a command is called with. */
export interface CommandCall {
  readonly operands: readonly string[];
  readonly values: OptionValues;
  readonly io: CommandIo;
  readonly styled: Styled;
}

/** What a command answers: a value for programs, and the same as text for people. */
export interface CommandAnswer {
  readonly exitCode: number;
  readonly value: object;
  readonly text: string;
}

export type Answer = (call: CommandCall) => Promise<CommandAnswer>;
