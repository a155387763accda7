import type { CallOptions } from '../../clock/index.js';
import { type Digest, digestAlgorithm, digestOf } from '../../digest/index.js';
import { ContentMismatchError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';
import {
  ACCEPTED_MANIFEST_TYPES,
  checkMediaTypes,
  type Descriptor,
  isIndexMediaType,
  isManifestMediaType,
} from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import { type ManifestTrace, traced } from '../../tracing/index.js';
import type { ClientContext } from '../session/context.js';
import { isEncoded, readDocument, refuseEncoding, unreadable } from '../transport/read-body.js';
import type { FollowedResponse } from '../transport/transport.js';
import { manifestUrl } from '../session/request-url.js';
import { digestHeader, lengthOf, typeOf } from '../response/headers.js';
import type { FetchedManifest, FetchManifestOptions } from './types.js';

/** The largest manifest or index that is read. */
const MAX_MANIFEST = 4 * 1024 * 1024;
const ACCEPT = { accept: ACCEPTED_MANIFEST_TYPES.join(', ') };
const SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+';
const OK = 200;
/** What a registry says that knows no HEAD. */
const NO_SUCH_METHOD: ReadonlySet<number> = new Set([405, 501]);

/** What a reference names now: by HEAD, or by GET when the registry does not say all that is needed without the body. */
export function resolveManifest(context: ClientContext, ref: ImageReference, call: CallOptions): Promise<Descriptor> {
  return watch(context, 'HEAD', ref, async () => {
    const descriptor = await askForDescriptor(context, ref, call);
    return { descriptor, value: descriptor };
  });
}

async function askForDescriptor(
  context: ClientContext,
  ref: ImageReference,
  { signal }: CallOptions,
): Promise<Descriptor> {
  const { session } = context;
  const url = manifestUrl(session, ref);
  const followed = await session.send({ method: 'HEAD', ref, url, headers: ACCEPT, signal });
  const { status } = followed.response;
  if (status !== OK && !NO_SUCH_METHOD.has(status)) throw await session.failure(followed);
  await followed.response.discard();
  const found = status === OK ? describeHead(followed) : undefined;
  if (found === undefined || !isComparable(found.digest, ref)) {
    return (await fetchManifest(context, ref, { signal })).descriptor;
  }
  checkDigest(found, ref.digest ?? found.digest, followed);
  return found;
}

/**
 * A manifest or index with its bytes, verified against the digest in the reference, or against the registry's own; and
 * against the descriptor that led to it, if there is one.
 */
export function fetchManifest(
  context: ClientContext,
  ref: ImageReference,
  options: FetchManifestOptions,
): Promise<FetchedManifest> {
  const wanted = options.descriptor?.digest ?? ref.digest;
  const asked = wanted === undefined ? ref : atDigest(ref, wanted);
  return watch(context, 'GET', asked, async () => {
    const fetched = await askForManifest(context, asked, options);
    return { descriptor: fetched.descriptor, value: fetched };
  });
}

function askForManifest(
  context: ClientContext,
  ref: ImageReference,
  { signal, descriptor: parent }: FetchManifestOptions,
): Promise<FetchedManifest> {
  const { session } = context;
  const url = manifestUrl(session, ref);
  const send = (): Promise<FollowedResponse> => session.send({ method: 'GET', ref, url, headers: ACCEPT, signal });
  return session.readAgain({ send, read: (followed) => takeManifest(context, ref, followed, parent) }, signal);
}

async function takeManifest(
  { session, createHasher }: ClientContext,
  ref: ImageReference,
  followed: FollowedResponse,
  parent: Descriptor | undefined,
): Promise<FetchedManifest> {
  if (followed.response.status !== OK) throw await session.failure(followed);
  await refuseEncoding(followed);
  const mediaType = manifestType(followed) ?? (await refuseType(followed));
  const bytes = await readManifest(followed, mediaType, parent);
  const expected = ref.digest ?? digestHeader(followed);
  const digest = digestOf(bytes, createHasher, expected === undefined ? 'sha256' : digestAlgorithm(expected));
  const descriptor = { mediaType, digest, size: bytes.length };
  checkDigest(descriptor, expected ?? digest, followed);
  return { descriptor, bytes };
}

async function watch<T>(
  { tracing }: ClientContext,
  method: ManifestTrace['method'],
  { name, tag, digest }: ImageReference,
  ask: () => Promise<{ readonly descriptor: Descriptor; readonly value: T }>,
): Promise<T> {
  const facts = { digest: undefined, mediaType: undefined, size: undefined };
  const context: ManifestTrace = { method, name, reference: digest ?? tag ?? '', ...facts };
  return traced(tracing, 'manifest', context, async () => {
    const { descriptor, value } = await ask();
    Object.assign(context, { digest: descriptor.digest, mediaType: descriptor.mediaType, size: descriptor.size });
    return value;
  });
}

/** The same repository, by digest. */
export function atDigest(ref: ImageReference, digest: Digest): ImageReference {
  return { ...ref, tag: undefined, digest };
}

/** The bytes: as many as the parent says, if there is one, and of the type that it says. */
async function readManifest(
  followed: FollowedResponse,
  mediaType: string,
  parent: Descriptor | undefined,
): Promise<Uint8Array> {
  if (parent === undefined) return readDocument(followed, MAX_MANIFEST);
  try {
    checkMediaTypes({ contentType: mediaType, descriptor: parent.mediaType });
  } catch (error) {
    await followed.response.discard();
    throw error;
  }
  const bytes = await readDocument(followed, Math.min(parent.size, MAX_MANIFEST));
  if (bytes.length === parent.size) return bytes;
  throw new ContentMismatchError(
    `Cannot read ${followed.shown}: it has ${bytes.length} bytes and should have ${parent.size}`,
    { expected: parent, actual: { digest: undefined, size: bytes.length } },
  );
}

/** What the headers say of a manifest, when they say all. */
function describeHead(followed: FollowedResponse): Descriptor | undefined {
  const mediaType = manifestType(followed);
  const size = isEncoded(followed.response) ? undefined : lengthOf(followed);
  const digest = digestHeader(followed);
  if (mediaType === undefined || size === undefined || size > MAX_MANIFEST || digest === undefined) return undefined;
  return { mediaType, digest, size };
}

/** A registry may name its own digest of what was asked for by one of another algorithm. */
function isComparable(digest: Digest, ref: ImageReference): boolean {
  return ref.digest === undefined || digestAlgorithm(ref.digest) === digestAlgorithm(digest);
}

function checkDigest(actual: Descriptor, expected: Digest, { shown }: FollowedResponse): void {
  if (actual.digest === expected) return;
  throw new ContentMismatchError(`Cannot read ${shown}: its digest is ${actual.digest} and should be ${expected}`, {
    expected: { ...actual, digest: expected },
    actual: { digest: actual.digest, size: actual.size },
  });
}

/** The media type of the answer, when it is that of a manifest or an index. */
function manifestType(followed: FollowedResponse): string | undefined {
  const mediaType = typeOf(followed);
  return isManifestMediaType(mediaType) || isIndexMediaType(mediaType) ? mediaType : undefined;
}

/** What is answered instead of a manifest: a login page, or a format that no registry should still have. */
async function refuseType(followed: FollowedResponse): Promise<never> {
  await followed.response.discard();
  const type = typeOf(followed);
  if (type === '') throw unreadable(followed.shown, 'it came without a Content-Type');
  if (type.startsWith(SCHEMA_1)) {
    const cure = 'push the image again with a tool of today';
    throw unreadable(followed.shown, `it is Docker schema 1, which is not supported; ${cure}`);
  }
  throw unreadable(followed.shown, `its Content-Type is ${quote(type)}, which is neither a manifest nor an index`);
}
