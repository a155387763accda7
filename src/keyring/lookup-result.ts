import type { ImageName } from '../reference/index.js';
import type { CredentialCandidate, LookupResult, RejectedEntry, SourceReport } from './types.js';

/**
 * An answer whose `rejected` is worked out when it is first read: to explain is to look at every entry, and few callers
 * ask. It is an own enumerable property all the same, and Node prints it as if it had been there.
 */
export function lookupResult(
  image: ImageName,
  candidates: readonly CredentialCandidate[],
  explain: () => readonly RejectedEntry[],
  sources: readonly SourceReport[] = [],
): LookupResult {
  let rejected: readonly RejectedEntry[] | undefined;
  const result: LookupResult = {
    image,
    candidates,
    get rejected(): readonly RejectedEntry[] {
      rejected ??= explain();
      return rejected;
    },
    sources,
  };
  return Object.defineProperty(result, Symbol.for('nodejs.util.inspect.custom'), { value: () => ({ ...result }) });
}

/** The same answer with what its sources did. It reads `rejected` no sooner than its reader does. */
export function withSources(result: LookupResult, sources: readonly SourceReport[]): LookupResult {
  return lookupResult(result.image, result.candidates, () => result.rejected, sources);
}
