import type { CallOptions } from '../../clock/index.js';
import { type Digest, getDigestAlgorithm, computeDigest } from '../../digest/index.js';
import { atDigest } from '../pull/manifests.js';
import { readReferrersTag, referrersTag } from '../pull/referrers.js';
import { type BlobSource, checkStored, FROM, pushBlob, type PushedBlob } from './blob.js';
import { ASK, enter, type RegistrySession, type Session } from '../session/session.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

import { headerOf } from '../response/response.js';
import { manifestUrl } from '../session/request.js';
import { ContentMismatchError, ImageError } from '../../errors/index.js';
import {
  type Descriptor,
  decodeEmbeddedContent,
  encodeManifest,
  type ImageIndex,
  type ImageManifest,
  isIndexMediaType,
  isManifestMediaType,
  MEDIA_TYPES,
  type ParsedManifest,
  parseManifest,
} from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';

/** Levels of index in index that are pushed. */
const MAX_INDEX_DEPTH = 4;
const CREATED = 201;
const ACTIONS = { actions: 'pull,push' } as const;

/**
 * A manifest to push.
 *
 * @public
 */
export interface PushContent {
  /** The manifest or index, which is sent byte for byte. */
  readonly bytes: Uint8Array;
  /** Its media type; a Docker manifest says the same itself. */
  readonly mediaType: string;
}

/**
 * How a manifest is pushed.
 *
 * @public
 */
export interface PushManifestOptions extends CallOptions {
  /**
   * The content of what the manifest names: blobs, and for an index its manifests, which are to be bytes. It is asked for
   * each of them once; a function that it gives is called only if the repository lacks the blob.
   *
   * @defaultValue all has to be in the repository already, or mounted
   * @example
   * ```ts
   * import { type PushManifestOptions, readBlob, readManifestBytes, type RegistrySession } from 'kubepull/distribution';
   * import { isIndexMediaType, isManifestMediaType } from 'kubepull/oci';
   * import type { ImageReference } from 'kubepull/reference';
   *
   * declare const source: RegistrySession;
   * declare const from: ImageReference;
   * const options: PushManifestOptions = {
   *   content: async (wanted) =>
   *     isManifestMediaType(wanted.mediaType) || isIndexMediaType(wanted.mediaType)
   *       ? (await readManifestBytes(source, from, { descriptor: wanted })).bytes
   *       : () => readBlob(source, from, wanted),
   * };
   * ```
   */
  readonly content?: ((descriptor: Descriptor) => BlobSource | undefined | Promise<BlobSource | undefined>) | undefined;
  /** A repository of the same registry that may have the blobs, to be mounted from there. @defaultValue none */
  readonly mountFrom?: Pick<ImageReference, 'path'> | undefined;
}

/**
 * A manifest that the registry took.
 *
 * @public
 */
export interface PushedManifest {
  /** The media type, digest and size of what was pushed. */
  readonly descriptor: Descriptor;
  /** How each blob came into the repository; those that other manifests of an index name are among them. */
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly how: PushedBlob }[];
  /**
   * Who keeps the list of what refers to the manifest's subject: the registry, or a tag that was pushed too because the
   * registry does not; `undefined` when the manifest has no subject.
   */
  readonly referrers: 'registry' | 'tag' | undefined;
}

/** What one push shares on all levels of its indexes. */
interface Push {
  readonly session: Session;
  readonly options: PushManifestOptions;
  /** What came into the repository, once each. */
  readonly done: Map<string, PushedManifest['blobs'][number]>;
}

/**
 * Pushes a manifest or index into a repository, under its tag or digest: first what it names, then itself, then the list
 * of what refers to its subject.
 *
 * @param session - with the reference's registry
 * @param ref - the repository, with the tag or digest to push to
 * @param manifest - the document
 * @param options - the content of what it names, where that may be mounted from, an abort signal
 * @returns what the registry took
 * @throws what {@link createRegistrySession} says of verbs; `ERR_OPTION_INVALID` when the repository lacks something that
 * there is no content for
 * @example
 * ```ts
 * import { pushManifest, type RegistrySession } from 'kubepull/distribution';
 * import { encodeManifest, type ImageIndex } from 'kubepull/oci';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * declare const index: ImageIndex;
 * await pushManifest(session, parseReference('registry.example.com/app:1'), {
 *   bytes: encodeManifest(index),
 *   mediaType: index.mediaType,
 * });
 * ```
 * @see PushReference in oras.land/oras-go registry/remote
 * @public
 */
