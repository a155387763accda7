import type { CallOptions } from '../clock/index.js';
import { type Digest, digestAlgorithm, digestEncoded } from '../digest/index.js';
import { isImageError } from '../errors/index.js';
import { type Descriptor, MEDIA_TYPES, parseImageIndex } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';
import type { ClientContext } from './context.js';
import { fetchManifest, resolveManifest } from './manifests.js';
import { requestPages } from './pages.js';
import { readDocument, refuseEncoding } from './read-body.js';
import type { FollowedResponse } from './redirects.js';
import { requestUrl } from './request-url.js';
import { typeOf } from './response-headers.js';

/** The largest page that is read. */
const MAX_PAGE = 4 * 1024 * 1024;
/** A signature or two for each push of a nightly image adds up to more than any index of platforms. */
const LIMITS = { maxManifests: 16_384, maxValues: 16 * 16_384 };
const OK = 200;
const NOT_FOUND = 404;
const ACCEPT = { accept: MEDIA_TYPES.ociIndex };

/**
 * How referrers are listed.
 *
 * @public
 */
export interface ReferrersOptions extends CallOptions {
  /**
   * The type of artifact to list, such as `application/vnd.dev.sigstore.bundle.v0.3+json`.
   *
   * @defaultValue all
   */
  readonly artifactType?: string | undefined;
}

/** What refers to the manifest that a reference names; whether or not the registry filters, we do. */
export async function* listReferrers(
  context: ClientContext,
  ref: ImageReference,
  { artifactType, signal }: ReferrersOptions,
): AsyncGenerator<Descriptor, void, undefined> {
  const { session } = context;
  const subject = ref.digest ?? (await resolveManifest(context, ref, { signal })).digest;
  const url = requestUrl(session, ref, `referrers/${subject}`, artifactType === undefined ? {} : { artifactType });
  const wanted = (entry: Descriptor): boolean => artifactType === undefined || entry.artifactType === artifactType;
  for await (const followed of requestPages(session, { ref, url, headers: ACCEPT, signal })) {
    const { status } = followed.response;
    if (status === NOT_FOUND) {
      await followed.response.discard();
      yield* (await readReferrersTag(context, ref, subject, { signal })).filter(wanted);
      return;
    }
    if (status !== OK) throw await session.failure(followed);
    yield* (await readPage(followed)).filter(wanted);
  }
}

/** The referrers that stand under a tag, in a registry without the API; none when there is no such tag. */
export async function readReferrersTag(
  context: ClientContext,
  ref: ImageReference,
  subject: Digest,
  { signal }: CallOptions,
): Promise<readonly Descriptor[]> {
  const tagged = { ...ref, tag: referrersTag(subject), digest: undefined };
  try {
    const { bytes, descriptor } = await fetchManifest(context, tagged, { signal });
    return parseImageIndex(bytes, { mediaType: descriptor.mediaType, limits: LIMITS }).manifests;
  } catch (error) {
    if (isImageError(error) && error.code === 'ERR_REGISTRY_RESPONSE' && error.status === NOT_FOUND) return [];
    throw error;
  }
}

/** The tag under which what refers to a digest stands in a registry without the API, as long as a tag may be. */
export function referrersTag(subject: Digest): string {
  return `${digestAlgorithm(subject)}-${digestEncoded(subject).slice(0, 64)}`;
}

async function readPage(followed: FollowedResponse): Promise<readonly Descriptor[]> {
  await refuseEncoding(followed);
  const bytes = await readDocument(followed, MAX_PAGE);
  return parseImageIndex(bytes, { mediaType: typeOf(followed), limits: LIMITS }).manifests;
}
