import { check, reasonOf } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { quote } from '../internal/index.js';
import { type ImageReference, safeParseReference } from '../reference/index.js';
import type { DecidingRule } from './compile.js';
import type { ImageRules, RuleDecision } from './image-rules.js';

/**
 * Whether an operator lets an image be used, with the words for it.
 *
 * @public
 */
export interface ImageDecision {
  /** Whether the image may be used. */
  readonly allowed: boolean;
  /** As of {@link RuleDecision}; `invalid-name` is an image that no rule can be tried on, and that nobody can pull. */
  readonly reason: RuleDecision['reason'] | 'invalid-name';
  /** The rule that decided; `undefined` when none matched. */
  readonly rule: DecidingRule | undefined;
  /** What is said of the image, such as `it is denied by the rule "quay.io/x/**"`. */
  readonly message: string;
}

/**
 * Decides by an operator's rules whether an image may be used. Admission, the image manager and preflight all ask this one
 * function.
 *
 * @param image - the image as a pod has it, or parsed
 * @param rules - as {@link createImageRules} makes them
 * @returns the decision. An image that cannot be parsed is not allowed: what no rule can be tried on goes around none
 * @throws {@link ImageError} `ERR_OPTION_INVALID`
 * @example
 * ```ts
 * import { createImageRules, decideImage } from 'kubepull/rules';
 *
 * const rules = createImageRules({ deny: ['quay.io/x/**'] });
 * decideImage('quay.io/x/app:1', rules).message; // 'it is denied by the rule "quay.io/x/**"'
 * ```
 * @public
 */
export function decideImage(image: string | ImageReference, rules: ImageRules): ImageDecision {
  check('Cannot apply rules', { image, rules }, { image: is.either(is.text, is.reference), rules: rulesKind });
  const parsed = typeof image === 'string' ? safeParseReference(image) : { ok: true as const, value: image };
  if (!parsed.ok) {
    const message = `it is no image name: ${reasonOf(parsed.error)}`;
    return { allowed: false, reason: 'invalid-name', rule: undefined, message };
  }
  const decision = rules.decide(parsed.value);
  return { ...decision, message: wordsFor(decision) };
}

/** What has compiled lists in it. */
export const rulesKind: is.Kind = /* @__PURE__ */ is.having('rules, such as createImageRules() gives', 'decide');

function wordsFor({ reason, rule }: RuleDecision): string {
  switch (reason) {
    case 'allow-rule':
      return `it is allowed by the rule ${quote(rule.pattern)}`;
    case 'deny-rule':
      return `it is denied by the rule ${quote(rule.pattern)}`;
    case 'not-denied':
      return 'it is denied by no rule';
    case 'no-allow-rule':
      return 'it is allowed by no rule';
    case 'too-long':
      return 'its name is longer than any of a registry';
  }
}
