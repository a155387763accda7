/**
 * Why a pattern does not match an image.
 *
 * @public
 */
export type Mismatch = 'port' | 'label-count' | 'label' | 'path' | 'invalid-pattern' | 'invalid-image';

/**
 * How host globs are read: `kubelet` as its code does, `documented` as the Images page of Kubernetes says.
 *
 * @public
 */
export type MatchDialect = 'kubelet' | 'documented';

/**
 * How patterns are compared with images.
 *
 * @public
 */
export interface MatchOptions {
  /** @defaultValue `'kubelet'` */
  readonly dialect?: MatchDialect | undefined;
  /**
   * `prefix` compares the path as plain text, as kubelet does: `r.io/team` also serves `r.io/team-evil`. `segment` ends
   * a match at a slash.
   *
   * @defaultValue `'prefix'`
   */
  readonly pathMatch?: 'prefix' | 'segment' | undefined;
}
