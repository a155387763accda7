import { InvalidReferenceError } from 'kubepull/errors';
import { parseReference } from 'kubepull/reference';

/** The error of an input that must be refused. */
export function refusal(input: string, parse: (input: string) => unknown = parseReference): InvalidReferenceError {
  try {
    parse(input);
  } catch (error) {
    if (error instanceof InvalidReferenceError) return error;
    throw error;
  }
  throw new Error(`${input} was accepted`);
}
