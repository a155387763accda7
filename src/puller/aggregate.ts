import { aggregate } from '../internal/index.js';

/**
 * Joins the errors of several attempts into one text, as kubelet shows them.
 *
 * @param texts - the error texts, in the order in which they came
 * @returns the text alone when all are equal; else `[first, second]`, each once
 * @example
 * ```ts
 * import { aggregateErrorTexts } from 'kubepull/puller';
 *
 * aggregateErrorTexts(['denied', 'denied', 'not found']); // '[denied, not found]'
 * ```
 * @see NewAggregate in kubernetes apimachinery pkg/util/errors
 * @public
 */
export function aggregateErrorTexts(texts: readonly string[]): string {
  return aggregate(texts);
}
