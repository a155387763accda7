import type { CallOptions } from '../../clock/index.js';
import { digestAlgorithm, digestOf } from '../../digest/index.js';
import { ContentMismatchError, ImageError } from '../../errors/index.js';
import {
  type Descriptor,
  embeddedContent,
  type ImageManifest,
  isIndexMediaType,
  isManifestMediaType,
  type ParsedManifest,
  parseManifest,
} from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import type { ClientContext } from '../session/context.js';
import { atDigest } from '../pull/manifests.js';
import { pushBlob } from './blob.js';
import { checkStored } from './check.js';
import { pushReferrer } from './referrer.js';
import type { PushContent, PushedManifest, PushManifestOptions } from './types.js';
import { manifestUrl } from '../session/request-url.js';
import { headerOf } from '../response/headers.js';

/** Levels of index in index that are pushed. */
const MAX_INDEX_DEPTH = 4;
const CREATED = 201;
const ACTIONS = { actions: 'pull,push' } as const;

/** What one push shares on all levels of its indexes. */
interface Push {
  readonly context: ClientContext;
  readonly options: PushManifestOptions;
  /** What came into the repository, once each. */
  readonly done: Map<string, PushedManifest['blobs'][number]>;
}

/** Brings a manifest into a repository: first what it names, then itself, then the list of what refers to its subject. */
export async function pushManifest(
  context: ClientContext,
  ref: ImageReference,
  manifest: PushContent,
  options: PushManifestOptions,
): Promise<PushedManifest> {
  const push: Push = { context, options, done: new Map() };
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
  const descriptor = describe(push.context, ref, { bytes, mediaType: document.mediaType });
  await pushNamed(push, ref, parsed, depth);
  const taken = await putManifest(push.context, ref, { ...descriptor, bytes }, push.options);
  const { subject } = document;
  if (subject === undefined) return { descriptor, referrers: undefined };
  if (taken.subject === subject.digest) return { descriptor, referrers: 'registry' };
  await pushReferrer(push.context, ref, { descriptor, document, subject: subject.digest }, push.options, putManifest);
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

async function pushOnce({ context, options, done }: Push, ref: ImageReference, blob: Descriptor): Promise<void> {
  if (done.has(blob.digest)) return;
  const { mountFrom, signal } = options;
  const content = embeddedContent(blob, context.createHasher) ?? (await options.content?.(blob));
  const how = await pushBlob(context, ref, blob, { content, mountFrom, signal });
  done.set(blob.digest, { descriptor: blob, how });
}

/** A manifest that an index names: pushed by digest if there is content for it, else it must be there. */
async function pushEntry(push: Push, ref: ImageReference, entry: Descriptor, depth: number): Promise<void> {
  const { context, options } = push;
  const { mediaType, digest } = entry;
  if (!isManifestMediaType(mediaType) && !isIndexMediaType(mediaType)) return pushOnce(push, ref, entry);
  const bytes = await options.content?.(entry);
  if (bytes === undefined) return checkPresent(context, ref, entry, options);
  if (!(bytes instanceof Uint8Array))
    throw refuse(ref, `the content of manifest ${digest} must be bytes, not a function`);
  await pushLevel(push, atDigest(ref, digest), { bytes, mediaType }, depth + 1);
  return undefined;
}

async function checkPresent(
  { session }: ClientContext,
  ref: ImageReference,
  { mediaType, digest }: Descriptor,
  { signal }: CallOptions,
): Promise<void> {
  const url = manifestUrl(session, atDigest(ref, digest));
  const followed = await session.send({ method: 'HEAD', ref, url, headers: { accept: mediaType }, signal, ...ACTIONS });
  const { status } = followed.response;
  if (status !== 200 && status !== 404) throw await session.failure(followed);
  await followed.response.discard();
  if (status === 404) throw refuse(ref, `it lacks manifest ${digest}, and there is no content to push`);
}

/** What the bytes are, by the algorithm of the digest that they are pushed under. */
function describe({ createHasher }: ClientContext, ref: ImageReference, { bytes, mediaType }: PushContent): Descriptor {
  const algorithm = ref.digest === undefined ? 'sha256' : digestAlgorithm(ref.digest);
  const descriptor = { mediaType, digest: digestOf(bytes, createHasher, algorithm), size: bytes.length };
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
  { session }: ClientContext,
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

function refuse({ name }: ImageReference, because: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot push to ${name}: ${because}`);
}
