import { type Digest, isDigest } from '../digest/index.js';
import { ImageError, StoreError } from '../errors/index.js';
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

type Link = Pick<Descriptor, 'digest' | 'mediaType'>;

/**
 * The content that roots lead to. It errs on the side of keeping: whatever looks like a descriptor counts, in any field of
 * a manifest, known or not.
 *
 * @param source - what is there, and how to read it
 * @param roots - what names point to
 * @returns the digests that have to stay: the roots, what they lead to, and what has any of these as its `subject`
 * @throws {@link StoreError} when a manifest that something leads to is corrupt or gone, since what it names is unknown
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { type ReachableSource, reachableContent } from 'kubepull/store';
 *
 * declare const source: ReachableSource;
 * declare const named: readonly Descriptor[];
 * const stay = await reachableContent(source, named);
 * ```
 * @beta
 */
export async function reachableContent(
  source: ReachableSource,
  roots: readonly Pick<Descriptor, 'digest' | 'mediaType'>[],
): Promise<ReadonlySet<Digest>> {
  const reached = new Set<Digest>();
  await follow(source, roots, reached, () => []);
  const referrers = await findReferrers(source, reached);
  const refer = (digest: Digest): readonly Link[] => referrers.get(digest) ?? [];
  await follow(source, [...reached].flatMap(refer), reached, refer);
  return reached;
}

async function follow(
  source: ReachableSource,
  from: readonly Link[],
  reached: Set<Digest>,
  refer: (digest: Digest) => readonly Link[],
): Promise<void> {
  const open = [...from];
  for (let link = open.pop(); link !== undefined; link = open.pop()) {
    const size = source.contents.get(link.digest);
    if (size === undefined || reached.has(link.digest)) continue;
    reached.add(link.digest);
    open.push(...refer(link.digest), ...(isDocument(link.mediaType) ? await linksOf(source, link.digest, size) : []));
  }
}

async function linksOf(source: ReachableSource, digest: Digest, size: number): Promise<readonly Link[]> {
  const node = await readNode(source, digest, size);
  if (node !== undefined) return descriptorsIn(node);
  const reason = `${digest}, which has a name or is part of what has, cannot be read, so nobody knows what it needs`;
  throw new StoreError(`Cannot collect garbage: ${reason}`, { operation: 'collect' });
}

/** Of what was not reached, the manifests that say what they are about. */
async function findReferrers(
  source: ReachableSource,
  reached: ReadonlySet<Digest>,
): Promise<ReadonlyMap<Digest, readonly Link[]>> {
  const referrers = new Map<Digest, Link[]>();
  for (const [digest, size] of source.contents) {
    const node = reached.has(digest) ? undefined : await readNode(source, digest, size);
    const [mediaType] = textsOf(node, 'mediaType').filter(isDocument);
    if (mediaType === undefined) continue;
    for (const subject of membersOf(node, 'subject').flatMap((value) => textsOf(value, 'digest').filter(isDigest))) {
      referrers.set(subject, [...(referrers.get(subject) ?? []), { digest, mediaType }]);
    }
  }
  return referrers;
}

function isDocument(mediaType: string): boolean {
  const type = normalizeMediaType(mediaType);
  return isIndexMediaType(type) || isManifestMediaType(type) || type === ARTIFACT_MANIFEST;
}

async function readNode(source: ReachableSource, digest: Digest, size: number): Promise<JsonNode | undefined> {
  const { maxBytes, maxDepth } = DEFAULT_DOCUMENT_LIMITS;
  const bytes = size > maxBytes ? undefined : await source.read(digest, size);
  // Layers are looked at, too; what does not begin as an object need not be read as JSON.
  if (bytes === undefined || !/^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 64)))) return undefined;
  const result = readJson(bytes, { maxDepth });
  return result.ok ? result.node : undefined;
}

function descriptorsIn(root: JsonNode): readonly Link[] {
  const found: Link[] = [];
  const open: JsonNode[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === 'array') open.push(...node.items);
    if (node.kind !== 'object') continue;
    open.push(...node.members.map(({ value }) => value));
    const mediaType = textsOf(node, 'mediaType')[0] ?? '';
    found.push(
      ...textsOf(node, 'digest')
        .filter(isDigest)
        .map((digest) => ({ digest, mediaType })),
    );
  }
  return found;
}

function membersOf(node: JsonNode | undefined, key: string): readonly JsonNode[] {
  if (node?.kind !== 'object') return [];
  return node.members.filter((member) => member.key === key).map(({ value }) => value);
}

function textsOf(node: JsonNode | undefined, key: string): readonly string[] {
  return membersOf(node, key).flatMap((value) => (value.kind === 'string' ? [value.value] : []));
}

/**
 * What is in a store, and what a name leads to.
 *
 * @beta
 */
export interface Sorting {
  /** What is there, with its size. */
  readonly contents: ReadonlyMap<Digest, number>;
  /** What names lead to. */
  readonly reached: ReadonlySet<Digest>;
  /** Whether content that nothing names is too young to be removed. */
  isYoung(digest: Digest): boolean | Promise<boolean>;
  /** Removes content; resolves to whether it did, as somebody may have come in between. */
  remove(digest: Digest): boolean | Promise<boolean>;
}

/**
 * The grace that holds with these options.
 *
 * @param options - those of `collectGarbage`
 * @returns milliseconds, by default {@link DEFAULT_GARBAGE_GRACE_MS}
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `graceMs` is negative or no number
 * @example
 * ```ts
 * import { graceOf } from 'kubepull/store';
 *
 * graceOf({ graceMs: 0 }); // 0
 * ```
 * @beta
 */
export function graceOf({ graceMs = DEFAULT_GARBAGE_GRACE_MS }: CollectGarbageOptions): number {
  if (graceMs >= 0) return graceMs;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot collect garbage with graceMs ${graceMs}: it is no time`);
}

/**
 * Removes what is not reached and not young, and counts: the last step of `collectGarbage` in a store of your own, after
 * {@link reachableContent}.
 *
 * @param sorting - what is there, what has to stay, and how the store removes
 * @param options - those of `collectGarbage`: whether to remove anything at all, and an abort signal
 * @returns the report of `collectGarbage`
 * @example
 * ```ts
 * import { type Sorting, sweepGarbage } from 'kubepull/store';
 *
 * declare const sorting: Sorting;
 * const { removedBytes } = await sweepGarbage(sorting, { dryRun: true });
 * ```
 * @beta
 */
export async function sweepGarbage(
  { contents, reached, isYoung, remove }: Sorting,
  { dryRun = false, signal }: CollectGarbageOptions,
): Promise<GarbageReport> {
  const removed: RemovedContent[] = [];
  let spared = 0;
  for (const [digest, size] of contents) {
    signal?.throwIfAborted();
    if (reached.has(digest)) continue;
    if (!(await isYoung(digest)) && (dryRun || (await remove(digest)))) removed.push({ digest, size });
    else spared += 1;
  }
  const removedBytes = removed.reduce((total, { size }) => total + size, 0);
  return { removed, removedBytes, kept: contents.size - removed.length - spared, spared };
}
