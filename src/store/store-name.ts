import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { Descriptor } from '../oci/index.js';

/** The longest image reference that this library reads. */
const MAX_NAME_LENGTH = 4096;
const UNFIT = /[\p{Cc}\p{Cs}]/u;

/**
 * Checks a name before a store keeps it. A name is text, never a path: `../x` is as good as any.
 *
 * @param name - such as `registry.example.com/app:1`
 * @returns the same name
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an empty name, one of more than 4,096 characters, and one with
 * control characters or lone surrogates
 * @example
 * ```ts
 * import { checkStoreName } from 'kubepull/store';
 *
 * checkStoreName('docker.io/library/nginx:1.27');
 * ```
 * @public
 */
export function checkStoreName(name: string): string {
  if (name.length > 0 && name.length <= MAX_NAME_LENGTH && !UNFIT.test(name)) return name;
  const reason =
    name === '' ? 'it is empty' : name.length > MAX_NAME_LENGTH ? 'it is too long' : 'it is not plain text';
  throw new ImageError('ERR_OPTION_INVALID', `Cannot use ${quote(name)} as a name in a store: ${reason}`);
}

/**
 * The part of a descriptor that a store keeps with a name.
 *
 * Annotations stay behind: an index from a registry brings them, and importers of a layout read names from them.
 *
 * @param descriptor - the manifest or index that is named
 * @returns media type, digest, size, and artifact type and platform if there are any
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { nameTarget } from 'kubepull/store';
 *
 * declare const chosen: Descriptor;
 * nameTarget(chosen).annotations; // undefined
 * ```
 * @public
 */
export function nameTarget(descriptor: Descriptor): Descriptor {
  const { mediaType, digest, size, artifactType, platform } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(platform === undefined ? {} : { platform: { ...platform } }),
  };
}
