import type { CallOptions } from '../../clock/index.js';
import { type Digest, getDigestAlgorithm, getDigestHex, computeDigest } from '../../digest/index.js';
import { isImageError, type RegistryError } from '../../errors/index.js';
import { type Descriptor, isIndexMediaType, MEDIA_TYPES, parseImageIndex } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import { readManifestBytes, resolveManifest } from './manifests.js';
import { requestPages } from './pages.js';
import { readDocument, refuseEncoding } from '../response/response.js';
import type { FollowedResponse } from '../transport/transport.js';
import { requestUrl } from '../session/request.js';
import { typeOf } from '../response/response.js';
import { ASK, enter, type RegistrySession, type Session } from '../session/session.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

/** The largest page that is read. */
const MAX_PAGE = 4 * 1024 * 1024;
/** A signature or two for each push of a nightly image adds up to more than any index of platforms. */
const LIMITS = { maxManifests: 16_384, maxValues: 16 * 16_384 };
const OK = 200;
const NOT_FOUND = 404;
/** Some ask for a credential that they would not take, or find the path malformed, instead of not found. */
const NO_API: ReadonlySet<number> = new Set([400, 401, 403, NOT_FOUND, 405, 406, 501]);
const UNKNOWN: ReadonlySet<string> = new Set(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'TAG_UNKNOWN']);
const ACCEPT = { accept: MEDIA_TYPES.ociIndex };

/**
 * How referrers are listed.
 *
 * @public
 */
export interface ListReferrersOptions extends CallOptions {
  /**
   * The type of artifact to list, such as `application/vnd.dev.sigstore.bundle.v0.3+json`.
   *
   * @defaultValue all
   */
  readonly artifactType?: string | undefined;
}

/**
 * Lists what refers to the manifest that a reference names, such as its signatures: by the referrers API or, where the
 * registry has none, by the tag that stands in for it. Whether or not the registry filters, the answer is filtered.
 *
 * @param session - with the reference's registry
 * @param ref - the image
 * @param options - of which type, an abort signal
 * @returns the descriptors
 * @throws what {@link createRegistrySession} says of verbs, out of the loop
 * @example
 * ```ts
 * import { listReferrers, type RegistrySession } from 'kubepull/distribution';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * const ref = parseReference('registry.example.com/app:1');
 * for await (const { artifactType, digest } of listReferrers(session, ref)) console.log(artifactType, digest);
 * ```
 * @see Referrers in oras.land/oras-go registry/remote
 * @public
 */
export async function* listReferrers(
  session: RegistrySession,
  ref: ImageReference,
  options: ListReferrersOptions = {},
): AsyncGenerator<Descriptor, void, undefined> {
  check<ListReferrersOptions>(ASK, options, { artifactType: is.optional(is.text), ...is.callOptions });
  const { artifactType, signal } = options;
  const inside = enter(session, ref);
  const subject = ref.digest ?? (await resolveManifest(session, ref, { signal })).digest;
  const url = requestUrl(inside, ref, `referrers/${subject}`, artifactType === undefined ? {} : { artifactType });
  const wanted = (entry: Descriptor): boolean => artifactType === undefined || entry.artifactType === artifactType;
  const request = { ref, url, headers: ACCEPT, signal };
  for await (const page of requestPages(inside, request, (followed) => readPage(inside, followed))) {
    yield* (page ?? (await readReferrersTag(inside, ref, subject, { signal }))).filter(wanted);
    if (page === undefined) return;
  }
}

/**
 * Whether the registry does not know the request, in whichever way it says so: it may not take the method or the type,
 * or send us to a page for people.
 */
function lacksApi(followed: FollowedResponse): boolean {
  const { status } = followed.response;
  if (status === OK) return !isIndexMediaType(typeOf(followed));
  return NO_API.has(status) || (followed.foreign && status >= 400 && status < 500);
}

/** The referrers that stand under a tag, in a registry without the API; none when there is no such tag. */
export async function readReferrersTag(
  session: Session,
  ref: ImageReference,
  subject: Digest,
  { signal }: CallOptions,
): Promise<readonly Descriptor[]> {
  const tagged = { ...ref, tag: referrersTag(subject), digest: undefined };
  try {
    const { bytes, descriptor } = await readManifestBytes(session, tagged, { signal });
    // Some take the tag for the digest that it is made of, and answer with the subject.
    if (computeDigest(bytes, session.createHasher, getDigestAlgorithm(subject)) === subject) return [];
    return parseImageIndex(bytes, { mediaType: descriptor.mediaType, limits: LIMITS }).manifests;
  } catch (error) {
    if (isImageError(error) && error.code === 'ERR_REGISTRY_RESPONSE' && isAbsent(error)) return [];
    throw error;
  }
}

/** Some say that there is no such tag, or repository, under another status. */
function isAbsent({ status, diagnostics }: RegistryError): boolean {
  return status === NOT_FOUND || diagnostics.some(({ code }) => UNKNOWN.has(code));
}

/** The tag under which what refers to a digest stands in a registry without the API, as long as a tag may be. */
export function referrersTag(subject: Digest): string {
  return `${getDigestAlgorithm(subject)}-${getDigestHex(subject).slice(0, 64)}`;
}

/** The referrers of one page; `undefined` when the registry has none, because it does not know the API. */
async function readPage(session: Session, followed: FollowedResponse): Promise<readonly Descriptor[] | undefined> {
  if (lacksApi(followed)) {
    await followed.response.discard();
    return undefined;
  }
  if (followed.response.status !== OK) throw await session.failure(followed);
  await refuseEncoding(followed);
  const bytes = await readDocument(followed, MAX_PAGE);
  return parseImageIndex(bytes, { mediaType: typeOf(followed), limits: LIMITS }).manifests;
}
