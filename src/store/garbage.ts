import { type Digest, isDigest } from '../digest/index.js';
import { StoreError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type JsonNode, readJson } from '../internal/index.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  isIndexMediaType,
  isManifestMediaType,
  normalizeMediaType,
} from '../oci/index.js';
import {
  type CollectGarbageOptions,
  DEFAULT_GARBAGE_GRACE_MS,
  type GarbageReport,
  type RemovedContent,
} from './types.js';

/** Artifacts of before OCI 1.1 have a manifest of their own, with a subject. */
const ARTIFACT_MANIFEST = 'application/vnd.oci.artifact.manifest.v1+json';

/** Eight times what a pull takes of one document by default. */
const MAX_VALUES = 131_072;

/**
 * What the search for garbage asks of a store.
 *
 * @beta
 */
export interface ReachableSource {
  /** What is there, with its size. */
  readonly contents: ReadonlyMap<Digest, number>;
  /** The bytes of content that is there; `undefined` when it is corrupt, or gone meanwhile. */
  read(digest: Digest, size: number): Promise<Uint8Array | undefined>;
}

const SOURCE = /* @__PURE__ */ is.shape(
  { contents: /* @__PURE__ */ is.having('a map of sizes by digest', 'get', 'entries'), read: is.callable },
  'a source of content',
);

/** Somebody names content as this. */
interface Link extends Pick<Descriptor, 'digest' | 'mediaType'> {
  /** Whether an image cannot do without it: what a name points to, and what an index lists. */
  readonly needed: boolean;
}

/**
 * What names lead to.
 *
 * @beta
 */
export interface ReachedContent {
  /** What has to stay. */
  readonly reached: ReadonlySet<Digest>;
  /** Of these, what is named as a manifest and cannot be read as one. It stays; what it may name stays only by others. */
  readonly unread: readonly Digest[];
}

/** How a search goes on. */
interface Search {
  readonly source: ReachableSource;
  readonly reached: Set<Digest>;
  readonly unread: Set<Digest>;
  /** What is said to be about some content. */
  refer(digest: Digest): readonly Link[];
}

/**
 * The content that roots lead to. It errs on the side of keeping: whatever looks like a descriptor counts, in any field of
 * a manifest, known or not. What only looks like a manifest, such as a layer that poses as one, holds up nothing: it is
 * kept, and named in the result.
 *
 * @param source - what is there, and how to read it
 * @param roots - what names point to
 * @returns the digests that have to stay: the roots, what they lead to, and what has any of these as its `subject`
 * @throws {@link StoreError} when a manifest that a name points to, or that an index lists, is corrupt or gone, since what
 * it names is unknown
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { type ReachableSource, listReachableContent } from 'kubepull/store';
 *
 * declare const source: ReachableSource;
 * declare const named: readonly Descriptor[];
 * const { reached } = await listReachableContent(source, named);
 * ```
 * @beta
 */
export async function listReachableContent(
  source: ReachableSource,
  roots: readonly Pick<Descriptor, 'digest' | 'mediaType'>[],
): Promise<ReachedContent> {
  const link = is.shape({ digest: is.text, mediaType: is.text });
  check('Cannot follow content', { source, roots }, { source: SOURCE, roots: is.listOf(link) });
  const [reached, unread] = [new Set<Digest>(), new Set<Digest>()];
  const named = roots.map(({ digest, mediaType }) => ({ digest, mediaType, needed: true }));
  await follow(named, { source, reached, unread, refer: () => [] });
  const referrers = await findReferrers(source, reached);
  const refer = (digest: Digest): readonly Link[] => referrers.get(digest) ?? [];
  await follow([...reached].flatMap(refer), { source, reached, unread, refer });
  return { reached, unread: [...unread] };
}

