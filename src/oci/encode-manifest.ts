import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { ImageError } from '../errors/index.js';
import { encodeUtf8 } from '../internal/index.js';
import { type DocumentOptions, resolveLimits } from './limits.js';
import type { ImageIndex, ImageManifest } from './types.js';

/**
 * The bytes of a manifest or an index that was made here, for a push or a store.
 *
 * Equal values whose fields are in the same order give equal bytes, and so the same digest. Never use it for one that was
 * read: what it does not know of would be lost, and the digest another.
 *
 * @param manifest - such as `createIndex` makes
 * @param options - limits
 * @returns compact JSON in UTF-8
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when it has more bytes than any registry takes
 * @example
 * ```ts
 * import { createIndex, type Descriptor, encodeManifest } from 'kubepull/oci';
 *
 * declare const manifests: readonly Descriptor[];
 * const bytes = encodeManifest(createIndex(manifests));
 * ```
 * @public
 */
export function encodeManifest(manifest: ImageIndex | ImageManifest, options: DocumentOptions = {}): Uint8Array {
  check('Cannot encode a manifest', { manifest }, { manifest: is.object });
  const { maxBytes } = resolveLimits(options);
  const bytes = encodeUtf8(JSON.stringify(manifest));
  if (bytes.length <= maxBytes) return bytes;
  throw new ImageError(
    'ERR_OPTION_INVALID',
    `Cannot encode a manifest: it has ${bytes.length} bytes, more than ${maxBytes}`,
  );
}
