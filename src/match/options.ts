import { ImageError } from '../errors/index.js';
import type { MatchOptions, ParsedTarget } from './types.js';

const DIALECTS = ['kubelet', 'documented', 'docker'];
const PATH_MATCHES = ['prefix', 'segment'];

/**
 * Refuses an option value that is none of the known ones, which only a caller without types can pass.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function checkMatchOptions(options: MatchOptions): void {
  if (!isObject(options) || Array.isArray(options)) throw refuse('options must be an object');
  checkOneOf('dialect', options.dialect, DIALECTS);
  checkOneOf('pathMatch', options.pathMatch, PATH_MATCHES);
}

/**
 * Refuses what is no text, which only a caller without types can pass.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function checkText(value: unknown): void {
  if (!isText(value)) throw refuse('patterns must be text');
}

/**
 * Refuses what is no list; a text would be read character by character.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function checkList(value: unknown): void {
  if (!isObject(value) || !(Symbol.iterator in value)) throw refuse('patterns must be a list');
}

/**
 * Refuses what `parsePattern` and `toTarget` have not made.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function checkTarget(value: ParsedTarget | undefined): void {
  // Each asked for by itself: to take all of them out first costs as much as the comparison of a label.
  const isTarget = isText(value?.key) && isText(value?.port) && isText(value?.path) && Array.isArray(value?.labels);
  if (!isTarget || typeof value?.literal !== 'boolean') throw refuse('targets must be parsed');
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function checkOneOf(name: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw refuse(`option ${name} must be ${allowed.join(' or ')}`);
}

function refuse(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot match images: ${reason}`);
}
