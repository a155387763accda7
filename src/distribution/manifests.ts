import type { CallOptions } from '../clock/index.js';
import { type CreateHasher, type Digest, digestAlgorithm, digestOf, isDigest } from '../digest/index.js';
import { ContentMismatchError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import {
  ACCEPTED_MANIFEST_TYPES,
  type Descriptor,
  isIndexMediaType,
  isManifestMediaType,
  normalizeMediaType,
} from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';
import { isEncoded, readDocument, refuseEncoding, unreadable } from './read-body.js';
import type { FollowedResponse } from './redirects.js';
import { manifestUrl } from './request-url.js';
import type { Session } from './session.js';
import type { FetchedManifest } from './types.js';

/** The largest manifest or index that is read. */
const MAX_MANIFEST = 4 * 1024 * 1024;
const ACCEPT = { accept: ACCEPTED_MANIFEST_TYPES.join(', ') };
const SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+';

/** What a reference names now: by HEAD, or by GET when the registry does not say all that is needed without the body. */
export async function resolveManifest(
  session: Session,
  createHasher: CreateHasher,
  ref: ImageReference,
  { signal }: CallOptions,
): Promise<Descriptor> {
  const url = manifestUrl(session.origin, ref);
  const followed = await session.send({ method: 'HEAD', ref, url, headers: ACCEPT, signal });
  if (followed.response.status !== 200) throw await session.failure(followed);
  await followed.response.discard();
  const mediaType = manifestType(followed);
  const size = isEncoded(followed.response) ? undefined : lengthOf(followed);
  const digest = digestHeader(followed);
  if (mediaType === undefined || size === undefined || digest === undefined || !isComparable(digest, ref)) {
    return (await fetchManifest(session, createHasher, ref, { signal })).descriptor;
  }
  checkDigest({ mediaType, digest, size }, ref.digest ?? digest, followed);
  return { mediaType, digest, size };
}

/** A manifest or index with its bytes, verified against the digest in the reference, or against the registry's own. */
export async function fetchManifest(
  session: Session,
  createHasher: CreateHasher,
  ref: ImageReference,
  { signal }: CallOptions,
): Promise<FetchedManifest> {
  const url = manifestUrl(session.origin, ref);
  const followed = await session.send({ method: 'GET', ref, url, headers: ACCEPT, signal });
  if (followed.response.status !== 200) throw await session.failure(followed);
  await refuseEncoding(followed);
  const mediaType = manifestType(followed) ?? (await refuseType(followed));
  const bytes = await readDocument(followed, MAX_MANIFEST);
  const expected = ref.digest ?? digestHeader(followed);
  const digest = digestOf(bytes, createHasher, expected === undefined ? 'sha256' : digestAlgorithm(expected));
  const descriptor = { mediaType, digest, size: bytes.length };
  checkDigest(descriptor, expected ?? digest, followed);
  return { descriptor, bytes };
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
  const mediaType = normalizeMediaType(header(followed, 'content-type') ?? '');
  return isManifestMediaType(mediaType) || isIndexMediaType(mediaType) ? mediaType : undefined;
}

/** What is answered instead of a manifest: a login page, or a format that no registry should still have. */
async function refuseType(followed: FollowedResponse): Promise<never> {
  await followed.response.discard();
  const type = normalizeMediaType(header(followed, 'content-type') ?? '');
  if (type === '') throw unreadable(followed.shown, 'it came without a Content-Type');
  if (type.startsWith(SCHEMA_1)) {
    const cure = 'push the image again with a tool of today';
    throw unreadable(followed.shown, `it is Docker schema 1, which is not supported; ${cure}`);
  }
  throw unreadable(followed.shown, `its Content-Type is ${quote(type)}, which is neither a manifest nor an index`);
}

function digestHeader(followed: FollowedResponse): Digest | undefined {
  const digest = header(followed, 'docker-content-digest');
  return isDigest(digest) ? digest : undefined;
}

function lengthOf(followed: FollowedResponse): number | undefined {
  const text = header(followed, 'content-length') ?? '';
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function header({ response }: FollowedResponse, name: string): string | undefined {
  return response.headers.get(name)?.[0];
}
