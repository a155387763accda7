import type { CallOptions } from '../../clock/index.js';
import { lengthOf } from '../response/response.js';
import { blobUrl, type RefreshBudget, type RepositoryActions } from '../session/request.js';
import { ASK, enter, type RegistrySession, type Session } from '../session/session.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

import { type FollowedResponse, isEncoded, type TransportResponse } from '../transport/transport.js';
import { ContentMismatchError, ImageError, RequestRefusedError, TransportError } from '../../errors/index.js';
import { type Descriptor, decodeEmbeddedContent } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';

const OK = 200;
const PARTIAL = 206;
const NOT_FOUND = 404;
/** What registries say of a layer that they may not give out. */
const NOT_HERE: ReadonlySet<number> = new Set([400, 403, NOT_FOUND, 410, 451]);
const FOREIGN_CURE =
  '; the image names other servers for this layer (urls), which the option foreignLayers allows to be asked';
/** What registries, and the storage behind them, say to a range that they do not serve. */
const RANGE_REFUSED: ReadonlySet<number> = new Set([PARTIAL, 400, 403, 416, 501]);
/** URLs of one layer that are tried. */
const MAX_URLS = 8;

/**
 * A part of a blob: where the registry's answer starts and ends, and its bytes.
 *
 * @public
 */
