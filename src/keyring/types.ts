import type { CallOptions } from '../clock/index.js';
import type { CredentialSource, DockerConfigEntry } from '../docker-config/index.js';
import type { AnyImageError } from '../errors/index.js';
import type { MatchRule, Mismatch } from '../match/index.js';
import type { ImageName } from '../reference/index.js';

/**
 * A credential to try.
 *
 * @public
 */
export interface CredentialCandidate {
  /** Place in the order of trying, from 1. */
  readonly rank: number;
  /** The entry, with the credential to try. */
  readonly entry: DockerConfigEntry;
  /** The normal form of the entry's pattern, by which entries are ordered and matched. */
  readonly key: string;
  /**
   * What made it match: a host without a glob (`literal`), a host glob (`glob`), or the `index.docker.io` entry used for an
   * image of the default registry (`default-registry`). Whether the path fits, or a neighbour's, says `cutsSegment`.
   */
  readonly rule: MatchRule | 'default-registry';
  /**
   * Whether the key's path ends within a segment of the image's, as `r.io/team` does for `r.io/team-evil/app`: kubelet
   * compares plain text, so a neighbour's image gets the credential. The option `pathMatch: 'segment'` closes it.
   */
  readonly cutsSegment: boolean;
}

/**
 * An entry that is not tried, and why.
 *
 * @public
 */
export interface RejectedEntry {
  /** The entry that is not tried. */
  readonly entry: DockerConfigEntry;
  /** The normal form of the pattern; `undefined` when it has none and the keyring dropped the entry. */
  readonly key: string | undefined;
  /** Why it does not match the image. */
  readonly reason: Mismatch;
}

/**
 * What a source that has to be asked for its credentials, such as a plugin or a cloud, did for one look-up.
 *
 * @public
 */
export interface SourceReport {
  /** The source that this is about, such as a plugin, a cloud or a file. */
  readonly source: CredentialSource;
  /**
   * `unmatched`: the image is none of its images, so it was not asked. `unsuited`: it was not asked for another reason,
   * which `detail` gives. `cached` and `fetched`: it gave an answer, now or before. `failed`: it gave none, which hides no
   * other source's credentials.
   */
  readonly outcome: 'unmatched' | 'unsuited' | 'cached' | 'fetched' | 'failed';
  /** In a few words: what was asked, or why not. It holds no secret. */
  readonly detail: string;
  /** What went wrong when `outcome` is `failed`; else `undefined`. */
  readonly error: AnyImageError | undefined;
}

/**
 * The answer of a keyring: what to try, in order, and what not, with reasons.
 *
 * @public
 */
export interface LookupResult {
  /** The name that was looked up. */
  readonly image: ImageName;
  /** The credentials to try, in order; when there is none, kubelet pulls anonymously. */
  readonly candidates: readonly CredentialCandidate[];
  /** The entries that do not match the image, with reasons. */
  readonly rejected: readonly RejectedEntry[];
  /** What the sources did that had to be asked, in order; empty when all entries were in memory. */
  readonly sources: readonly SourceReport[];
}

/**
 * Answers which credentials to try for an image, in order.
 *
 * @public
 */
export interface Keyring {
  /**
   * Looks up what to try for an image.
   *
   * @param image - its parsed name: what `parseImageName` gives for the image of a container
   * @param options - an abort signal
   * @returns the candidates in order, and the rest with reasons. A source that fails is told in `sources`
   * @throws {@link ImageError} `ERR_OPTION_INVALID` for text instead of a parsed name
   */
  lookup(image: ImageName, options?: CallOptions): LookupResult | Promise<LookupResult>;
}

/**
 * A keyring over entries that are in memory: its answer needs no waiting.
 *
 * @public
 */
export interface StaticKeyring extends Keyring {
  /** As {@link Keyring.lookup}, at once. */
  lookup(image: ImageName): LookupResult;
}
