import { join } from 'node:path';
import { type Digest, getDigestAlgorithm, computeDigest, isDigest } from '../../digest/index.js';
import {
  type CollectGarbageOptions,
  type GarbageReport,
  type GarbageSweep,
  listReachableContent,
  sweepGarbage,
} from '../../store/index.js';
import { DOCUMENT_START_BYTES, mayBeDocument, resolveGarbageGrace } from '../../store/inner.js';
import { unlessMissing } from '../files/errors.js';
import type { LayoutStat } from '../files/file-system.js';
import { chunksOf, LEASE_MS, openBlob, removeBlobFile } from './blobs.js';
import { type LayoutContext } from './context.js';
import { isRealDirectory, readDirectory } from './places.js';
import { readLayoutIndex } from './documents.js';
import { tidyPartials } from './ingest.js';

/**
 * Removes the blobs that nothing in `index.json` leads to.
 *
 * No name can be given meanwhile, because that takes the lock. A pull that is under way is safe because all that it has
 * written, or found there, is young: whoever finds a blob that is not makes it so under the lock.
 */
export async function collectLayoutGarbage(
  context: LayoutContext,
  options: CollectGarbageOptions,
): Promise<GarbageReport> {
  const { signal } = options;
  signal?.throwIfAborted();
  const grace = resolveGarbageGrace(options);
  const report = await context.exclusive(async (hold) => {
    const stats = await listBlobs(context);
    const found = await findReached(context, stats, signal);
    // What was found less than a lease ago may not have been touched again. The disk's clock may be ahead of ours; without a
    // grace nothing is young all the same.
    const isYoung = (digest: Digest): boolean => grace > 0 && ageOf(context, stats.get(digest)) < grace + LEASE_MS;
    const remove = async (digest: Digest): Promise<boolean> => {
      await hold.confirm();
      const stat = stats.get(digest);
      return stat !== undefined && removeBlobFile(context, hold, { digest }, stat);
    };
    return sweepGarbage({ ...found, isYoung, remove }, options);
  }, options);
  await tidyPartials(context);
  return report;
}

/** What was never looked at is as old as can be. */
function ageOf({ clock }: LayoutContext, stat: LayoutStat | undefined): number {
  return stat === undefined ? Number.POSITIVE_INFINITY : clock.now() - Number(stat.touched / 1_000_000n);
}

/** The files in `blobs/` that are named as blobs are. What else is there is not ours to remove. */
async function listBlobs(context: LayoutContext): Promise<ReadonlyMap<Digest, LayoutStat>> {
  const { fs, paths } = context;
  const blobs = new Map<Digest, LayoutStat>();
  if (!(await isRealDirectory(fs, paths.blobs))) return blobs;
  for (const algorithm of await readDirectory(context, paths.blobs)) {
    if (!isDigestOf(algorithm) || !(await isRealDirectory(fs, join(paths.blobs, algorithm)))) continue;
    for (const encoded of await readDirectory(context, join(paths.blobs, algorithm))) {
      const digest = `${algorithm}:${encoded}`;
      const stat = isDigest(digest) ? await unlessMissing(fs.lstat(paths.blob({ digest }))) : undefined;
      if (isDigest(digest) && stat?.kind === 'file') blobs.set(digest, stat);
    }
  }
  return blobs;
}

function isDigestOf(algorithm: string): boolean {
  return ['sha256', 'sha384', 'sha512'].includes(algorithm);
}

async function findReached(
  context: LayoutContext,
  stats: ReadonlyMap<Digest, LayoutStat>,
  signal: AbortSignal | undefined,
): Promise<Pick<GarbageSweep, 'contents' | 'reached' | 'unread'>> {
  const { manifests } = (await readLayoutIndex(context.fs, context.paths.index)).index;
  const contents = new Map([...stats].map(([digest, { size }]) => [digest, size]));
  const read = (digest: Digest, size: number): Promise<Uint8Array | undefined> => {
    signal?.throwIfAborted();
    return readDocument(context, digest, size);
  };
  return { contents, ...(await listReachableContent({ contents, read }, manifests)) };
}

/** The bytes of a blob that begins as a document does, if they are right. Of a layer, no more than that is read. */
async function readDocument(context: LayoutContext, digest: Digest, size: number): Promise<Uint8Array | undefined> {
  const file = await openBlob(context, { mediaType: '', digest, size });
  if (file === undefined) return undefined;
  try {
    const start = new Uint8Array(DOCUMENT_START_BYTES);
    const length = await file.read(start, 0);
    if (!mayBeDocument(start.subarray(0, length))) return undefined;
    const bytes = new Uint8Array(size);
    let at = 0;
    for await (const chunk of chunksOf(file, size, undefined)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return computeDigest(bytes, context.createHasher, getDigestAlgorithm(digest)) === digest ? bytes : undefined;
  } finally {
    await file.close();
  }
}