export interface OpenedBlob {
  /** The offset of the first byte: what was asked for, or 0 when the registry ignores ranges. */
  readonly offset: number;
  /** The offset behind its last byte: the `end` that was asked for, or the size when the registry sends all of it. */
  readonly end: number;
  /** Unverified bytes, and as many as the registry sends; the store verifies them before it commits. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Which part of a blob is fetched, and how.
 *
 * @public
 */
export interface OpenBlobOptions extends CallOptions {
  /** The offset of the first byte that is wanted, from 0. @defaultValue 0 */
  readonly offset?: number | undefined;
  /**
   * The offset behind the last byte that is wanted. An answer counts only if it is exactly that range; else all of the
   * blob is fetched.
   *
   * @defaultValue the blob's size
   */
  readonly end?: number | undefined;
}

/**
 * Opens a blob of a repository: all of it, or from `offset` to `end` when the registry can. What comes is not verified:
 * use `readBlob` unless something else, such as a store's writer, checks the digest.
 *
 * @param session - with the reference's registry
 * @param ref - the repository
 * @param blob - as the manifest names it; what it brings along in `data` is not asked for
 * @param options - which part, an abort signal
 * @returns where the answer starts and ends, and its bytes, which the caller reads to the end or leaves
 * @throws what {@link createRegistrySession} says of verbs; `ERR_OPTION_INVALID` when there is no such part
 * @example
 * ```ts
 * import { openBlob, type RegistrySession } from 'kubepull/distribution';
 * import type { Descriptor } from 'kubepull/oci';
 * import type { ImageReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * declare const ref: ImageReference;
 * declare const layer: Descriptor;
 * const { offset, content } = await openBlob(session, ref, layer, { offset: 1024 });
 * ```
 * @see Fetch of blobs in oras.land/oras-go registry/remote
 * @public
 */
export async function openBlob(
  session: RegistrySession,
  ref: ImageReference,
  blob: Descriptor,
  options: OpenBlobOptions = {},
): Promise<OpenedBlob> {
  // Which part it is, is judged with the blob's size.
  check<OpenBlobOptions>(ASK, options, { offset: is.anything, end: is.anything, ...is.callOptions });
  const { offset, end, content } = await openBlobWithin(session, ref, blob, options, undefined);
  return { offset, end, content };
}

/** How a blob is asked for by those inside. */
export interface BlobRequestOptions extends OpenBlobOptions {
  /** Whether its bytes are for a file that the session's carrier may put them into. */
  readonly carried?: boolean | undefined;
}

/** A part of a blob as it is asked for by those inside. */
export interface FetchedBlob extends OpenedBlob {
  /** What else can be done with the answer than to read it. */
  readonly response?: Pick<TransportResponse, 'bring' | 'discard'> | undefined;
}

/**
 * A part of a blob, or all of it when the registry cannot serve, or serves wrongly, what was asked for.
 *
 * @param refreshes - how often a token that the registry takes no more may be replaced, for all requests that share it
 */
export async function openBlobWithin(
  session: RegistrySession,
  ref: ImageReference,
  blob: Descriptor,
  options: BlobRequestOptions,
  refreshes: RefreshBudget | undefined,
): Promise<FetchedBlob> {
  const inside = enter(session, ref, blob);
  const { signal, carried } = options;
  const range = rangeOf(blob, options);
  signal?.throwIfAborted();
  const embedded = decodeEmbeddedContent(blob, inside.createHasher);
  if (embedded !== undefined) return { ...range, content: once(embedded.subarray(range.offset, range.end)) };
  const url = blobUrl(inside, ref, blob.digest);
  const headers = rangeHeader(blob, range);
  const followed = await inside.send({ method: 'GET', ref, url, headers, signal, refreshes, carried });
  const isElsewhere = isForeign(blob) && NOT_HERE.has(followed.response.status);
  if (isElsewhere && inside.foreignLayers) {
    await followed.response.discard();
    return openForeign(inside, blob, { range, signal });
  }
  const part = takePart(followed, blob, range);
  if (part !== undefined) return part;
  if (isElsewhere) throw await inside.failure(followed, FOREIGN_CURE);
  if (!isRangeRefused(followed, blob, range)) throw await inside.failure(followed);
  await followed.response.discard();
  return openBlobWithin(session, ref, blob, { signal, carried }, refreshes);
}

/**
 * Asks whether a repository has a blob.
 *
 * @param session - with the reference's registry
 * @param ref - the repository
 * @param blob - as a manifest names it
 * @param options - an abort signal
 * @returns whether it is there
 * @throws what {@link createRegistrySession} says of verbs; {@link ContentMismatchError} when it is there in another size
 * @example
 * ```ts
 * import { hasBlob, type RegistrySession } from 'kubepull/distribution';
 * import type { Descriptor } from 'kubepull/oci';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * declare const layer: Descriptor;
 * const isThere = await hasBlob(session, parseReference('registry.example.com/app'), layer);
 * ```
 * @see Exists in oras.land/oras-go registry/remote
 * @public
 */
export async function hasBlob(
  session: RegistrySession,
  ref: ImageReference,
  blob: Descriptor,
  options: CallOptions = {},
): Promise<boolean> {
  check<CallOptions>(ASK, options, is.callOptions);
  return isBlobThere(enter(session, ref, blob), ref, blob, options);
}

/** Whether a repository has a blob, asked with the token for `actions`. */
export async function isBlobThere(
  session: Session,
  ref: ImageReference,
  blob: Descriptor,
  { signal, actions }: CallOptions & { readonly actions?: RepositoryActions | undefined },
): Promise<boolean> {
  const url = blobUrl(session, ref, blob.digest);
  const followed = await session.send({ method: 'HEAD', ref, url, signal, actions });
  const { response, shown } = followed;
  if (response.status !== OK && response.status !== NOT_FOUND) throw await session.failure(followed);
  await response.discard();
  if (response.status === NOT_FOUND) return false;
  const size = isEncoded(response) ? blob.size : (lengthOf(followed) ?? blob.size);
  if (size === blob.size) return true;
  throw new ContentMismatchError(`Cannot use ${shown}: it has ${size} bytes and should have ${blob.size}`, {
    expected: blob,
    actual: { digest: undefined, size },
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.length > 0) yield bytes;
}

/** A part of a blob; `end` is behind its last byte. */
export interface BlobRange {
  readonly offset: number;
  readonly end: number;
}

/**
 * The part of a blob that a call wants; from the start, and to the end of the blob, when it says nothing else.
 *
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when there is no such part
 */
function rangeOf(
  { size }: Descriptor,
  { offset = 0, end = size }: { readonly offset?: number | undefined; readonly end?: number | undefined },
): BlobRange {
  const refuse = (reason: string): ImageError => new ImageError('ERR_OPTION_INVALID', `Cannot read a blob ${reason}`);
  if (!Number.isSafeInteger(offset) || offset < 0) throw refuse(`from ${offset}: it must be a whole number from 0`);
  if (end !== size && (!Number.isSafeInteger(end) || end <= offset || end > size))
    throw refuse(`up to ${end}: it must be a whole number above ${offset}, and not above the size ${size}`);
  return { offset, end };
}

/** The header that asks for a part of a blob. A part up to the end is asked for as such, as every registry knows it. */
function rangeHeader(blob: Descriptor, range: BlobRange): Readonly<Record<string, string>> {
  if (!isPart(blob, range)) return {};
  const { offset, end } = range;
  return { range: `bytes=${offset}-${end === blob.size ? '' : end - 1}` };
}

/** The content of an answer that is what was asked for, or all of the blob; `undefined` for any other answer. */
export function takePart(followed: FollowedResponse, blob: Descriptor, range: BlobRange): FetchedBlob | undefined {
  const { response } = followed;
  const { status, headers, body: content } = response;
  const whole = status === OK;
  const wanted = `bytes ${range.offset}-${range.end - 1}/${blob.size}`;
  const exact = status === PARTIAL && isPart(blob, range) && headers.get('content-range')?.[0] === wanted;
  if (!whole && !exact) return undefined;
  return { ...(whole ? { offset: 0, end: blob.size } : range), content, response };
}

/** Whether an answer may be about the range only, so that the whole may still be had. */
function isRangeRefused({ response }: FollowedResponse, blob: Descriptor, range: BlobRange): boolean {
  return isPart(blob, range) && RANGE_REFUSED.has(response.status);
}

function isPart({ size }: Descriptor, { offset, end }: BlobRange): boolean {
  return offset > 0 || end < size;
}

/** Whether an image names other places for a blob than the registry. */
function isForeign({ urls = [] }: Descriptor): boolean {
  return urls.length > 0;
}

/**
 * A blob from the URLs that the image names, the first that gives it. They are no part of the registry: they get no
 * credential, and may not lead into a network that the registry does not stand in.
 *
 * @throws the error of the last URL
 */
async function openForeign(
  session: Session,
  blob: Descriptor,
  { range, signal }: CallOptions & { readonly range: BlobRange },
): Promise<OpenedBlob> {
  let failure: unknown;
  for (const url of blob.urls?.slice(0, MAX_URLS) ?? []) {
    try {
      return await fetchFrom(session, url, blob, { range, signal });
    } catch (error) {
      signal?.throwIfAborted();
      failure = error;
    }
  }
  throw failure ?? new RequestRefusedError('Cannot fetch a layer: it names no URL', { url: '', rule: 'no-url' });
}

async function fetchFrom(
  session: Session,
  url: string,
  blob: Descriptor,
  { range, signal }: CallOptions & { readonly range: BlobRange },
): Promise<OpenedBlob> {
  const followed = await session.sendForeign({ url, headers: rangeHeader(blob, range), signal });
  const part = takePart(followed, blob, range);
  if (part !== undefined) return part;
  await followed.response.discard();
  if (!isRangeRefused(followed, blob, range)) throw cannotFetch(followed);
  return fetchFrom(session, url, blob, { range: { offset: 0, end: blob.size }, signal });
}

/** Not the registry's answer: what it says of credentials is not about those for the registry. */
function cannotFetch({ response, shown }: FollowedResponse): TransportError {
  return new TransportError(`Cannot GET ${shown}: ${response.status}`, {
    method: 'GET',
    url: shown,
    phase: 'headers',
    retryable: false,
  });
}
