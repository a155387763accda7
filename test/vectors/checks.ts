// Which check each vector file is for. Portable, so that the same code runs in every runtime.
import { canonical } from '../support/canonical.ts';
import { checkBackoff } from './backoff-checks.ts';
import type { Check, VectorCase } from './check.ts';
import { checkAuthDecode, checkKeyring, checkSecret } from './credential-checks.ts';
import { checkGlob, checkMatchImages, checkUrlsMatch } from './match-checks.ts';
import { checkPlatform } from './platform-checks.ts';
import { checkImageName, checkReference, checkReferenceOperation } from './reference-checks.ts';

/** The checks by file name. */
export const CHECKS: ReadonlyMap<string, Check> = new Map([
  ['auth-decode.json', checkAuthDecode],
  ['backoff.json', checkBackoff],
  ['glob.json', checkGlob],
  ['image-name.json', checkImageName],
  ['keyring.json', checkKeyring],
  ['match-images.json', checkMatchImages],
  ['platforms.json', checkPlatform],
  ['reference.json', checkReference],
  ['reference-ops.json', checkReferenceOperation],
  ['secret-validate.json', checkSecret],
  ['urls-match.json', checkUrlsMatch],
]);

/** A vector file, as far as a run looks at it. */
export interface VectorFile {
  readonly cases: readonly VectorCase[];
}

/** A case that came out otherwise than Go's. */
export interface Difference {
  readonly index: number;
  readonly vector: VectorCase;
  readonly want: unknown;
  readonly got: unknown;
}

/** Runs all cases of a file, and gives those that differ. An exception is a difference too. */
export function runChecks(check: Check, { cases }: VectorFile): readonly Difference[] {
  return cases.flatMap((vector, index) => findDifference(check, vector, index) ?? []);
}

/** Runs one case; gives it when it differs. */
export function findDifference(check: Check, vector: VectorCase, index: number): Difference | undefined {
  const { want, got } = runCheck(check, vector);
  return canonical(want) === canonical(got) ? undefined : { index, vector, want, got };
}

function runCheck(check: Check, vector: VectorCase): { readonly want: unknown; readonly got: unknown } {
  try {
    return check(vector);
  } catch (error) {
    return { want: vector, got: `exception: ${String(error)}` };
  }
}
