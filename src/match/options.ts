import { ImageError } from '../errors/index.js';
import { checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { MatchOptions, ParsedTarget } from './types.js';

const ACTION = 'Cannot match images';

/**
 * Refuses an option value that is none of the known ones, which only a caller without types can pass.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function checkMatchOptions(options: MatchOptions): void {
  checkFast(ACTION, 'options', options, is.object);
  checkOneOf('dialect', options.dialect, ['kubelet', 'documented', 'docker']);
  checkOneOf('pathMatch', options.pathMatch, ['prefix', 'segment']);
}

/**
 * Refuses what is no text, which only a caller without types can pass.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function checkText(value: unknown): void {
  if (typeof value !== 'string') throw refuse('patterns must be text');
}

/**
 * Refuses what `parsePattern` and `toTarget` have not made.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function checkTarget(value: ParsedTarget): void {
  if (!isTarget(value)) throw refuse('pass what parsePattern() and toTarget() give');
}

function isTarget(value: unknown): boolean {
  const { key, labels, port, path, literal } = Object(value) as Readonly<Record<string, unknown>>;
  const isText = [key, port, path].every((part) => typeof part === 'string');
  return isText && Array.isArray(labels) && typeof literal === 'boolean';
}

function checkOneOf(name: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw refuse(`option ${name} must be ${allowed.join(' or ')}`);
}

function refuse(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `${ACTION}: ${reason}`);
}
