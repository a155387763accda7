import { quote } from '../internal/index.js';
import { checkMediaTypes } from './check-media-types.js';
import { readConfig, readDescriptor } from './descriptor.js';
import { readDocument } from './document.js';
import { type Fields, readFields } from './fields.js';
import { type DocumentLimits, type DocumentOptions, resolveLimits } from './limits.js';
import {
  isIndexMediaType,
  isManifestMediaType,
  isSchema1MediaType,
  MEDIA_TYPES,
  normalizeMediaType,
} from './media-types.js';
import { type Place, readList, readSize, readText, readTextMap, refuse, show } from './place.js';
import type { ImageIndex, ImageManifest } from './types.js';

const ROOT_KEYS = [
  'schemaVersion',
  'mediaType',
  'artifactType',
  'config',
  'layers',
  'manifests',
  'fsLayers',
  'subject',
  'annotations',
];

/**
 * How a manifest or an index is read.
 *
 * @public
 */
export interface ManifestOptions extends DocumentOptions {
  /**
   * The media type that the response or the descriptor gave. The document must agree, and be of that structure.
   *
   * @defaultValue what the document says itself; without `mediaType`, what its fields show, as an OCI document
   */
  readonly mediaType?: string | undefined;
}

/**
 * What {@link parseManifest} found.
 *
 * @public
 */
export type ParsedManifest =
  | { readonly kind: 'index'; readonly index: ImageIndex }
  | { readonly kind: 'manifest'; readonly manifest: ImageManifest };

/**
 * Reads a manifest or an index, whichever it is, and checks it.
 *
 * Documents that could be read in two ways are refused: fields of both kinds, a media type other than the one announced,
 * a known key twice or in other case, bytes that are not UTF-8. So is Docker schema 1. What Go's tools leave out or write as null is read as they read it: `layers` and `manifests` are empty
 * then, and `mediaType` and `schemaVersion` may be missing where the other fields show what the document is.
 *
 * @param bytes - the document as the registry sent it
 * @param options - the media type announced, and limits
 * @returns the checked document
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` saying what is wrong where, such as in `layers[3].size`
 * @example
 * ```ts
 * import { MEDIA_TYPES, parseManifest } from 'kubepull/oci';
 *
 * const bytes = new TextEncoder().encode('{"schemaVersion":2,"manifests":[]}');
 * parseManifest(bytes, { mediaType: MEDIA_TYPES.ociIndex }).kind; // 'index'
 * ```
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
 * @public
 */
export function parseManifest(bytes: Uint8Array, options: ManifestOptions = {}): ParsedManifest {
  const limits = resolveLimits(options);
  const announced = options.mediaType === undefined ? undefined : normalizeMediaType(options.mediaType);
  // A login page is refused for what it is, not for being no JSON.
  if (announced !== undefined) checkKnown(announced);
  const root = readDocument(bytes, documentName(announced), limits);
  const fields = readFields(root, ROOT_KEYS);
  checkSchema(fields, root);
  const mediaType = readMediaType(fields, announced);
  const kind = isIndexMediaType(mediaType) ? 'index' : 'manifest';
  checkUnambiguous(fields, kind);
  if (kind === 'index') return { kind, index: readIndex(fields, mediaType, limits) };
  return { kind, manifest: readManifest(fields, mediaType, limits) };
}

/**
 * Reads an image index or a Docker manifest list and checks it, see {@link parseManifest}.
 *
 * @param bytes - the document as the registry sent it
 * @param options - the media type announced, and limits
 * @returns the index
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` for anything else, an image manifest included
 * @example
 * ```ts
 * import { parseImageIndex } from 'kubepull/oci';
 *
 * parseImageIndex(new TextEncoder().encode('{"schemaVersion":2,"manifests":[]}')).manifests; // []
 * ```
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
 * @public
 */
export function parseImageIndex(bytes: Uint8Array, options: ManifestOptions = {}): ImageIndex {
  const parsed = parseManifest(bytes, options);
  if (parsed.kind === 'index') return parsed.index;
  throw refuse({ document: 'image index', path: '' }, 'is an image manifest');
}

/**
 * Reads an image manifest, OCI or Docker schema 2, and checks it, see {@link parseManifest}.
 *
 * @param bytes - the document as the registry sent it
 * @param options - the media type announced, and limits
 * @returns the manifest
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` for anything else, an index included
 * @example
 * ```ts
 * import { parseImageManifest } from 'kubepull/oci';
 *
 * declare const bytes: Uint8Array; // as the registry sent it
 * parseImageManifest(bytes).layers.map((layer) => layer.digest);
 * ```
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
 * @public
 */
