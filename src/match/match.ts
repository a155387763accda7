import { matchText } from './glob.js';
import { checkList, checkMatchOptions, checkTarget, checkText } from './options.js';
import type { ImageName } from '../reference/index.js';
import { readImage, readPattern, readTarget } from './parse.js';
import type { MatchOptions, MatchResult, MatchRule, Mismatch, ParsedTarget } from './types.js';
import { matchUsual } from './usual.js';

/**
 * Tells whether a credential key matches an image, and why.
 *
 * As in kubelet, ports must be equal as written (none matches only none), hosts must have the same number of labels, and
 * the key's path must be a prefix of the image's, as plain text. Case counts.
 *
 * @param pattern - a key of `auths`, as written in the file
 * @param image - the image's parsed name
 * @param options - how to compare
 * @returns the rule that made it match, or what differs first
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an unknown option value, or text instead of a parsed name
 * @example
 * ```ts
 * import { matchImage } from 'kubepull/match';
 * import { parseImageName } from 'kubepull/reference';
 *
 * matchImage('*.example.com/team', parseImageName('eu.example.com/team/app')); // { matched: true, rule: 'glob' }
 * matchImage('example.com', parseImageName('example.com:443/app')); // { matched: false, reason: 'port' }
 * ```
 * @see URLsMatchStr in kubernetes pkg/credentialprovider/keyring.go
 * @public
 */
export function matchImage(pattern: string, image: ImageName, options: MatchOptions = {}): MatchResult {
  checkMatchOptions(options);
  const isKubelet = options.dialect === undefined || options.dialect === 'kubelet';
  const rule = isKubelet && options.pathMatch !== 'segment' ? matchUsual(pattern, image) : undefined;
  return rule === undefined ? matchAny(pattern, image, options) : { matched: true, rule };
}

/** The matcher for all keys and images. */
export function matchAny(pattern: string, image: ImageName, options: MatchOptions): MatchResult {
  const parsedPattern = readPattern(pattern, options);
  if (parsedPattern === undefined) return { matched: false, reason: 'invalid-pattern' };
  const parsedImage = readImage(image, options);
  if (parsedImage === undefined) return { matched: false, reason: 'invalid-image' };
  return matchParts(parsedPattern, parsedImage, options);
}

/**
 * Tells whether a parsed key matches a parsed image: {@link matchImage} for keys that are matched often.
 *
 * @param pattern - from {@link parsePattern}, called with the same dialect
 * @param image - from {@link toTarget}
 * @param options - how to compare
 * @returns the rule that made it match, or what differs first
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an unknown option value
 * @example
 * ```ts
 * import { matchTarget, parsePattern, toTarget } from 'kubepull/match';
 * import { parseImageName } from 'kubepull/reference';
 *
 * const pattern = parsePattern('example.com');
 * const image = toTarget(parseImageName('example.com/app'));
 * if (pattern && image) matchTarget(pattern, image); // { matched: true, rule: 'literal' }
 * ```
 * @see URLsMatch in kubernetes pkg/credentialprovider/keyring.go
 * @public
 */
export function matchTarget(pattern: ParsedTarget, image: ParsedTarget, options: MatchOptions = {}): MatchResult {
  checkTarget(pattern);
  checkTarget(image);
  checkMatchOptions(options);
  return matchParts(pattern, image, options);
}

/** The same for what is known to be right. */
export function matchParts(pattern: ParsedTarget, image: ParsedTarget, options: MatchOptions): MatchResult {
  const reason = findMismatch(pattern, image, options);
  if (reason !== undefined) return { matched: false, reason };
  return { matched: true, rule: pattern.literal ? 'literal' : 'glob' };
}

/** The checks in kubelet's order, so that a malformed glob behind another mismatch is not reported as malformed. */
function findMismatch(pattern: ParsedTarget, image: ParsedTarget, options: MatchOptions): Mismatch | undefined {
  const isDocumented = options.dialect === 'documented';
  if (pattern.port !== image.port) return 'port';
  if (!isDocumented && pattern.labels.length !== image.labels.length) return 'label-count';
  if (!coversPath(pattern.path, image.path, options)) return 'path';
  if (isDocumented) return compareLabel(pattern.labels.join('.'), image.labels.join('.'), pattern.literal);
  for (let at = 0; at < pattern.labels.length; at += 1) {
    const reason = compareLabel(pattern.labels[at] ?? '', image.labels[at] ?? '', pattern.literal);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function coversPath(prefix: string, path: string, { pathMatch, dialect }: MatchOptions): boolean {
  if (!path.startsWith(prefix)) return false;
  return (
    (pathMatch !== 'segment' && dialect !== 'docker') ||
    prefix === '' ||
    prefix.endsWith('/') ||
    /^(?:\/|$)/.test(path.slice(prefix.length))
  );
}

function compareLabel(pattern: string, label: string, isLiteral: boolean): 'label' | 'invalid-pattern' | undefined {
  if (isLiteral) return pattern === label ? undefined : 'label';
  const result = matchText(pattern, label);
  return result === 'match' ? undefined : result === 'no-match' ? 'label' : 'invalid-pattern';
}

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
  checkList(patterns);
  checkMatchOptions(options);
  const target = readImage(image, {});
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
  return matchParts(target, image, { pathMatch });
}
