import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { compileRules, type DecidingRule, isTooLong, type RuleSet, type RuleSubject } from './compile.js';

/**
 * Which images may be used, as an operator writes it.
 *
 * @public
 */
export interface ImageRulesOptions {
  /**
   * Patterns of names that may be used. An empty list lets nothing through.
   *
   * @defaultValue no list: whatever is not denied may be used
   */
  readonly allow?: readonly string[] | undefined;
  /**
   * Patterns of names that may not be used, whatever the other list says.
   *
   * @defaultValue `[]`
   */
  readonly deny?: readonly string[] | undefined;
}

/**
 * Whether an image may be used, and what decided it.
 *
 * `not-denied`: there is no allow list, and no deny rule matches. `too-long`: the name is longer than any registry's.
 *
 * @public
 */
export type RuleDecision =
  | { readonly allowed: true; readonly reason: 'allow-rule'; readonly rule: DecidingRule }
  | { readonly allowed: true; readonly reason: 'not-denied'; readonly rule: undefined }
  | { readonly allowed: false; readonly reason: 'deny-rule'; readonly rule: DecidingRule }
  | { readonly allowed: false; readonly reason: 'no-allow-rule' | 'too-long'; readonly rule: undefined };

/**
 * Compiled allow and deny lists.
 *
 * @public
 */
export interface ImageRules {
  /** Decides on a parsed reference, by its full name (`docker.io/library/nginx`). */
  decide(ref: RuleSubject): RuleDecision;
}

/**
 * Compiles allow and deny lists, written in picomatch's glob syntax.
 *
 * `*` and `?` stay within a path segment, `**` goes over any number of them, `{a,b}` and `[a-z]` are alternatives. A host
 * alone, such as `quay.io` or `*.example.com`, stands for everything in it. Rules are matched against the full normal name,
 * `docker.io/library/nginx`, never against what was written, and hosts as they are asked: in any case, with or without the
 * port 443, and Docker Hub by each of its names. So no spelling goes around them. Deny goes before allow.
 *
 * A pattern that can match no image is refused, with the one that may have been meant: `nginx` for
 * `docker.io/library/nginx`, `docker.io/*` for `docker.io/**`, a tag, a scheme, upper case in a path. So are extended globs,
 * and patterns that a hostile name could make slow. The number of literal patterns does not slow a decision down.
 *
 * @param options - the lists
 * @returns the compiled rules
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a pattern that is malformed, can match no image or would be slow, and for a
 * list that is none
 * @example
 * ```ts
 * import { parseReference } from 'kubepull/reference';
 * import { createImageRules } from 'kubepull/rules';
 *
 * const rules = createImageRules({ allow: ['registry.example.com/{team-a,team-b}/**'] });
 * rules.decide(parseReference('registry.example.com/team-a/app:1')).allowed; // true
 * rules.decide(parseReference('nginx')).reason; // 'no-allow-rule'
 * ```
 * @public
 */
export function createImageRules(options: ImageRulesOptions): ImageRules {
  // A bare list would be no list at all, and everything would be let through.
  const patterns = is.optional(is.listOf(is.text));
  check<ImageRulesOptions>('Cannot compile rules', options, { allow: patterns, deny: patterns });
  const deny = compileList('deny', options.deny ?? []);
  const allow = options.allow === undefined ? undefined : compileList('allow', options.allow);
  return { decide: (ref) => decide(ref, deny, allow) };
}

function compileList(list: 'allow' | 'deny', patterns: readonly string[]): RuleSet {
  return compileRules(list, [...patterns]);
}

function decide(ref: RuleSubject, deny: RuleSet, allow: RuleSet | undefined): RuleDecision {
  if (isTooLong(ref)) return { allowed: false, reason: 'too-long', rule: undefined };
  const denied = deny.find(ref);
  if (denied !== undefined) return { allowed: false, reason: 'deny-rule', rule: denied };
  if (allow === undefined) return { allowed: true, reason: 'not-denied', rule: undefined };
  const allowed = allow.find(ref);
  if (allowed !== undefined) return { allowed: true, reason: 'allow-rule', rule: allowed };
  return { allowed: false, reason: 'no-allow-rule', rule: undefined };
}
