import type { PullAttempt } from '../puller/index.js';
import { ImageError } from './image-error.js';

/**
 * A pull that failed with every credential, in the order in which they were tried.
 *
 * @public
 */
export class PullFailedError extends ImageError<'ERR_PULL_FAILED'> {
  /** The image as the caller wrote it. */
  readonly image: string;
  readonly attempts: readonly PullAttempt[];

  constructor(message: string, image: string, attempts: readonly PullAttempt[]) {
    super('ERR_PULL_FAILED', message);
    this.image = image;
    this.attempts = attempts;
  }
}
