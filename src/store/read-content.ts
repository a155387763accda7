import type { CallOptions } from '../clock/index.js';
import { StoreError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ContentStore } from './types.js';

/**
 * How {@link readContent} reads.
 *
 * @public
 */
export interface ReadContentOptions extends CallOptions {
  /** The largest content that is taken into memory. */
  readonly maxBytes: number;
}

/**
 * Reads whole content from a store into memory.
 *
 * @param store - where from
 * @param descriptor - the content
 * @param options - the limit, without default: it depends on what the content is
 * @returns the bytes; they are the caller's
 * @throws {@link StoreError} when the content is not there, is larger than the limit, or cannot be read
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { type ContentStore, readContent } from 'kubepull/store';
 *
 * declare const store: ContentStore;
 * declare const config: Descriptor;
 * const bytes = await readContent(store, config, { maxBytes: 4 * 1024 * 1024 });
 * ```
 * @public
 */
export async function readContent(
  store: Pick<ContentStore, 'read'>,
  descriptor: Descriptor,
  options: ReadContentOptions,
): Promise<Uint8Array> {
  const { size } = descriptor;
  const { maxBytes, ...call } = options;
  if (!(size <= maxBytes)) throw cannotRead(descriptor, `it has ${size} bytes, more than ${maxBytes}`);
  const bytes = new Uint8Array(size);
  let length = 0;
  for await (const chunk of store.read(descriptor, call)) {
    if (chunk.length > size - length) throw cannotRead(descriptor, `the store gave more than its ${size} bytes`);
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (length === size) return bytes;
  throw cannotRead(descriptor, `the store gave ${length} of its ${size} bytes`);
}

function cannotRead({ digest }: Descriptor, reason: string): StoreError {
  return new StoreError(`Cannot read content ${digest}: ${reason}`, { operation: 'read' });
}