async function follow(from: readonly Link[], search: Search): Promise<void> {
  const { source, reached, unread, refer } = search;
  const open = [...from];
  // As which kinds content was read: one blob may be named as a layer here, and as a manifest there.
  const read = new Set<string>();
  for (let link = open.pop(); link !== undefined; link = open.pop()) {
    const { digest, mediaType } = link;
    const size = source.contents.get(digest);
    if (size === undefined) continue;
    if (!reached.has(digest)) pushAll(open, refer(digest));
    reached.add(digest);
    const key = `${kindOf(mediaType)} ${link.needed} ${digest}`;
    if (kindOf(mediaType) === undefined || read.has(key)) continue;
    read.add(key);
    const node = await readNode(source, digest, size);
    if (typeof node === 'object') pushAll(open, linksIn(node, link));
    else if (node === 'corrupt' && link.needed) throw unknownNeeds(digest);
    else unread.add(digest);
  }
}

/** Without spreading: lists that others wrote can be longer than a call has arguments. */
function pushAll<T>(list: T[], more: Iterable<T>): void {
  for (const one of more) list.push(one);
}

function unknownNeeds(digest: Digest): StoreError {
  const reason = `${digest}, which has a name or is part of what has, cannot be read, so what it needs is unknown`;
  return new StoreError(`Cannot collect garbage: ${reason}`, { operation: 'collect' });
}

/** Of what was not reached, the manifests that say what they are about. */
async function findReferrers(
  source: ReachableSource,
  reached: ReadonlySet<Digest>,
): Promise<ReadonlyMap<Digest, readonly Link[]>> {
  const referrers = new Map<Digest, Link[]>();
  for (const [digest, size] of source.contents) {
    const node = reached.has(digest) ? undefined : await readNode(source, digest, size);
    if (typeof node !== 'object') continue;
    const [mediaType] = textsOf(node, 'mediaType').filter((type) => kindOf(type) !== undefined);
    if (mediaType === undefined) continue;
    for (const subject of membersOf(node, 'subject').flatMap((value) => textsOf(value, 'digest').filter(isDigest))) {
      const known = referrers.get(subject) ?? [];
      known.push({ digest, mediaType, needed: false });
      referrers.set(subject, known);
    }
  }
  return referrers;
}

/** What a media type says of content that names other content. */
function kindOf(mediaType: string): 'index' | 'manifest' | undefined {
  const type = normalizeMediaType(mediaType);
  if (isIndexMediaType(type)) return 'index';
  return isManifestMediaType(type) || type === ARTIFACT_MANIFEST ? 'manifest' : undefined;
}

/** Whether a store reads what an index lists as this before it gives the index a name. Of an artifact it asks nothing. */
function isDocumentType(mediaType: string): boolean {
  const type = normalizeMediaType(mediaType);
  return isIndexMediaType(type) || isManifestMediaType(type);
}

/** Bytes from the start of content that tell nearly always that it is no document. */
export const DOCUMENT_START_BYTES = 64;

/** Whether content may be a document, by how it begins: as an object, or with nothing but space so far. */
export function mayBeDocument(start: Uint8Array): boolean {
  return /^\s*(?:\{|$)/.test(new TextDecoder().decode(start.subarray(0, DOCUMENT_START_BYTES)));
}

/** A document; or why there is none: the store has not the right bytes, or they are no document within all limits. */
async function readNode(
  source: ReachableSource,
  digest: Digest,
  size: number,
): Promise<JsonNode | 'corrupt' | 'other'> {
  if (size > DEFAULT_DOCUMENT_LIMITS.maxBytes) return 'other';
  const bytes = await source.read(digest, size);
  if (bytes === undefined) return 'corrupt';
  // Layers are looked at, too.
  if (!mayBeDocument(bytes)) return 'other';
  const result = readJson(bytes, { maxDepth: DEFAULT_DOCUMENT_LIMITS.maxDepth, maxValues: MAX_VALUES });
  return result.ok ? result.node : 'other';
}

/** What a document names. An index that an image can do without, such as a layer that poses as one, makes nothing needed. */
function linksIn(root: JsonNode, { mediaType, needed }: Link): readonly Link[] {
  const found: Link[] = [];
  const listed = new Set(
    kindOf(mediaType) === 'index'
      ? membersOf(root, 'manifests').flatMap((list) => (list.kind === 'array' ? list.items : []))
      : [],
  );
  const open: JsonNode[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === 'array') pushAll(open, node.items);
    if (node.kind !== 'object') continue;
    for (const { value } of node.members) open.push(value);
    const type = textsOf(node, 'mediaType')[0] ?? '';
    const isNeeded = needed && listed.has(node) && isDocumentType(type);
    for (const digest of textsOf(node, 'digest').filter(isDigest))
      found.push({ digest, mediaType: type, needed: isNeeded });
  }
  return found;
}

