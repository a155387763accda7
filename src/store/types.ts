import type { CallOptions } from '../clock/index.js';
import type { Digest, DigestAlgorithm } from '../digest/index.js';
import type { Descriptor } from '../oci/index.js';

/**
 * How a chunk is handed to a {@link ContentWriter}.
 *
 * @public
 */
export interface WriteOptions {
  /**
   * Whether the store may keep the chunk itself.
   *
   * @defaultValue `false`: it copies what it keeps
   */
  readonly owned?: boolean | undefined;
}

/**
 * A file of this process that somebody else than its writer puts content into, such as a thread of its own.
 *
 * @public
 */
export interface ContentFile {
  /** Its descriptor, for reading and writing. It stays open until whoever fills it says that it is done. */
  readonly fd: number;
  /** Bytes that are in it already, and that the digest is over as well. */
  readonly offset: number;
  /** The size of the whole content, behind which nothing is written. */
  readonly size: number;
  /** What to hash with. */
  readonly algorithm: DigestAlgorithm;
}

/**
 * How far a {@link ContentFile} was filled. Whoever says so does not touch the file any more.
 *
 * @public
 */
export interface FilledContent {
  /** Bytes that are in the file from its start. More than the whole content has: at least so many came. */
  readonly size: number;
  /** Of all of them, as they were written; `undefined` when the source ended early or failed. */
  readonly digest: Digest | undefined;
  /** What ended it early: an error of the source as its caller gets it, or of the file as the system gives it. */
  readonly failure: { readonly at: 'source' | 'file'; readonly error: unknown } | undefined;
}

/**
 * Takes the bytes of one piece of content, in order, until they are committed or given up.
 *
 * @public
 */
export interface ContentWriter {
  /** Bytes accepted so far; above 0 from the start when the store kept a part of an earlier attempt. */
  readonly offset: number;
  /**
   * Takes the next bytes. The caller may reuse the chunk once the call (or its promise) is done, unless it says `owned`:
   * then the chunk is the store's to keep, which spares it a copy, and must not change any more. The next call
   * has to wait for that. Fails with `ContentMismatchError` when the bytes are too many; then only `restart` and `abort`
   * are left.
   */
  write(chunk: Uint8Array, options?: WriteOptions): void | Promise<void>;
  /**
   * Lets somebody else put the next bytes where this writer keeps them, so that they need not pass through it; size and
   * digest are held against the descriptor all the same. Only a writer over a file of this process has it.
   *
   * `bring` does not reject, and resolves once it leaves the file alone.
   *
   * Fails with what the source failed with, and the writer goes on from what has come. Any other failure is as for `write`.
   */
  fill?(bring: (file: ContentFile) => Promise<FilledContent>): Promise<void>;
  /** Forgets everything written so far; `offset` is 0 again. It is possible after a failed `write` or `commit`, too. */
  restart(): Promise<void>;
  /**
   * Verifies size and digest, then makes the content visible in one step. Fails with `ContentMismatchError`, and the
   * bytes are gone, when they are not what the descriptor says. It is a success when the same content is already there.
   */
  commit(): Promise<void>;
  /** Ends the writer without commit. The store may keep the verified-later part for a resume. Never rejects. */
  abort(): Promise<void>;
}

/**
 * Content by digest.
 *
 * @public
 */
export interface ContentStore {
  /** Whether the content is there, whole and verified. */
  has(descriptor: Descriptor, options?: CallOptions): Promise<boolean>;
  /** The bytes of content that is there; fails with `ERR_STORE` when it is not. */
  read(descriptor: Descriptor, options?: CallOptions): AsyncIterable<Uint8Array>;
  /** Opens a writer. Several writers of the same digest may be open at once. */
  ingest(descriptor: Descriptor, options?: CallOptions): Promise<ContentWriter>;
}

/**
 * Content by digest, and names that point to it.
 *
 * @public
 */
