import type { CallOptions } from '../clock/index.js';
import { type CreateHasher, type Digest, computeDigest } from '../digest/index.js';
import { ImageError, StoreError } from '../errors/index.js';
import { decodeUtf8, encodeUtf8 } from '../internal/index.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  type ImageIndex,
  isIndexMediaType,
  normalizeMediaType,
  parseImageIndex,
} from '../oci/index.js';
import { readContent } from './content.js';
import { STORED_LIMITS } from './limits.js';
import type { ContentStore } from './types.js';
import { verifyContent } from './verifier.js';

/** Levels of index in index. */
const MAX_INDEX_DEPTH = 4;
/** What one copy asks about, over all levels. */
const MAX_INDEXES = 10_000;

/** What a copy takes: the root, and the indexes that exist only since some of their entries were left out. */
export interface Selection {
  readonly root: Descriptor;
  readonly narrowed: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * Chooses from an index. One entry: that image is copied in place of the index. A list: an index of only these entries.
 *
 * @public
 */
export type SelectManifests = (index: ImageIndex) => Descriptor | readonly Descriptor[];

interface Options extends CallOptions {
  readonly select?: SelectManifests | undefined;
  readonly createHasher?: CreateHasher | undefined;
}

/** What came of an index: an entry in its place, or an index that is smaller, or the same. */
type Outcome = { readonly entry: Descriptor } | Pick<Descriptor, 'digest' | 'size'>;

/** Asks what to take of an index, and of each index within it, once. */
export async function selectContent(
  from: Pick<ContentStore, 'read'>,
  root: Descriptor,
  options: Options,
): Promise<Selection> {
  const narrowed = new Map<Digest, Uint8Array>();
  const { select, createHasher, signal } = options;
  if (select === undefined) return { root, narrowed };
  if (createHasher === undefined) throw cannotSelect(root, 'select needs the option createHasher');
  const outcomes = new Map<Digest, Outcome>();

  const choose = async (descriptor: Descriptor, depth: number): Promise<Descriptor> => {
    if (!isIndexMediaType(normalizeMediaType(descriptor.mediaType))) return descriptor;
    if (depth >= MAX_INDEX_DEPTH) throw tooMuch(root, `its indexes are nested deeper than ${MAX_INDEX_DEPTH} levels`);
    if (outcomes.size >= MAX_INDEXES) throw tooMuch(root, `it has more than ${MAX_INDEXES} indexes`);
    const outcome = outcomes.get(descriptor.digest) ?? (await ask(descriptor, depth));
    outcomes.set(descriptor.digest, outcome);
    return 'entry' in outcome ? outcome.entry : { ...descriptor, ...outcome };
  };
  const ask = async (descriptor: Descriptor, depth: number): Promise<Outcome> => {
    const bytes = await readVerified(from, descriptor, createHasher, signal);
    const index = parseImageIndex(bytes, {
      mediaType: normalizeMediaType(descriptor.mediaType),
      limits: STORED_LIMITS,
    });
    const chosen = select(index);
    if (!isList(chosen)) return { entry: await choose(entryOf(index, chosen, descriptor), depth + 1) };
    if (chosen.length === 0) throw cannotSelect(descriptor, 'nothing was chosen from the index');
    const kept = new Map<Descriptor, Descriptor>();
    for (const one of chosen) {
      const entry = entryOf(index, one, descriptor);
      kept.set(entry, await choose(entry, depth + 1));
    }
    if (index.manifests.every((entry) => kept.get(entry)?.digest === entry.digest)) {
      return { digest: descriptor.digest, size: descriptor.size };
    }
    const document = encodeUtf8(narrow(bytes, index, kept));
    const digest = computeDigest(document, createHasher);
    narrowed.set(digest, document);
    return { digest, size: document.length };
  };
  return { root: await choose(root, 0), narrowed };
}

/** What is chosen depends on the index, which the target may never see: so it is verified here. */
function readVerified(
  from: Pick<ContentStore, 'read'>,
  descriptor: Descriptor,
  createHasher: CreateHasher,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const verified: Pick<ContentStore, 'read'> = {
    read: (content, call) => verifyContent(from.read(content, call), content, createHasher),
  };
  return readContent(verified, descriptor, { maxBytes: DEFAULT_DOCUMENT_LIMITS.maxBytes, signal });
}

function isList(chosen: Descriptor | readonly Descriptor[]): chosen is readonly Descriptor[] {
  return Array.isArray(chosen);
}

/** The entry itself, also when a copy of it was chosen. */
function entryOf({ manifests }: ImageIndex, chosen: Descriptor, index: Descriptor): Descriptor {
  const entry = manifests.includes(chosen) ? chosen : manifests.find((one) => one.digest === chosen.digest);
  if (entry !== undefined) return entry;
  throw cannotSelect(index, 'what was chosen is not in the index');
}

/** The index without the entries left out, in its own order and with every other field. */
function narrow(bytes: Uint8Array, index: ImageIndex, kept: ReadonlyMap<Descriptor, Descriptor>): string {
  // The parser has looked at it already: it is an object, and its manifests are objects.
  const document = JSON.parse(decodeUtf8(bytes)) as { readonly manifests: readonly object[] };
  const manifests = index.manifests.flatMap((entry, place) => {
    const target = kept.get(entry);
    return target === undefined ? [] : [withTarget(document.manifests[place], target)];
  });
  return JSON.stringify({ ...document, manifests });
}

/**
 * An entry that points to what was chosen from the index that it listed: with that entry's own type and platform, and
 * with the annotations that it had.
 */
function withTarget(entry: object | undefined, { mediaType, digest, size, platform }: Descriptor): object {
  return { ...entry, mediaType, digest, size, ...(platform === undefined ? {} : { platform }) };
}

function cannotSelect({ digest }: Descriptor, reason: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot copy ${digest}: ${reason}`);
}

function tooMuch({ digest }: Descriptor, reason: string): StoreError {
  return new StoreError(`Cannot copy ${digest}: ${reason}`, { operation: 'copy' });
}