function membersOf(node: JsonNode, key: string): readonly JsonNode[] {
  if (node.kind !== 'object') return [];
  return node.members.filter((member) => member.key === key).map(({ value }) => value);
}

function textsOf(node: JsonNode, key: string): readonly string[] {
  return membersOf(node, key).flatMap((value) => (value.kind === 'string' ? [value.value] : []));
}

/**
 * What is in a store, what a name leads to, and how the rest is removed.
 *
 * @beta
 */
export interface GarbageSweep extends ReachedContent {
  /** What is there, with its size. */
  readonly contents: ReadonlyMap<Digest, number>;
  /** Whether content that nothing names is too young to be removed. */
  isYoung(digest: Digest): boolean | Promise<boolean>;
  /** Removes content; resolves to whether it did, as somebody may have come in between. */
  remove(digest: Digest): boolean | Promise<boolean>;
}

/** The grace that holds with these options. */
export function resolveGarbageGrace(options: CollectGarbageOptions): number {
  check<CollectGarbageOptions>('Cannot collect garbage', options, {
    graceMs: is.optional(is.numberFrom(0, Infinity)),
    dryRun: is.optional(is.bool),
    ...is.callOptions,
  });
  return options.graceMs ?? DEFAULT_GARBAGE_GRACE_MS;
}

/**
 * Removes what is not reached and not young, and counts: the last step of `collectGarbage` in a store of your own, after
 * {@link listReachableContent}.
 *
 * @param sweep - what is there, what has to stay, and how the store removes
 * @param options - those of `collectGarbage`: whether to remove anything at all, and an abort signal
 * @returns the report of `collectGarbage`
 * @example
 * ```ts
 * import { type GarbageSweep, sweepGarbage } from 'kubepull/store';
 *
 * declare const sweep: GarbageSweep;
 * const { removedBytes } = await sweepGarbage(sweep, { dryRun: true });
 * ```
 * @beta
 */
export async function sweepGarbage(sweep: GarbageSweep, options: CollectGarbageOptions): Promise<GarbageReport> {
  resolveGarbageGrace(options);
  check<GarbageSweep>('Cannot collect garbage', sweep, {
    contents: is.having('a map of sizes by digest', 'get', 'entries'),
    reached: is.having('a set of digests', 'has'),
    unread: is.listOf(is.text),
    isYoung: is.callable,
    remove: is.callable,
  });
  const { contents, reached, unread } = sweep;
  const { dryRun = false, signal } = options;
  const removed: RemovedContent[] = [];
  let spared = 0;
  for (const [digest, size] of contents) {
    signal?.throwIfAborted();
    if (reached.has(digest)) continue;
    if (!(await sweep.isYoung(digest)) && (dryRun || (await sweep.remove(digest)))) removed.push({ digest, size });
    else spared += 1;
  }
  const removedBytes = removed.reduce((total, { size }) => total + size, 0);
  const report = { removed, removedBytes, kept: contents.size - removed.length - spared, spared };
  return unread.length === 0 ? report : { ...report, unread };
}
