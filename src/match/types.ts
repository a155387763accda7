/**
 * Why a pattern does not match an image.
 *
 * - `port`: the ports differ; a pattern without a port is for images without one.
 * - `label-count`: one host has more parts between its dots than the other; a `*` covers a part, not several.
 * - `label`: a part of the host differs.
 * - `path`: the image's path does not begin with the pattern's, in which a `*` stands for itself.
 * - `invalid-pattern`, `invalid-image`: it cannot be read, so it matches nothing.
 *
 * @public
 */
export type Mismatch = 'port' | 'label-count' | 'label' | 'path' | 'invalid-pattern' | 'invalid-image';

/**
 * What made a pattern match: a host that is written out (`literal`), or one with a glob (`glob`).
 *
 * @public
 */
export type MatchRule = 'literal' | 'glob';

/**
 * How keys are read: `kubelet` as its code does, `documented` as the Images page of Kubernetes says, `docker` as Docker and
 * podman do.
 *
 * For `docker` a key has no globs, a URL means its host, paths are compared by whole segments, `index.docker.io` and
 * `registry-1.docker.io` are `docker.io`, and nothing is offered to a registry that the key does not name.
 *
 * @public
 */
export type MatchDialect = 'kubelet' | 'documented' | 'docker';

/**
 * How patterns are compared with images.
 *
 * @public
 */
export interface MatchOptions {
  /** How keys are read: as kubelet, its documentation, or Docker does. @defaultValue `'kubelet'` */
  readonly dialect?: MatchDialect | undefined;
  /**
   * `prefix` compares the path as plain text, as kubelet does: `r.io/team` also serves `r.io/team-evil`. `segment` ends
   * a match at a slash, as the dialect `docker` always does.
   *
   * @defaultValue `'prefix'`
   */
  readonly pathMatch?: 'prefix' | 'segment' | undefined;
}

/**
 * A credential key or an image, taken apart for matching.
 *
 * @public
 */
export interface ParsedTarget {
  /** Host, port and path in the normal form by which kubelet orders and merges keys. */
  readonly key: string;
  /** The host, split at its dots; without the port, and with a port also without the brackets of an IPv6 address. */
  readonly labels: readonly string[];
  /** The port as written; empty when there is none. No default is assumed. */
  readonly port: string;
  /** The decoded path with its leading slash; empty when there is none. */
  readonly path: string;
  /** Whether no label has a glob, so that the host matches only itself. */
  readonly literal: boolean;
}

/**
 * Whether a pattern matches an image, with the rule that made it match or the reason why it does not.
 *
 * @public
 */
export type MatchResult =
  { readonly matched: true; readonly rule: MatchRule } | { readonly matched: false; readonly reason: Mismatch };
