import type { CallOptions } from '../../clock/index.js';
import { type CreateHasher, getDigestAlgorithm, computeDigest } from '../../digest/index.js';
import { admitUpload } from '../policy/url-policy.js';
import { isBlobThere } from '../pull/blobs.js';
import { ASK, enter, type RegistrySession, type Session } from '../session/session.js';
import { check, type Kind } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

import { digestHeader, headerOf } from '../response/response.js';
import { requestUrl } from '../session/request.js';
import type { FollowedResponse } from '../transport/transport.js';
import { ContentMismatchError, ImageError, isImageError } from '../../errors/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';

const CREATED = 201;
const ACCEPTED = 202;
const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array();
/** The token for all that a push does is the same, so that it is asked for once. */
const ACTIONS = { actions: 'pull,push' } as const;

/**
 * Content to push: bytes, or a function that starts to read them, once more when the registry asks for the credential
 * first.
 *
 * @public
 */
export type BlobSource = Uint8Array | (() => AsyncIterable<Uint8Array>);

/**
 * How a blob is pushed.
 *
 * @public
 */
export interface PushBlobOptions extends CallOptions {
  /** The content, where there is some; without it the blob has to be in the repository or mounted. */
  readonly content?: BlobSource | undefined;
  /** A repository of the same registry that may have the blob, to be mounted from there. @defaultValue none */
  readonly mountFrom?: Pick<ImageReference, 'path'> | undefined;
}

/**
 * How a blob came into the repository.
 *
 * @public
 */
export type PushedBlob = 'present' | 'mounted' | 'uploaded';

/**
 * Pushes a blob into a repository, the cheapest way there is: it is there, or mounted, or uploaded.
 *
 * @param session - with the reference's registry
 * @param ref - the repository
 * @param blob - what the content is; nothing else is sent
 * @param options - the content, where it may be mounted from, an abort signal
 * @returns how it came there
 * @throws what {@link createRegistrySession} says of verbs; `ERR_OPTION_INVALID` when the repository lacks the blob and
 * there is no content; {@link ContentMismatchError} when the content is not what `blob` says
 * @example
 * ```ts
 * import { pushBlob, type RegistrySession } from 'kubepull/distribution';
 * import { computeDigest } from 'kubepull/digest';
 * import { nodeHasher } from 'kubepull/node';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * const content = new TextEncoder().encode('{}');
 * const blob = {
 *   mediaType: 'application/vnd.oci.empty.v1+json',
 *   digest: computeDigest(content, nodeHasher),
 *   size: content.length,
 * };
 * await pushBlob(session, parseReference('registry.example.com/app'), blob, { content });
 * ```
 * @see Push of blobs in oras.land/oras-go registry/remote
 * @public
 */
export async function pushBlob(
  session: RegistrySession,
  ref: ImageReference,
  blob: Descriptor,
  options: PushBlobOptions = {},
): Promise<PushedBlob> {
  check<PushBlobOptions>(ASK, options, { content: is.optional(SOURCE), mountFrom: FROM, ...is.callOptions });
  const { content, mountFrom, signal } = options;
  const inside = enter(session, ref, blob);
  if (content instanceof Uint8Array) checkContent(blob, content, inside.createHasher);
  if (await isBlobThere(inside, ref, blob, { signal, ...ACTIONS })) return 'present';
  const from = mountFrom?.path === ref.path ? undefined : mountFrom?.path;
  if (content === undefined && from === undefined) throw lacks(ref, blob);
  const started = await startUpload(inside, ref, blob, { from, signal }).catch((error: unknown) => {
    // Whoever may not read there, or may not know what is there, may push here all the same.
    if (from === undefined || content === undefined || !isFinalAnswer(error)) throw error;
    return startUpload(inside, ref, blob, { from: undefined, signal });
  });
  if (started.mounted) return 'mounted';
  if (content === undefined) throw lacks(ref, blob);
  await upload(inside, ref, blob, { content, location: started.location, signal });
  return 'uploaded';
}

const SOURCE = /* @__PURE__ */ is.either(is.bytes, is.callable);
/** Where blobs may be mounted from. */
export const FROM: Kind = /* @__PURE__ */ is.optional(/* @__PURE__ */ is.shape({ path: is.text }));

type StartedUpload = { readonly mounted: true } | { readonly mounted: false; readonly location: string };

/** Asks to mount the blob, if it may be elsewhere; else, or where that is not to be had, an upload is started. */
async function startUpload(
  session: Session,
  ref: ImageReference,
  blob: Descriptor,
  { from, signal }: CallOptions & { readonly from: string | undefined },
): Promise<StartedUpload> {
  const url = requestUrl(session, ref, 'blobs/uploads/', from === undefined ? {} : { mount: blob.digest, from });
  const followed = await session.send({ method: 'POST', ref, url, body: EMPTY, signal, ...ACTIONS, mountFrom: from });
  const { status } = followed.response;
  const mounted = status === CREATED && from !== undefined;
  if (!mounted && status !== ACCEPTED) throw await session.failure(followed);
  await followed.response.discard();
  if (mounted) checkStored(followed, blob);
  return mounted ? { mounted } : { mounted, location: locationOf(followed, url) };
}

