import { ImageError } from './image-error.js';

/**
 * The calls of CRI's `ImageService`.
 *
 * @public
 */
export type CriOperation = 'ListImages' | 'StreamImages' | 'ImageStatus' | 'PullImage' | 'RemoveImage' | 'ImageFsInfo';

/**
 * A call that the runtime answered with an error, or not at all.
 *
 * The message is what kubelet prints into events and waiting messages, to the letter but for secrets, control characters
 * and anything after 2,048 characters. Of an unknown error of a pull it is the runtime's own text alone.
 *
 * @public
 */
export class CriError extends ImageError<'ERR_RUNTIME'> {
  /** The call of CRI's `ImageService` that failed. */
  readonly operation: CriOperation;
  /** Go's name of the gRPC status, such as `NotFound` or `Unavailable`. */
  readonly status: string;

  constructor(message: string, call: { readonly operation: CriOperation; readonly status: string }) {
    super('ERR_RUNTIME', message);
    this.operation = call.operation;
    this.status = call.status;
  }
}
