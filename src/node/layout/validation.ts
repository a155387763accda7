import type { CreateHasher } from '../../digest/index.js';
import { isImageError } from '../../errors/index.js';
import type { LayoutFileSystem } from './file-system.js';
import type { Findings, LayoutFinding } from './findings.js';
import type { LayoutPaths } from './paths.js';

/** What the checks of one layout share. */
export interface Validation {
  readonly fs: LayoutFileSystem;
  readonly paths: LayoutPaths;
  readonly createHasher: CreateHasher;
  readonly signal: AbortSignal | undefined;
  readonly unpack: boolean;
  readonly findings: Findings;
}

/** What a step gives; when it fails with an error of ours, that becomes a finding. */
export async function attempt<T>(
  findings: Findings,
  code: LayoutFinding['code'],
  place: string,
  step: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    if (!isImageError(error)) throw error;
    findings.add(code, place, error.message);
    return undefined;
  }
}
