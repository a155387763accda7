import { matchTarget } from './match.js';
import { checkMatchOptions, checkText } from './options.js';
import type { ImageName } from '../reference/index.js';
import { readTarget, toTarget } from './parse.js';
import type { MatchOptions, MatchResult, MatchRule, Mismatch, ParsedTarget } from './types.js';

/**
 * The answer of {@link matchImages}: the first pattern that matches, or every pattern with what is against it.
 *
 * @public
 */
export type MatchImagesResult =
  | { readonly matched: true; readonly pattern: string; readonly rule: MatchRule }
  | { readonly matched: false; readonly rejected: readonly { readonly pattern: string; readonly reason: Mismatch }[] };

/**
 * Tells whether kubelet asks a credential provider for an image: whether one of its `matchImages` matches.
 *
 * The comparison is that of {@link matchImage}, but patterns are taken as they are: a scheme is not removed, so a pattern
 * with one never matches, and `/v1/` stays a path.
 *
 * @param patterns - the provider's `matchImages`
 * @param image - the image's parsed name
 * @param options - how paths are compared; patterns are read in kubelet's dialect, the only one that providers have
 * @returns the first pattern that matches, or all with their reasons
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an unknown option value, or text instead of a parsed name
 * @example
 * ```ts
 * import { matchImages } from 'kubepull/match';
 * import { parseImageName } from 'kubepull/reference';
 *
 * matchImages(['*.azurecr.io', 'gcr.io'], parseImageName('gcr.io/team/app'));
 * // { matched: true, pattern: 'gcr.io', rule: 'literal' }
 * ```
 * @see isImageAllowed in kubernetes pkg/credentialprovider/plugin/plugin.go
 * @public
 */
export function matchImages(
  patterns: readonly string[],
  image: ImageName,
  options: Pick<MatchOptions, 'pathMatch'> = {},
): MatchImagesResult {
  checkMatchOptions(options);
  const target = toTarget(image);
  const rejected: { readonly pattern: string; readonly reason: Mismatch }[] = [];
  for (const pattern of patterns) {
    const result = matchOne(pattern, target, options);
    if (result.matched) return { matched: true, pattern, rule: result.rule };
    rejected.push({ pattern, reason: result.reason });
  }
  return { matched: false, rejected };
}

function matchOne(
  pattern: string,
  image: ParsedTarget | undefined,
  { pathMatch }: Pick<MatchOptions, 'pathMatch'>,
): MatchResult {
  checkText(pattern);
  const target = readTarget(pattern);
  if (target === undefined) return { matched: false, reason: 'invalid-pattern' };
  if (image === undefined) return { matched: false, reason: 'invalid-image' };
  return matchTarget(target, image, { pathMatch });
}
