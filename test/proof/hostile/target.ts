// What hostile input is given to: a function that reads it, and the laws that its results keep whatever the input is.
import { isDeepStrictEqual } from 'node:util';
import { type AnyImageError, isImageError } from 'kubepull/errors';
import { encodeUtf8 } from '../../../src/internal/index.ts';

/** A reader that hostile input is given to. */
export interface Target {
  readonly name: string;
  /** Whose inputs it gets. @defaultValue those of its own name */
  readonly corpus?: string;
  /**
   * Reads the input, and holds the result against the laws. What it throws is a finding.
   *
   * @param input - text; a lone surrogate U+DC80…U+DCFF stands for the byte 0x80…0xFF, where bytes are read
   */
  readonly run: (input: string, hear: Hear) => unknown;
  /** Words of its language, of which the fuzzer makes new input. */
  readonly words: readonly string[];
  /** Whether no error may repeat anything of the input. Others may repeat what is no secret. @defaultValue `false` */
  readonly silent?: boolean;
  /** The power of the length that the time grows with, where that is not 1. */
  readonly degree?: number;
}

/** Gets everything that a reader says: its errors, findings and explanations. */
export type Hear = (said: unknown) => void;

/** Stands in the corpus where a secret stands, and nowhere else. */
export const SECRET = 'Tr0ub4dor.w0rd';
/** A message is for a line of a log. */
const MAX_MESSAGE = 4096;

/** A law that does not hold for an input. */
export class BrokenLaw extends Error {}

export function law(holds: boolean, text: string): asserts holds {
  if (!holds) throw new BrokenLaw(text);
}

export function sameLaw(one: unknown, other: unknown, text: string): void {
  law(isDeepStrictEqual(one, other), text);
}

/** What a reader gave, or the error by which it refused the input. Anything else that it throws is thrown on. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: AnyImageError; readonly value?: undefined };

export function attempt<T>(hear: Hear, read: () => T): Outcome<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    return refusal(hear, error);
  }
}

/** The same for what answers later. */
export async function attemptLater<T>(hear: Hear, read: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    return refusal(hear, error);
  }
}

function refusal(hear: Hear, error: unknown): Outcome<never> {
  if (!isImageError(error)) throw error;
  law(/^ERR_[A-Z_]+$/.test(error.code), 'an error has a code');
  law(error.message.length <= MAX_MESSAGE, 'a message is short');
  law(!/[\p{Cc}\p{Cs}]/u.test(error.message), 'a message has no control character and no half of one');
  hear(error);
  return { ok: false, error };
}

/** The bytes that an input stands for. */
export function bytesOf(input: string): Uint8Array {
  return encodeUtf8(input);
}

/** Two texts of one input. */
export function pairOf(input: string): readonly [string, string] {
  const at = input.indexOf('\t');
  return at < 0 ? [input, ''] : [input.slice(0, at), input.slice(at + 1)];
}

/** The object that a text is in JSON; `undefined` where it is none. */
export function objectOf(input: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(input);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