export interface ImageStore extends ContentStore {
  /** What a name points to: media type, digest, size, and platform and artifact type if it was given with them. */
  resolve(name: string, options?: CallOptions): Promise<Descriptor | undefined>;
  /**
   * Points a name to a manifest or index. Fails with `ERR_STORE`, and names nothing, unless its whole content is in the
   * store already. What the name pointed to before stays in the store.
   */
  tag(name: string, descriptor: Descriptor, options?: CallOptions): Promise<void>;
}

/**
 * What an image is copied from: a store, or whatever has these methods, such as a repository of a registry.
 *
 * @public
 */
export interface CopySource extends Pick<ImageStore, 'has' | 'read' | 'resolve'> {
  /** What refers to a manifest or index, such as its signatures; a store does not know it. */
  referrers?(descriptor: Descriptor, options?: CallOptions): AsyncIterable<Descriptor>;
}

/**
 * How content came to a {@link CopyTarget}.
 *
 * @public
 */
export type BroughtContent = 'present' | 'mounted' | 'uploaded';

/**
 * What an image can be copied to besides a store: something that reads content by itself if it lacks it, such as a
 * repository of a registry. `createRegistryStore` of `kubepull/distribution` makes one.
 *
 * @public
 */
export interface CopyTarget extends Pick<ImageStore, 'tag'> {
  /** Takes content, verified, unless it is there. `open` starts to read it, and may be called again. */
  bring(descriptor: Descriptor, open: () => AsyncIterable<Uint8Array>, options?: CallOptions): Promise<BroughtContent>;
}

/**
 * How long content is spared that nothing names, when the caller does not say: an hour. A pull names its image last, so
 * what it has brought by then looks like garbage.
 *
 * @public
 */
export const DEFAULT_GARBAGE_GRACE_MS: number = 60 * 60 * 1000;

/**
 * How garbage is collected.
 *
 * @public
 */
export interface CollectGarbageOptions extends CallOptions {
  /**
   * Content that nothing names is spared for so long after it was written, or found by `has`, in milliseconds. It must be
   * longer than any pull. 0 is for when nobody else writes.
   *
   * @defaultValue {@link DEFAULT_GARBAGE_GRACE_MS}
   */
  readonly graceMs?: number | undefined;
  /**
   * Reports what would be removed, and removes nothing.
   *
   * @defaultValue `false`
   */
  readonly dryRun?: boolean | undefined;
}

/**
 * Content that was removed.
 *
 * @public
 */
export interface RemovedContent {
  /** The digest of the content. */
  readonly digest: Descriptor['digest'];
  /** Its size in bytes. */
  readonly size: number;
}

/**
 * What a collection of garbage did.
 *
 * @public
 */
export interface GarbageReport {
  /** What was removed; in a dry run what would be. */
  readonly removed: readonly RemovedContent[];
  /** The size of that, in bytes. */
  readonly removedBytes: number;
  /** How many contents a name leads to. */
  readonly kept: number;
  /** How many contents nothing names, but are too young to be removed. */
  readonly spared: number;
  /**
   * What is named as a manifest and cannot be read as one, such as a layer that poses as one. It is kept, but what it may
   * name is not kept for its sake. Not there when all could be read.
   */
  readonly unread?: readonly Descriptor['digest'][] | undefined;
}

/**
 * A store that can be looked after: what has a name in it can be listed, and what has none removed. A pull needs no more
 * than an {@link ImageStore}.
 *
 * @public
 */
export interface ManagedStore extends ImageStore {
  /** All names, each once, in no particular order. */
  names(options?: CallOptions): Promise<readonly string[]>;
  /** Takes a name away; its content stays until garbage is collected. Resolves to whether there was such a name. */
  untag(name: string, options?: CallOptions): Promise<boolean>;
  /**
   * Removes content that no name leads to. A name leads to its whole image, to what that has as `subject`, and to what has
   * any of these as `subject`, such as signatures. Fails with `ERR_STORE`, and removes nothing, when a manifest that has a
   * name, or that an index lists, is corrupt, because what it needs is unknown then. Anything else that cannot be read
   * holds up nothing: `unread` tells.
   */
  collectGarbage(options?: CollectGarbageOptions): Promise<GarbageReport>;
}
