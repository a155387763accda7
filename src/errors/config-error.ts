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
  /** The text that Go's decoder, or kubelet, gives for the same document. */
  readonly upstream: string;
  /** Byte offset of the fault in the document; `undefined` when it is not known. */
  readonly offset: number | undefined;

  constructor(message: string, fault: ConfigFault) {
    super('ERR_CONFIG_INVALID', message);
    this.upstream = fault.upstream;
    this.offset = fault.offset;
  }
}
