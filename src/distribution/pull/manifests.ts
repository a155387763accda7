import type { CallOptions } from '../../clock/index.js';
import { type Digest, type DigestAlgorithm, getDigestAlgorithm, computeDigest } from '../../digest/index.js';
import { ASK, enter, type RegistrySession, type Session } from '../session/session.js';
import { digestHeader, lengthOf, readDocument, refuseEncoding, typeOf } from '../response/response.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { manifestUrl } from '../session/request.js';
import { documentCut, wrongSize } from './cuts.js';
import { isCut } from '../transport/retry.js';
import { type FollowedResponse, isEncoded } from '../transport/transport.js';
import { announcedType, notAManifest, typeOfChecked } from './manifest-type.js';
import { ContentMismatchError, ImageError } from '../../errors/index.js';
import { printable, quote } from '../../internal/index.js';
import {
  ACCEPTED_MANIFEST_TYPES,
  type Descriptor,
  type ImageIndex,
  isIndexMediaType,
  isManifestMediaType,
  normalizeMediaType,
  type ParsedManifest,
  parseManifest,
} from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import { type ManifestTrace, runTraced } from '../../tracing/index.js';

/** Levels of index in index that are followed, and the largest manifest or index that is read. */
const MAX_INDEX_DEPTH = 4;
const MAX_MANIFEST = 4 * 1024 * 1024;
const ACCEPT = { accept: ACCEPTED_MANIFEST_TYPES.join(', ') };
const OK = 200;
/** What registries, and what stands before them, say that take no HEAD. */
const HEAD_REFUSED: ReadonlySet<number> = new Set([400, 403, 405, 406, 501]);

/**
 * A manifest or index as the registry sent it: the bytes, and the descriptor that they were verified against.
 *
 * @public
 */
export interface ManifestBytes {
  /** The media type, digest and size of the content. */
  readonly descriptor: Descriptor;
  /** The content as the registry sent it, byte for byte. */
  readonly bytes: Uint8Array;
}

/**
 * How a manifest is fetched.
 *
 * @public
 */
export interface ReadManifestBytesOptions extends CallOptions {
  /**
   * The entry of an index to fetch, from the reference's repository, in place of what the reference names. What comes has
   * to agree with it in digest and size, and in whether it is a manifest or an index.
   *
   * @defaultValue what the reference names
   */
  readonly descriptor?: Descriptor | undefined;
}

/**
 * How a reference is read that may name an index.
 *
 * @public
 */
export interface ReadManifestOptions extends ReadManifestBytesOptions {
  /**
   * Picks the entry of an index to go on with, such as `(index) => selectManifest(index, platform)`. Indexes within
   * indexes are followed four levels deep.
   *
   * @defaultValue nothing is picked: `manifest` gives an index as it is, and `config` of one is `ERR_REGISTRY_DOCUMENT`
   */
  readonly choose?: ((index: ImageIndex) => Descriptor) | undefined;
}

/**
 * A manifest or index that was verified and read.
 *
 * @public
 */
export type ReadManifest = ManifestBytes & ParsedManifest;

/**
 * Asks what a reference names now: by `HEAD`, or by `GET` when the registry does not say all that is needed without the
 * body.
 *
 * @param session - with the reference's registry
 * @param ref - the image
 * @param options - an abort signal
 * @returns the descriptor of the manifest or index, without its content
 * @throws what {@link createRegistrySession} says of verbs
 * @example
 * ```ts
 * import { type RegistrySession, resolveManifest } from 'kubepull/distribution';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * const { digest } = await resolveManifest(session, parseReference('registry.example.com/app:1'));
 * ```
 * @see Resolve in oras.land/oras-go registry/remote
 * @public
 */
export async function resolveManifest(
  session: RegistrySession,
  ref: ImageReference,
  options: CallOptions = {},
): Promise<Descriptor> {
  check<CallOptions>(ASK, options, is.callOptions);
  const inside = enter(session, ref);
  return watch(inside, 'HEAD', ref, async () => {
    const descriptor = await askForDescriptor(inside, ref, options);
    return { descriptor, value: descriptor };
  });
}

async function askForDescriptor(session: Session, ref: ImageReference, { signal }: CallOptions): Promise<Descriptor> {
  const url = manifestUrl(session, ref);
  const followed = await session.send({ method: 'HEAD', ref, url, headers: ACCEPT, signal });
  const { status } = followed.response;
  if (status !== OK && !isHeadRefused(followed)) throw await session.failure(followed);
  await followed.response.discard();
  const found = status === OK ? describeHead(followed) : undefined;
  if (found === undefined || !isComparable(found.digest, ref)) {
    return (await readManifestBytes(session, ref, { signal })).descriptor;
  }
  checkDigest(found, ref.digest ?? found.digest, followed);
  return found;
}