export async function pushManifest(
  session: RegistrySession,
  ref: ImageReference,
  manifest: PushContent,
  options: PushManifestOptions = {},
): Promise<PushedManifest> {
  check(ASK, { manifest }, { manifest: is.shape({ bytes: is.bytes, mediaType: is.text }) });
  check<PushManifestOptions>(ASK, options, { content: is.optional(is.callable), mountFrom: FROM, ...is.callOptions });
  const push: Push = { session: enter(session, ref), options, done: new Map() };
  const { descriptor, referrers } = await pushLevel(push, ref, manifest, 0);
  return { descriptor, referrers, blobs: [...push.done.values()] };
}

async function pushLevel(
  push: Push,
  ref: ImageReference,
  { bytes, mediaType }: PushContent,
  depth: number,
): Promise<Omit<PushedManifest, 'blobs'>> {
  const parsed = parseManifest(bytes, { mediaType });
  const document = parsed.kind === 'index' ? parsed.index : parsed.manifest;
  const content = { bytes, mediaType: document.mediaType, document };
  describe(push.session, ref, content);
  await pushNamed(push, ref, parsed, depth);
  return putDocument(push.session, ref, content, push.options);
}

/** Pushes a manifest or index whose content the repository has, and the list of what refers to its subject. */
export async function putDocument(
  session: Session,
  ref: ImageReference,
  { document, ...content }: PushContent & { readonly document: ImageManifest | ImageIndex },
  call: CallOptions,
): Promise<Omit<PushedManifest, 'blobs'>> {
  const descriptor = describe(session, ref, content);
  const taken = await putManifest(session, ref, { ...descriptor, bytes: content.bytes }, call);
  const { subject } = document;
  if (subject === undefined) return { descriptor, referrers: undefined };
  if (taken.subject === subject.digest) return { descriptor, referrers: 'registry' };
  await pushReferrer(session, ref, { descriptor, document, subject: subject.digest }, call);
  return { descriptor, referrers: 'tag' };
}

/** A registry takes a manifest only when it has what it names. */
async function pushNamed(push: Push, ref: ImageReference, parsed: ParsedManifest, depth: number): Promise<void> {
  if (parsed.kind === 'manifest') {
    for (const blob of blobsOf(parsed.manifest)) await pushOnce(push, ref, blob);
    return;
  }
  if (depth === MAX_INDEX_DEPTH) throw refuse(ref, `its indexes are nested deeper than ${MAX_INDEX_DEPTH} levels`);
  for (const entry of parsed.index.manifests) await pushEntry(push, ref, entry, depth);
}

/** Layers that must not be distributed stay where their URLs say. */
function blobsOf({ config, layers }: ImageManifest): readonly Descriptor[] {
  return [config, ...layers.filter(({ urls = [] }) => urls.length === 0)];
}

async function pushOnce({ session, options, done }: Push, ref: ImageReference, blob: Descriptor): Promise<void> {
  if (done.has(blob.digest)) return;
  const { mountFrom, signal } = options;
  const content = decodeEmbeddedContent(blob, session.createHasher) ?? (await options.content?.(blob));
  const how = await pushBlob(session, ref, blob, { content, mountFrom, signal });
  done.set(blob.digest, { descriptor: blob, how });
}

/** A manifest that an index names: pushed by digest if there is content for it, else it must be there. */
async function pushEntry(push: Push, ref: ImageReference, entry: Descriptor, depth: number): Promise<void> {
  const { session, options } = push;
  const { mediaType, digest } = entry;
  if (!isManifestMediaType(mediaType) && !isIndexMediaType(mediaType)) return pushOnce(push, ref, entry);
  const bytes = await options.content?.(entry);
  if (bytes === undefined) return checkPresent(session, ref, entry, options);
  if (!(bytes instanceof Uint8Array))
    throw refuse(ref, `the content of manifest ${digest} must be bytes, not a function`);
  await pushLevel(push, atDigest(ref, digest), { bytes, mediaType }, depth + 1);
  return undefined;
}

