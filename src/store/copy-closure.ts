import type { CallOptions } from '../clock/index.js';
import { StoreError } from '../errors/index.js';
import { reasonOf } from '../errors/inner.js';
import { type Descriptor, isIndexMediaType, isManifestMediaType, normalizeMediaType } from '../oci/index.js';
import { MAX_CONTENTS } from './limits.js';
import { checkClosure } from './naming.js';
import type { ContentStore, CopySource } from './types.js';

/** All that is copied, in the order in which it is: what is named before what names it, and what refers to it behind it. */
export async function listCopied(
  from: Pick<CopySource, 'referrers'>,
  source: Pick<ContentStore, 'has' | 'read'>,
  root: Descriptor,
  { referrers, signal }: CallOptions & { readonly referrers?: boolean | undefined },
): Promise<readonly Descriptor[]> {
  const closure = inCopyOrder(await closureOf(source, root, { signal }));
  return referrers === true ? withReferrers(from, source, closure, { signal }) : closure;
}

async function closureOf(
  source: Pick<ContentStore, 'has' | 'read'>,
  root: Descriptor,
  options: CallOptions,
): Promise<readonly Descriptor[]> {
  try {
    return await checkClosure(source, root, options);
  } catch (error) {
    if (!(error instanceof StoreError) || error.operation !== 'tag') throw error;
    const reason = reasonOf(error);
    throw new StoreError(`Cannot copy ${root.digest}: ${reason}`, { operation: 'copy', cause: error });
  }
}

/** What refers to a manifest comes behind it, with what that is made of, and what refers to that behind that. */
async function withReferrers(
  from: Pick<CopySource, 'referrers'>,
  source: Pick<ContentStore, 'has' | 'read'>,
  closure: readonly Descriptor[],
  options: CallOptions,
): Promise<readonly Descriptor[]> {
  const contents = new Map(closure.map((descriptor) => [descriptor.digest, descriptor]));
  const open = closure.filter((descriptor) => rankOf(descriptor) > 0);
  for (let subject = open.pop(); subject !== undefined; subject = open.pop()) {
    if (from.referrers === undefined) throw copyRefusal(subject, 'the source does not know what refers to it');
    for await (const referrer of from.referrers(subject, options)) {
      if (contents.has(referrer.digest)) continue;
      for (const descriptor of inCopyOrder(await closureOf(source, referrer, options))) {
        if (contents.has(descriptor.digest)) continue;
        contents.set(descriptor.digest, descriptor);
        if (rankOf(descriptor) > 0) open.push(descriptor);
      }
      if (contents.size > MAX_CONTENTS)
        throw copyRefusal(subject, `with what refers to it, it has more than ${MAX_CONTENTS} contents`);
    }
  }
  return [...contents.values()];
}

function copyRefusal({ digest }: Descriptor, reason: string): StoreError {
  return new StoreError(`Cannot copy ${digest}: ${reason}`, { operation: 'copy' });
}

/** Blobs, then manifests, then indexes, and of those the innermost first. */
function inCopyOrder(contents: readonly Descriptor[]): readonly Descriptor[] {
  return contents.toReversed().toSorted((a, b) => rankOf(a) - rankOf(b));
}

function rankOf(descriptor: Descriptor): number {
  const mediaType = normalizeMediaType(descriptor.mediaType);
  return isIndexMediaType(mediaType) ? 2 : isManifestMediaType(mediaType) ? 1 : 0;
}
