import { ImageError } from '../errors/index.js';
import { printable } from '../internal/index.js';
import { goCodeName, goStatusText } from './go-status.js';

/** Longer than any text that a runtime gives for a lawful image name, and short enough for a log. */
const MAX_SHOWN = 2_048;

/**
 * The calls of CRI's `ImageService`.
 *
 * @public
 */
export type CriOperation = 'ListImages' | 'StreamImages' | 'ImageStatus' | 'PullImage' | 'RemoveImage' | 'ImageFsInfo';

/**
 * A failure of a call, with Go's description of it.
 *
 * @public
 */
export interface CriFailure {
  readonly operation: CriOperation;
  /** The gRPC status, as a number. */
  readonly code: number;
  readonly description: string;
}

/**
 * A call that the runtime answered with an error, or not at all.
 *
 * The message is what kubelet prints into events and waiting messages, to the letter but for secrets, control characters
 * and anything after 2,048 characters. Of an unknown error of a pull it is the runtime's own text alone.
 *
 * @public
 */
export class CriError extends ImageError<'ERR_RUNTIME'> {
  readonly operation: CriOperation;
  /** Go's name of the gRPC status, such as `NotFound` or `Unavailable`. */
  readonly status: string;

  constructor({ operation, code, description }: CriFailure) {
    const isBare = operation === 'PullImage' && goCodeName(code) === 'Unknown';
    super('ERR_RUNTIME', printable(isBare ? description : goStatusText(code, description), MAX_SHOWN));
    this.operation = operation;
    this.status = goCodeName(code);
  }
}
