import type { RegistryEndpoint } from '../internal/index.js';
import type { CallOptions } from '../clock/index.js';
import type { ImageReference } from '../reference/index.js';

/**
 * Says where an image is pulled from, first choice first. Nothing is added to the answer: the image's own registry is
 * asked where it stands in the list, and not at all when it does not. An empty list is the image's own registry alone.
 *
 * @see {@link mirrorEndpoints} and `readHostsToml`, `readRegistriesConf` of `kubepull/node`, which make one
 * @public
 */
export type RegistryEndpoints = (
  ref: ImageReference,
  options?: CallOptions,
) => readonly RegistryEndpoint[] | Promise<readonly RegistryEndpoint[]>;