export function parseImageManifest(bytes: Uint8Array, options: ManifestOptions = {}): ImageManifest {
  const parsed = parseManifest(bytes, options);
  if (parsed.kind === 'manifest') return parsed.manifest;
  throw refuse({ document: 'image manifest', path: '' }, 'is an image index');
}

function documentName(mediaType: string | undefined): string {
  return mediaType === undefined ? 'manifest' : isIndexMediaType(mediaType) ? 'image index' : 'image manifest';
}

function checkKnown(mediaType: string): void {
  const place = { document: 'manifest', path: '' };
  if (isSchema1MediaType(mediaType)) throw schema1(place);
  if (isIndexMediaType(mediaType) || isManifestMediaType(mediaType)) return;
  throw refuse(place, `is ${quote(mediaType)}, which is neither a manifest nor an index`);
}

function schema1(place: Pick<Place, 'document' | 'path'>): Error {
  return refuse(place, 'is Docker schema 1, which is not supported; push the image again with a tool of today');
}

function readMediaType(fields: Fields, announced: string | undefined): string {
  const own = fields.optional('mediaType');
  const body = own === undefined ? '' : readText(own);
  const shown = fields.has('manifests') ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.ociManifest;
  const mediaType = checkMediaTypes({ body: body === '' ? undefined : body, contentType: announced }) ?? shown;
  checkKnown(mediaType);
  return mediaType;
}

/** Go takes a missing version for 0, and containerd does not look at it; what is no document of ours has no such fields. */
function checkSchema(fields: Fields, root: Place): void {
  const place = fields.optional('schemaVersion');
  const version = place === undefined ? undefined : readSize(place);
  if (version === 1 || fields.optional('fsLayers') !== undefined) throw schema1(root);
  if (version === 2 || (version === undefined && (fields.has('config') || fields.has('manifests')))) return;
  throw refuse(fields.required('schemaVersion'), `must be 2, not ${show(fields.required('schemaVersion').node)}`);
}

/** Fields of the other kind would make the same bytes another image to a reader that looks at those first. */
function checkUnambiguous(fields: Fields, kind: ParsedManifest['kind']): void {
  for (const key of kind === 'index' ? ['config', 'layers'] : ['manifests']) {
    const field = fields.optional(key);
    const name = kind === 'index' ? 'an index' : 'a manifest';
    if (field !== undefined) throw refuse(field, `must not be in ${name}: readers could take it for another document`);
  }
}

function readIndex(fields: Fields, mediaType: string, limits: DocumentLimits): ImageIndex {
  return {
    schemaVersion: 2,
    mediaType,
    ...readArtifactType(fields),
    manifests: readEntries(fields, limits).map(readDescriptor),
    ...readSubject(fields),
    ...readAnnotations(fields),
  };
}

/** A document that does not even name its list is not an index. */
function readEntries(fields: Fields, { maxManifests: limit }: DocumentLimits): readonly Place[] {
  if (!fields.has('manifests')) return [fields.required('manifests')];
  return readList(fields.optional('manifests'), { limit, name: 'maxManifests' });
}

function readManifest(fields: Fields, mediaType: string, limits: DocumentLimits): ImageManifest {
  return {
    schemaVersion: 2,
    mediaType,
    ...readArtifactType(fields),
    config: readConfig(fields.required('config')),
    layers: readList(fields.optional('layers'), { limit: limits.maxLayers, name: 'maxLayers' }).map(readDescriptor),
    ...readSubject(fields),
    ...readAnnotations(fields),
  };
}

function readArtifactType(fields: Fields): Pick<ImageManifest, 'artifactType'> {
  const artifactType = fields.optional('artifactType');
  return artifactType === undefined ? {} : { artifactType: readText(artifactType) };
}

function readSubject(fields: Fields): Pick<ImageManifest, 'subject'> {
  const subject = fields.optional('subject');
  return subject === undefined ? {} : { subject: readDescriptor(subject) };
}

function readAnnotations(fields: Fields): Pick<ImageManifest, 'annotations'> {
  const annotations = fields.optional('annotations');
  return annotations === undefined ? {} : { annotations: readTextMap(annotations) };
}
