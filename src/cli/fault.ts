import { ImageError } from '../errors/index.js';

/** A command line or an input that cannot be understood: such an error ends the program with the code for it. */
export function usageError(message: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', message);
}
