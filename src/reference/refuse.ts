import { InvalidReferenceError } from '../errors/index.js';
import { hideUserInfo, printable, quote } from '../internal/index.js';
import { type Flaw, isFlaw } from './flaw.js';
import { tooLong } from './read.js';
import { suggest } from './suggest.js';
import type { ImageReference } from './types.js';

const MAX_INPUT = 4096;

/** Reads a text as a reference of some form. */
export type Read = (input: string) => ImageReference | Flaw;

/** The error of a flaw: what was refused, why, where, and what was probably meant. */
export function refuse(
  input: string,
  flaw: Flaw,
  suggestion?: string,
  what = 'image reference',
): InvalidReferenceError {
  const place = flaw.position === undefined ? '' : ` at ${flaw.position}`;
  const advice = suggestion === undefined ? '' : `; did you mean ${quote(suggestion)}?`;
  const shown = hideUserInfo(input);
  const message = `Cannot parse ${what} ${quote(shown)}: ${printable(flaw.upstream)}${place}${advice}`;
  return new InvalidReferenceError(message, shown, { ...flaw, suggestion });
}

/** Reads, or gives the error with a suggestion where there is one. */
export function tryRead(input: string, read: Read): ImageReference | InvalidReferenceError {
  // A caller without types may have no image to pass.
  const text = typeof input === 'string' ? input : '';
  const result = text.length > MAX_INPUT ? tooLong(MAX_INPUT) : read(text);
  if (!isFlaw(result)) return result;
  return refuse(text, result, result.reason === 'too-long' ? undefined : suggest(text, read));
}

export function readOrThrow(input: string, read: Read): ImageReference {
  const result = tryRead(input, read);
  if (result instanceof InvalidReferenceError) throw result;
  return result;
}
