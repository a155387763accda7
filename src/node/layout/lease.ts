import type { CallOptions } from '../../clock/index.js';
import type { Descriptor } from '../../oci/index.js';
import { openBlob } from './blob-file.js';
import type { LayoutContext } from './context.js';
import { unlessMissing } from './errors.js';
import { ignoreStoreError } from './temp.js';

/** A blob that was touched this short a time ago need not be touched again. */
const LEASE_MS = 5 * 60 * 1000;

/**
 * Marks a blob as in use, so that the collection of garbage spares it until its finder can have named it. Resolves to
 * whether it is still there.
 *
 * Setting the mode that it has already moves a time that nothing else moves. It is done under the lock, so that nobody
 * can be about to remove the blob. Where it cannot be done, as in a directory that may only be read, nobody collects.
 */
export async function leaseBlob(
  context: LayoutContext,
  descriptor: Descriptor,
  options: CallOptions,
): Promise<boolean> {
  const { fs, paths, clock, exclusive } = context;
  const stat = await unlessMissing(fs.lstat(paths.blob(descriptor)));
  if (stat === undefined || clock.now() - Number(stat.touched / 1_000_000n) < LEASE_MS) return stat !== undefined;
  const touch = async (): Promise<boolean> => {
    const file = await openBlob(context, descriptor);
    try {
      await file?.chmod(0o444);
    } finally {
      await file?.close();
    }
    return file !== undefined;
  };
  return exclusive(touch, options).catch((error: unknown) => {
    ignoreStoreError(error);
    return true;
  });
}
