import { ImageError } from './image-error.js';

/**
 * What an {@link InvalidConfigError} knows of the fault.
 *
 * @public
 */
export interface ConfigFault {
  /** The text that Go's decoder gives for it; kubelet shows it as waiting reason when a pull secret is malformed. */
  readonly upstream: string;
  /** Byte offset of the fault in the document, when known. */
  readonly offset: number | undefined;
}

/**
 * A configuration document (docker config, pull secret, provider config) that cannot be read.
 *
 * Neither the message nor any property quotes the document: it may hold credentials.
 *
 * @public
 */
export class InvalidConfigError extends ImageError<'ERR_CONFIG_INVALID'> implements ConfigFault {
  /** The text of the Go code for the same input. */
  readonly upstream: string;
  /** Where in the input it is wrong, in bytes; `undefined` when the whole is. */
  readonly offset: number | undefined;

  constructor(message: string, fault: ConfigFault) {
    super('ERR_CONFIG_INVALID', message);
    this.upstream = fault.upstream;
    this.offset = fault.offset;
  }
}
