import type { CallOptions } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import type { Descriptor, ImageIndex } from '../oci/index.js';

/**
 * What happens while an image is copied, or written to an archive.
 *
 * @public
 */
export type CopyEvent =
  | {
      /** The first event: everything that the image is made of is known, and there. */
      readonly type: 'plan';
      /** Each content once, in the order in which it is copied. */
      readonly contents: readonly Descriptor[];
      /** The bytes of all of them. */
      readonly bytes: number;
    }
  | {
      readonly type: 'blob';
      readonly descriptor: Descriptor;
      /** `skipped`: the target has it already. */
      readonly phase: 'started' | 'progress' | 'verified' | 'skipped';
      /** Bytes of this content that are done. */
      readonly bytes: number;
    };

/**
 * Chooses from an index. One entry: that image is copied in place of the index. A list: an index of only these entries.
 *
 * @public
 */
export type SelectManifests = (index: ImageIndex) => Descriptor | readonly Descriptor[];

/**
 * Options of {@link copyContent}.
 *
 * @public
 */
export interface CopyContentOptions extends CallOptions {
  /**
   * What to take of an index. It is asked once about each index within the index, too, and not at all about a single
   * image.
   *
   * @defaultValue the index with all that it lists
   */
  readonly select?: SelectManifests | undefined;
  /**
   * Where hashes come from, such as `nodeHasher` of `kubepull/node`. `select` needs it: the index that it sees is verified
   * before, and a narrowed one has a digest of its own.
   */
  readonly createHasher?: CreateHasher | undefined;
  /** Is told what happens, while the copy waits. When it throws, the copy ends with that error. @defaultValue nobody */
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
}

/**
 * Options of {@link copyImage}.
 *
 * @public
 */
export interface CopyImageOptions extends CopyContentOptions {
  /**
   * The name in the target.
   *
   * @defaultValue the same name
   */
  readonly as?: string | undefined;
}

/**
 * Content that is in the target now.
 *
 * @public
 */
export interface CopiedContent {
  /** The index or manifest that was copied: the one asked for, or what was chosen from it. */
  readonly root: Descriptor;
  /** All of it, each content once; what is named stands before what names it. */
  readonly contents: readonly Descriptor[];
}

/**
 * An image that the target knows by name now.
 *
 * @public
 */
export interface CopiedImage extends CopiedContent {
  readonly name: string;
}