async function checkPresent(
  session: Session,
  ref: ImageReference,
  entry: Descriptor,
  call: CallOptions,
): Promise<void> {
  if (await isManifestThere(session, ref, entry, call)) return;
  throw refuse(ref, `it lacks manifest ${entry.digest}, and there is no content to push`);
}

/** Whether a repository has a manifest or index, asked with the token of a push. */
export async function isManifestThere(
  session: Session,
  ref: ImageReference,
  { mediaType, digest }: Descriptor,
  { signal }: CallOptions,
): Promise<boolean> {
  const url = manifestUrl(session, atDigest(ref, digest));
  const followed = await session.send({ method: 'HEAD', ref, url, headers: { accept: mediaType }, signal, ...ACTIONS });
  const { status } = followed.response;
  if (status !== 200 && status !== 404) throw await session.failure(followed);
  await followed.response.discard();
  return status === 200;
}

/** What the bytes are, by the algorithm of the digest that they are pushed under. */
function describe({ createHasher }: Session, ref: ImageReference, { bytes, mediaType }: PushContent): Descriptor {
  const algorithm = ref.digest === undefined ? 'sha256' : getDigestAlgorithm(ref.digest);
  const descriptor = { mediaType, digest: computeDigest(bytes, createHasher, algorithm), size: bytes.length };
  if (ref.digest === undefined || ref.digest === descriptor.digest) return descriptor;
  throw new ContentMismatchError(`Cannot push to ${ref.name}: the manifest has the digest ${descriptor.digest}`, {
    expected: { ...descriptor, digest: ref.digest },
    actual: { digest: descriptor.digest, size: bytes.length },
  });
}

/** What a registry says of a manifest that it took. */
export interface TakenManifest {
  /** The subject whose referrers it lists, if it does. */
  readonly subject: string | undefined;
}

/** Sends the manifest itself, under its tag if there is one: a reference with both is about that tag. */
async function putManifest(
  session: Session,
  ref: ImageReference,
  manifest: Descriptor & { readonly bytes: Uint8Array },
  { signal }: CallOptions,
): Promise<TakenManifest> {
  const url = manifestUrl(session, ref.tag === undefined ? ref : { ...ref, digest: undefined });
  const headers = { 'content-type': manifest.mediaType, 'content-length': String(manifest.size) };
  const followed = await session.send({ method: 'PUT', ref, url, headers, body: manifest.bytes, signal, ...ACTIONS });
  if (followed.response.status !== CREATED) throw await session.failure(followed);
  await followed.response.discard();
  checkStored(followed, manifest);
  return { subject: headerOf(followed, 'oci-subject') };
}

function refuse({ name }: ImageReference, reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot push to ${name}: ${reason}`);
}

/** A manifest that was pushed, and what it is about. */
export interface Referrer {
  readonly descriptor: Descriptor;
  readonly document: ImageManifest | ImageIndex;
  readonly subject: Digest;
}

/**
 * Adds a manifest to the list of its subject's referrers, in a registry that keeps none itself. Of two who do so at the
 * same time one may be lost: registries know no condition for it, and the specification leaves it at that.
 */
async function pushReferrer(
  session: Session,
  ref: ImageReference,
  referrer: Referrer,
  { signal }: CallOptions,
): Promise<void> {
  const entries = await readReferrersTag(session, ref, referrer.subject, { signal });
  if (entries.some(({ digest }) => digest === referrer.descriptor.digest)) return;
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: [...entries, describeReferrer(referrer)],
  };
  const bytes = encodeManifest(index);
  const descriptor = {
    mediaType: index.mediaType,
    digest: computeDigest(bytes, session.createHasher),
    size: bytes.length,
  };
  const tagged = { ...ref, tag: referrersTag(referrer.subject), digest: undefined };
  await putManifest(session, tagged, { ...descriptor, bytes }, { signal });
}

/** An image goes by the type of its config. */
function describeReferrer({ descriptor, document }: Referrer): Descriptor {
  const artifactType = document.artifactType ?? ('config' in document ? document.config.mediaType : undefined);
  const { annotations } = document;
  return {
    ...descriptor,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}