function isFinalAnswer(error: unknown): boolean {
  return isImageError(error) && error.code === 'ERR_REGISTRY_RESPONSE' && !error.retryable;
}

/** Sends the whole content in one request. */
async function upload(
  session: Session,
  ref: ImageReference,
  blob: Descriptor,
  { content, location, signal }: CallOptions & { readonly content: BlobSource; readonly location: string },
): Promise<void> {
  const url = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(blob.digest)}`;
  const source = content instanceof Uint8Array ? { body: content } : checkedSource(blob, content, session.createHasher);
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) };
  const request = { method: 'PUT', ref, url, headers, body: source.body, signal, ...ACTIONS } as const;
  const followed = await session.send(request).catch((error: unknown) => {
    throw source.failure?.() ?? error;
  });
  if (followed.response.status !== CREATED) throw await session.failure(followed);
  await followed.response.discard();
  checkStored(followed, blob);
}

interface Source {
  readonly body: BlobSource;
  /** Why the content could not be read: all that a transport can say of it is that the request was broken off. */
  readonly failure?: () => unknown;
}

function checkedSource(blob: Descriptor, content: () => AsyncIterable<Uint8Array>, createHasher: CreateHasher): Source {
  let failure: unknown;
  return {
    async *body() {
      try {
        yield* checkStream(blob, content(), createHasher);
      } catch (error) {
        failure = error;
        throw error;
      }
    },
    failure: () => failure,
  };
}

/** Where the upload goes on. The URL's own query is kept to the letter: it is the registry's state. */
function locationOf(followed: FollowedResponse, from: string): string {
  const location = headerOf(followed, 'location');
  if (location !== undefined) return admitUpload(location, from, followed.mask);
  throw new ImageError(
    'ERR_REGISTRY_DOCUMENT',
    `Cannot upload to ${followed.shown}: the registry does not say where to`,
  );
}

/** Nothing is sent that the registry would only refuse at its end. */
function checkContent(blob: Descriptor, bytes: Uint8Array, createHasher: CreateHasher): void {
  const digest = computeDigest(bytes, createHasher, getDigestAlgorithm(blob.digest));
  if (digest !== blob.digest || bytes.length !== blob.size) throw mismatch(blob, { digest, size: bytes.length });
}

/** Content as it is sent; if it is not what was announced, the request is broken off before its last byte. */
async function* checkStream(
  blob: Descriptor,
  content: AsyncIterable<Uint8Array>,
  createHasher: CreateHasher,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = createHasher(getDigestAlgorithm(blob.digest));
  let size = 0;
  let last: Uint8Array | undefined;
  for await (const chunk of content) {
    if (chunk.length === 0) continue;
    size += chunk.length;
    if (size > blob.size) throw mismatch(blob, { digest: undefined, size });
    hasher.update(chunk);
    // The source may use its buffer again, and chunks wait: the last here, others in the connection. Not `slice`, which
    // copies nothing of Node's buffers.
    const copy = new Uint8Array(chunk);
    if (size === blob.size) last = copy;
    else yield copy;
  }
  const digest = hasher.digest();
  if (digest !== blob.digest || size !== blob.size) throw mismatch(blob, { digest, size });
  if (last !== undefined) yield last;
}

function mismatch(blob: Descriptor, actual: ContentMismatchError['actual']): ContentMismatchError {
  const reason =
    actual.size === blob.size ? `has the digest ${actual.digest}` : `has ${actual.size} bytes, not ${blob.size}`;
  return new ContentMismatchError(`Cannot push blob ${blob.digest}: its content ${reason}`, {
    expected: blob,
    actual,
  });
}

function lacks(ref: ImageReference, { digest }: Descriptor): ImageError<'ERR_OPTION_INVALID'> {
  const reason = `it lacks ${digest}, and there is no content to push`;
  return new ImageError('ERR_OPTION_INVALID', `Cannot push to ${ref.name}: ${reason}`);
}

/** Refuses that a registry stored something else than it was sent. What it calls by another algorithm cannot be compared. */
export function checkStored(followed: FollowedResponse, sent: Descriptor): void {
  const stored = digestHeader(followed);
  if (stored === undefined || stored === sent.digest || getDigestAlgorithm(stored) !== getDigestAlgorithm(sent.digest))
    return;
  throw new ContentMismatchError(
    `Cannot push to ${followed.shown}: the registry stored ${stored} in place of ${sent.digest}`,
    { expected: sent, actual: { digest: stored, size: sent.size } },
  );
}
