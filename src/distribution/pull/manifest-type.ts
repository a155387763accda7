import { readJson, memberOf, quote } from '../../internal/index.js';
import {
  checkMediaTypes,
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  isIndexMediaType,
  isManifestMediaType,
  normalizeMediaType,
} from '../../oci/index.js';
import { typeOf, unreadable } from '../response/response.js';
import type { FollowedResponse } from '../transport/transport.js';

const SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+';

/** The media type that an answer announces, when it is that of a manifest or an index. */
export function announcedType(followed: FollowedResponse): string | undefined {
  const mediaType = typeOf(followed);
  return kindOf(mediaType) === undefined ? undefined : mediaType;
}

/**
 * What bytes are whose digest was checked: what they say themselves, else what led to them, else what was announced with
 * them. Caches and old registries announce the wrong type, and indexes name a manifest in the other spelling, OCI's or
 * Docker's; but whether it is a manifest or an index, the bytes and what led to them have to agree on, and what was
 * announced as well when the digest came in the same answer.
 *
 * @param how - `pinned` says that the digest was known before the answer came
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when they do not
 */
export function typeOfChecked(
  bytes: Uint8Array,
  {
    announced,
    parent,
    pinned,
  }: {
    readonly announced: string | undefined;
    readonly parent: Descriptor | undefined;
    readonly pinned: boolean;
  },
): string | undefined {
  const own = ownType(bytes);
  const led = parent === undefined ? undefined : normalizeMediaType(parent.mediaType);
  // What says that it is something else is refused when it is read.
  if (own !== undefined && kindOf(own) === undefined) return led ?? announced;
  const type = own ?? led ?? announced;
  if (led !== undefined && type !== undefined && kindOf(led) !== kindOf(type))
    checkMediaTypes({ body: type, descriptor: led });
  if (!pinned && announced !== undefined && type !== undefined && kindOf(announced) !== kindOf(type))
    checkMediaTypes({ body: type, contentType: announced });
  return type;
}

function kindOf(mediaType: string): 'index' | 'manifest' | undefined {
  if (isIndexMediaType(mediaType)) return 'index';
  return isManifestMediaType(mediaType) ? 'manifest' : undefined;
}

function ownType(bytes: Uint8Array): string | undefined {
  const parsed = readJson(bytes, DEFAULT_DOCUMENT_LIMITS);
  const own = parsed.ok ? memberOf(parsed.node, 'mediaType') : undefined;
  return own?.kind === 'string' && own.value !== '' ? normalizeMediaType(own.value) : undefined;
}

/** The error for what is answered instead of a manifest: a login page, or a format that no registry should still have. */
export function notAManifest(followed: FollowedResponse): Error {
  const type = typeOf(followed);
  if (type === '') return unreadable(followed.shown, 'it came without a Content-Type');
  if (type.startsWith(SCHEMA_1)) {
    const cure = 'push the image again with a tool of today';
    return unreadable(followed.shown, `it is Docker schema 1, which is not supported; ${cure}`);
  }
  return unreadable(
    followed.shown,
    `its Content-Type is ${quote(followed.mask(type))}, which is neither a manifest nor an index`,
  );
}