/** Whether a GET may go better: who asks for a credential says so with a challenge. */
function isHeadRefused({ response: { status, headers } }: FollowedResponse): boolean {
  return HEAD_REFUSED.has(status) || (status === 401 && !headers.has('www-authenticate'));
}

/**
 * Reads a manifest or index as bytes, verified against the digest in the reference, or else against the registry's own;
 * and against the descriptor that led to it, if there is one. Nothing is parsed: to keep or to push the document, or to
 * parse it with limits of your own.
 *
 * @param session - with the reference's registry
 * @param ref - the image
 * @param options - the entry of an index to read instead, an abort signal
 * @returns the bytes and their descriptor
 * @throws what {@link createRegistrySession} says of verbs
 * @example
 * ```ts
 * import { readManifestBytes, type RegistrySession } from 'kubepull/distribution';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * const { bytes } = await readManifestBytes(session, parseReference('registry.example.com/app:1'));
 * console.log(new TextDecoder().decode(bytes));
 * ```
 * @see FetchReference in oras.land/oras-go registry/remote
 * @public
 */
export async function readManifestBytes(
  session: RegistrySession,
  ref: ImageReference,
  options: ReadManifestBytesOptions = {},
): Promise<ManifestBytes> {
  check<ReadManifestBytesOptions>(ASK, options, { descriptor: is.optional(is.descriptor), ...is.callOptions });
  const inside = enter(session, ref);
  if (options.descriptor !== undefined) checkEntry(ref, options.descriptor);
  const wanted = options.descriptor?.digest ?? ref.digest;
  const asked = wanted === undefined ? ref : atDigest(ref, wanted);
  return watch(inside, 'GET', asked, async () => {
    const read = await askForManifest(inside, asked, options);
    return { descriptor: read.descriptor, value: read };
  });
}

function askForManifest(
  session: Session,
  ref: ImageReference,
  { signal, descriptor: parent }: ReadManifestBytesOptions,
): Promise<ManifestBytes> {
  const url = manifestUrl(session, ref);
  const send = (): Promise<FollowedResponse> => session.send({ method: 'GET', ref, url, headers: ACCEPT, signal });
  return session.readAgain({ send, read: (followed) => takeManifest(session, ref, followed, parent) }, signal);
}

async function takeManifest(
  session: Session,
  ref: ImageReference,
  followed: FollowedResponse,
  parent: Descriptor | undefined,
): Promise<ManifestBytes> {
  if (followed.response.status !== OK) throw await session.failure(followed);
  const announced = announcedType(followed);
  if (ref.digest === undefined) await refuseUnknown(followed, announced);
  const bytes = await readBytes(session, followed, announced, parent);
  const expected = ref.digest ?? digestHeader(followed);
  const digest = computeDigest(bytes, session.createHasher, algorithmOf(expected));
  if (announced === undefined && digest !== expected) throw notAManifest(followed);
  const descriptor = { mediaType: announced ?? '', digest, size: bytes.length };
  checkDigest(descriptor, expected ?? digest, followed);
  const pinned = ref.digest !== undefined;
  const mediaType = expected === undefined ? announced : typeOfChecked(bytes, { announced, parent, pinned });
  if (mediaType === undefined) throw notAManifest(followed);
  if (mediaType !== announced) tellType(session, followed, { digest, mediaType });
  return { descriptor: { ...descriptor, mediaType }, bytes };
}

function algorithmOf(digest: Digest | undefined): DigestAlgorithm {
  return digest === undefined ? 'sha256' : getDigestAlgorithm(digest);
}

/** Where no digest is known, what the headers say of the bytes is all that there is to go by. */
async function refuseUnknown(followed: FollowedResponse, announced: string | undefined): Promise<void> {
  await refuseEncoding(followed);
  if (announced !== undefined) return;
  await followed.response.discard();
  throw notAManifest(followed);
}

function tellType(
  { notify, origin }: Session,
  followed: FollowedResponse,
  read: { readonly digest: Digest; readonly mediaType: string },
): void {
  notify({ kind: 'content-type', origin, contentType: printable(followed.mask(typeOf(followed)), 128), ...read });
}

async function watch<T>(
  { tracing }: Session,
  method: ManifestTrace['method'],
  { name, tag, digest }: ImageReference,
  ask: () => Promise<{ readonly descriptor: Descriptor; readonly value: T }>,
): Promise<T> {
  const facts = { digest: undefined, mediaType: undefined, size: undefined };
  const context: ManifestTrace = { method, name, reference: digest ?? tag ?? '', ...facts };
  return runTraced(tracing, 'manifest', context, async () => {
    const { descriptor, value } = await ask();
    Object.assign(context, { digest: descriptor.digest, mediaType: descriptor.mediaType, size: descriptor.size });
    return value;
  });
}

/** The same repository, by digest. */
export function atDigest(ref: ImageReference, digest: Digest): ImageReference {
  return { ...ref, tag: undefined, digest };
}

