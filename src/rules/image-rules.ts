import { ImageError } from '../errors/index.js';
import { compileRule, type CompiledRule, isTooLong } from './compile.js';
import type { DecidingRule, RuleSubject } from './types.js';

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
  | { readonly allowed: true; readonly because: 'allow-rule'; readonly rule: DecidingRule }
  | { readonly allowed: true; readonly because: 'not-denied'; readonly rule: undefined }
  | { readonly allowed: false; readonly because: 'deny-rule'; readonly rule: DecidingRule }
  | { readonly allowed: false; readonly because: 'no-allow-rule' | 'too-long'; readonly rule: undefined };

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
 * `*` and `?` stay within a path segment, `**` goes over any number of them, `{a,b}` and `[a-z]` are alternatives. Rules
 * are matched against the full normal name, `docker.io/library/nginx`, never against what was written, so no spelling
 * goes around them. Deny goes before allow. Extended globs, and patterns that a hostile name could make slow, are refused.
 *
 * @param options - the lists
 * @returns the compiled rules
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a pattern that is malformed or refused, or a list that is none
 * @example
 * ```ts
 * import { parseReference } from 'kubepull/reference';
 * import { createImageRules } from 'kubepull/rules';
 *
 * const rules = createImageRules({ allow: ['registry.example.com/{team-a,team-b}/**'] });
 * rules.decide(parseReference('registry.example.com/team-a/app:1')).allowed; // true
 * rules.decide(parseReference('nginx')).because; // 'no-allow-rule'
 * ```
 * @public
 */
export function createImageRules(options: ImageRulesOptions): ImageRules {
  // A bare list would be no list at all, and everything would be let through.
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid('the lists must be in an object, as allow and deny');
  const deny = compileList('deny', options.deny ?? []);
  const allow = options.allow === undefined ? undefined : compileList('allow', options.allow);
  return { decide: (ref) => decide(ref, deny, allow) };
}

function compileList(list: 'allow' | 'deny', patterns: readonly string[]): readonly CompiledRule[] {
  if (!Array.isArray(patterns)) throw invalid(`${list} must be a list of patterns`);
  return patterns.map((pattern, index) => compileRule(list, index, pattern));
}

function invalid(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot compile rules: ${reason}`);
}

function decide(
  ref: RuleSubject,
  deny: readonly CompiledRule[],
  allow: readonly CompiledRule[] | undefined,
): RuleDecision {
  if (isTooLong(ref)) return { allowed: false, because: 'too-long', rule: undefined };
  const denied = deny.find(({ matches }) => matches(ref.name));
  if (denied !== undefined) return { allowed: false, because: 'deny-rule', rule: denied.rule };
  if (allow === undefined) return { allowed: true, because: 'not-denied', rule: undefined };
  const allowed = allow.find(({ matches }) => matches(ref.name));
  if (allowed !== undefined) return { allowed: true, because: 'allow-rule', rule: allowed.rule };
  return { allowed: false, because: 'no-allow-rule', rule: undefined };
}
