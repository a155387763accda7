import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { ImageName } from '../reference/index.js';
import type { CredentialCandidate, LookupResult, RejectedEntry, SourceReport } from './types.js';

export function checkLookup(result: LookupResult): void {
  check('Cannot read a look-up', { result }, { result: lookupKind });
}

/** Rejected entries are not looked at: they are found when somebody reads them. */
export const lookupKind: is.Kind = /* @__PURE__ */ is.shape(
  {
    image: /* @__PURE__ */ is.shape({ domain: is.text, path: is.text }),
    candidates: /* @__PURE__ */ is.listOf(is.object),
    sources: /* @__PURE__ */ is.listOf(is.object),
  },
  'what a keyring gives',
);

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
