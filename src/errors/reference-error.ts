import { ImageError } from './image-error.js';

/**
 * Why a reference was refused: one value per failure class of distribution/reference and go-digest.
 *
 * @public
 */
export type ReferenceErrorReason =
  | 'empty'
  | 'format'
  | 'uppercase'
  | 'too-long'
  | 'identifier'
  | 'tag'
  | 'digest-format'
  | 'digest-length'
  | 'digest-algorithm'
  | 'not-canonical';

/**
 * What an {@link InvalidReferenceError} knows of the fault.
 *
 * @public
 */
export interface ReferenceFault {
  /** The failure class. */
  readonly reason: ReferenceErrorReason;
  /** The text that Go's distribution/reference gives for it; kubelet puts it into events. */
  readonly upstream: string;
  /** Where the fault starts, as an index into the input, when one place is to blame. */
  readonly position: number | undefined;
  /** A corrected input, when there is an obvious one. */
  readonly suggestion: string | undefined;
}

/**
 * An image reference, tag or digest that the grammar refuses.
 *
 * @public
 */
export class InvalidReferenceError extends ImageError<'ERR_REFERENCE_INVALID'> implements ReferenceFault {
  /** The refused input, cut at 4,096 characters; in an address, with `***` in place of user and password. */
  declare readonly input: string;
  /** The failure class, for programs. */
  declare readonly reason: ReferenceErrorReason;
  /** The text that Go's distribution/reference gives for it; kubelet puts it into events. */
  declare readonly upstream: string;
  /** Where the fault starts, as an index into the input; `undefined` when no one place is to blame. */
  declare readonly position: number | undefined;
  /** A corrected input; `undefined` when there is no obvious one. */
  declare readonly suggestion: string | undefined;

  constructor(message: string, input: string, fault: ReferenceFault) {
    super('ERR_REFERENCE_INVALID', message);
    // One call instead of five assignments: this class is in the smallest bundle of the library.
    Object.assign(this, { ...fault, input: input.slice(0, 4096) });
  }
}
