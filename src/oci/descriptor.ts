import { isDigest } from '../digest/index.js';
import { readDocument } from './document.js';
import { type Fields, readFields } from './fields.js';
import { type DocumentOptions, resolveLimits } from './limits.js';
import { type Place, readList, readSize, readText, readTextMap, refuse, show } from './place.js';
import type { Descriptor, Platform } from '../internal/index.js';

const DESCRIPTOR_KEYS = ['mediaType', 'digest', 'size', 'urls', 'annotations', 'data', 'artifactType', 'platform'];
const PLATFORM_KEYS = ['os', 'architecture', 'variant', 'os.version', 'os.features'];
/** RFC 6838's restricted names, to which the OCI spec holds media types. */
const MEDIA_TYPE = /^[a-z0-9][\w!#$&^.+-]{0,126}\/[a-z0-9][\w!#$&^.+-]{0,126}$/i;

/**
 * Reads a descriptor and checks it: a media type, a full digest of a known algorithm, an exact size.
 *
 * Unknown fields are passed over, as is embedded content (`data`) that is no text; what is text is not verified yet.
 *
 * @param bytes - the descriptor as JSON
 * @param options - limits
 * @returns the descriptor
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` saying which field is wrong
 * @example
 * ```ts
 * import { parseDescriptor } from 'kubepull/oci';
 *
 * const text = `{"mediaType":"text/plain","digest":"sha256:${'0'.repeat(64)}","size":3}`;
 * parseDescriptor(new TextEncoder().encode(text)).size; // 3
 * ```
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md
 * @public
 */
export function parseDescriptor(bytes: Uint8Array, options: DocumentOptions = {}): Descriptor {
  return readDescriptor(readDocument(bytes, 'descriptor', resolveLimits(options)));
}

export function readDescriptor(place: Place): Descriptor {
  return readMembers(place, (fields) => readMediaType(fields.required('mediaType')));
}

/** A manifest's config: it is found by its place, and old tools write no media type. */
export function readConfig(place: Place): Descriptor {
  return readMembers(place, (fields) => {
    const mediaType = fields.optional('mediaType');
    return mediaType === undefined || readText(mediaType) === '' ? '' : readMediaType(mediaType);
  });
}

function readMembers(place: Place, mediaTypeOf: (fields: Fields) => string): Descriptor {
  const fields = readFields(place, DESCRIPTOR_KEYS);
  const [urls, annotations] = [fields.optional('urls'), fields.optional('annotations')];
  const [artifactType, platform] = [fields.optional('artifactType'), fields.optional('platform')];
  const data = fields.optional('data')?.node;
  return {
    mediaType: mediaTypeOf(fields),
    digest: readDigest(fields.required('digest')),
    size: readSize(fields.required('size')),
    ...(urls === undefined ? {} : { urls: readList(urls).map(readText) }),
    ...(annotations === undefined ? {} : { annotations: readTextMap(annotations) }),
    ...(artifactType === undefined ? {} : { artifactType: readText(artifactType) }),
    ...(platform === undefined ? {} : { platform: readPlatform(platform) }),
    ...(data?.kind === 'string' ? { data: data.value } : {}),
  };
}

function readMediaType(place: Place): string {
  const mediaType = readText(place);
  if (MEDIA_TYPE.test(mediaType)) return mediaType;
  throw refuse(place, `must be a media type, not ${show(place.node)}`);
}

function readDigest(place: Place): Descriptor['digest'] {
  const digest = readText(place);
  if (isDigest(digest)) return digest;
  throw refuse(place, `must be a full sha256, sha384 or sha512 digest, not ${show(place.node)}`);
}

/** Go reads a missing name as an empty one, and containerd takes an empty operating system for the host's. */
function readPlatform(place: Place): Platform {
  const fields = readFields(place, PLATFORM_KEYS);
  const textOf = (key: string): string | undefined => {
    const field = fields.optional(key);
    return field === undefined ? undefined : readText(field);
  };
  const [variant, version, features] = [textOf('variant'), textOf('os.version'), fields.optional('os.features')];
  return {
    os: textOf('os') ?? '',
    architecture: textOf('architecture') ?? '',
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
    ...(features === undefined ? {} : { 'os.features': readList(features).map(readText) }),
  };
}