/** The bytes: as many as the parent says, if there is one. What is announced as something else is called that. */
async function readBytes(
  session: Session,
  followed: FollowedResponse,
  announced: string | undefined,
  parent: Descriptor | undefined,
): Promise<Uint8Array> {
  const { size = Infinity } = parent ?? {};
  const reading =
    parent === undefined || size > MAX_MANIFEST
      ? readDocument(followed, MAX_MANIFEST)
      : readDocument(followed, size, (received) => wrongSize(followed, parent, received));
  const bytes = await reading.catch((error: unknown) => {
    throw announced === undefined && !isCut(error) ? notAManifest(followed) : error;
  });
  if (parent === undefined || bytes.length === size) return bytes;
  if (announced === undefined) throw notAManifest(followed);
  // Without a length, a connection that breaks off looks like an end. Not so where all has come, and the size is what is wrong.
  const isWhole = computeDigest(bytes, session.createHasher, algorithmOf(parent.digest)) === parent.digest;
  throw (isWhole ? wrongSize : documentCut)(followed, parent, bytes.length);
}

/** An entry of an index that cannot be a manifest is not asked for. */
function checkEntry({ name }: ImageReference, { mediaType, digest, size }: Descriptor): void {
  const type = normalizeMediaType(mediaType);
  const flaw =
    (!isManifestMediaType(type) &&
      !isIndexMediaType(type) &&
      `is ${quote(mediaType)}, neither a manifest nor an index`) ||
    (size === 0 && 'has 0 bytes, which no manifest has');
  if (flaw === false) return;
  const reason = `by what leads to it, it ${flaw}; the index has to be pushed again, without or with the right entry`;
  throw new ImageError('ERR_REGISTRY_DOCUMENT', `Cannot read manifest ${digest} of ${name}: ${reason}`);
}

/** What the headers say of a manifest, when they say all. */
function describeHead(followed: FollowedResponse): Descriptor | undefined {
  const mediaType = announcedType(followed);
  const size = isEncoded(followed.response) ? undefined : lengthOf(followed);
  const digest = digestHeader(followed);
  if (mediaType === undefined || size === undefined || size > MAX_MANIFEST || digest === undefined) return undefined;
  return { mediaType, digest, size };
}

/** A registry may name its own digest of what was asked for by one of another algorithm. */
function isComparable(digest: Digest, ref: ImageReference): boolean {
  return ref.digest === undefined || getDigestAlgorithm(ref.digest) === getDigestAlgorithm(digest);
}

function checkDigest(actual: Descriptor, expected: Digest, { shown }: FollowedResponse): void {
  if (actual.digest === expected) return;
  throw new ContentMismatchError(`Cannot read ${shown}: its digest is ${actual.digest} and should be ${expected}`, {
    expected: { ...actual, digest: expected },
    actual: { digest: actual.digest, size: actual.size },
  });
}

/**
 * Reads what a reference names, verified and parsed; with `choose`, through as many indexes as it picks from. The tag is
 * asked for once, and from there on everything goes by digest.
 *
 * @param session - with the reference's registry
 * @param ref - the image
 * @param options - which entry of an index to go on with, an abort signal
 * @returns the manifest or index, with its bytes; with `choose`, always a manifest
 * @throws what {@link createRegistrySession} says of verbs, and what `choose` throws
 * @example
 * ```ts
 * import { readManifest, type RegistrySession } from 'kubepull/distribution';
 * import { parsePlatform, selectManifest } from 'kubepull/platform';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * const platform = parsePlatform('linux/arm64');
 * const { descriptor } = await readManifest(session, parseReference('registry.example.com/app:1'), {
 *   choose: (index) => selectManifest(index, platform),
 * });
 * ```
 * @public
 */
export async function readManifest(
  session: RegistrySession,
  ref: ImageReference,
  options: ReadManifestOptions = {},
): Promise<ReadManifest> {
  check(ASK, { options }, { options: is.shape({ choose: is.optional(is.callable) }) });
  const { choose, signal, descriptor: start } = options;
  let descriptor: Descriptor | undefined = start;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth += 1) {
    const read = await readManifestBytes(session, ref, { descriptor, signal });
    const parsed = parseManifest(read.bytes, { mediaType: read.descriptor.mediaType });
    const platform = descriptor?.platform;
    const found = platform === undefined ? read.descriptor : { ...read.descriptor, platform };
    if (parsed.kind === 'manifest' || choose === undefined) return { ...read, ...parsed, descriptor: found };
    descriptor = choose(parsed.index);
  }
  throw noConfig(ref, `its indexes are nested deeper than ${MAX_INDEX_DEPTH} levels`);
}

/** The error of a config that cannot be read. */
export function noConfig({ name }: ImageReference, reason: string): ImageError<'ERR_REGISTRY_DOCUMENT'> {
  return new ImageError('ERR_REGISTRY_DOCUMENT', `Cannot read the config of ${name}: ${reason}`);
}
