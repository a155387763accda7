import type { ImageReference } from '../reference/index.js';

/**
 * What rules look at: a parsed reference, of which only the name counts. Tags and digests are not matched.
 *
 * @public
 */
export type RuleSubject = Pick<ImageReference, 'name'>;

/**
 * The rule that decided: which list it stands in, where, and its text.
 *
 * @public
 */
export interface DecidingRule {
  readonly list: 'allow' | 'deny' | 'mirrors';
  /** Place in the list, from 0. */
  readonly index: number;
  readonly pattern: string;
}
