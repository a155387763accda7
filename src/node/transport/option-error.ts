import { ImageError } from '../../errors/index.js';

/** The error for an option of a transport; what it quotes must not be a secret. */
export function optionError(fault: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot make a transport with ${fault}`);
}
