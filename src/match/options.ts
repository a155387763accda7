import { ImageError } from '../errors/index.js';
import type { MatchOptions } from './types.js';

/**
 * Refuses an option value that is none of the known ones, which only a caller without types can pass.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function checkMatchOptions({ dialect, pathMatch }: MatchOptions): void {
  checkOneOf('dialect', dialect, ['kubelet', 'documented', 'docker']);
  checkOneOf('pathMatch', pathMatch, ['prefix', 'segment']);
}

/**
 * Refuses what is no text, which only a caller without types can pass.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function checkText(value: unknown): void {
  if (typeof value !== 'string') {
    throw new ImageError('ERR_OPTION_INVALID', 'Cannot match images: patterns must be text');
  }
}

function checkOneOf(name: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot match images: option ${name} must be ${allowed.join(' or ')}`);
}
