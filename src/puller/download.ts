import { type BlobFailure, isImageError } from '../errors/index.js';
import type { Clock } from '../clock/index.js';
import { hasBlob, type RegistrySession } from '../distribution/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';
import type { ImageStore } from '../store/index.js';
import { traced, type Tracing } from '../tracing/index.js';
import type { SharedDownloads } from './download-pool.js';
import { fillWriter } from './fill-writer.js';
import type { BlobEvent, Flight } from './flights.js';
import type { RangePlan } from './layer-ranges.js';
import type { PullEvent } from './types.js';

/** What the steps of one pull with one credential share. */
export interface PullContext {
  readonly ref: ImageReference;
  readonly session: RegistrySession;
  /** Origin and repository: who gave the manifest out gives its blobs out as well. */
  readonly from: string;
  readonly store: ImageStore;
  readonly clock: Clock;
  readonly tracing: Tracing | undefined;
  readonly downloads: SharedDownloads;
  /** How large layers are downloaded, if not as one stream. */
  readonly ranges: RangePlan | undefined;
  readonly emit: (event: PullEvent) => void;
  readonly onBlobFailed: (failure: BlobFailure) => void;
}

/**
 * Brings one blob into the store, unless it is there or another pull is about to bring it. Only for blobs of a manifest
 * that the registry gave out to this pull's own credential.
 */
export async function downloadBlob(context: PullContext, blob: Descriptor, signal: AbortSignal): Promise<void> {
  const { store, emit, from, downloads } = context;
  for (;;) {
    const flight = downloads.flights.find(store, blob);
    if (flight === undefined) {
      return downloads.flights.lead({ store, blob, from }, (tell) =>
        bringBlob(context, blob, signal, (event) => {
          emit(event);
          tell(event);
        }),
      );
    }
    if (!(await mayFollow(context, flight, blob, signal))) return bringBlob(context, blob, signal, emit);
    if (await flight.follow(emit, signal)) return;
  }
}

/** A manifest is easily made to name a blob of others; whether one may have that blob, the registry knows. */
async function mayFollow(
  { session, ref, from }: PullContext,
  flight: Flight,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  if (flight.from === from) return true;
  try {
    return await hasBlob(session, ref, blob, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!isImageError(error)) throw error;
    // The download itself says better what is wrong.
    return false;
  }
}

async function bringBlob(
  context: PullContext,
  blob: Descriptor,
  signal: AbortSignal,
  tell: (event: BlobEvent) => void,
): Promise<void> {
  const { ref, store, downloads, tracing } = context;
  const report = (phase: BlobEvent['phase'], bytes: number): void =>
    tell({ type: 'blob', descriptor: blob, phase, bytes });
  if (await store.has(blob, { signal })) {
    report('skipped', blob.size);
    return;
  }
  await downloads.slots.run(async () => {
    const writer = await store.ingest(blob, { signal });
    try {
      report('started', writer.offset);
      const filling = { writer, signal, onProgress: (bytes: number) => report('progress', bytes) };
      const { mediaType, digest, size } = blob;
      const facts = { name: ref.name, digest, mediaType, size, resumedFrom: writer.offset };
      await traced(tracing, 'blob', facts, () => fillWriter(context, blob, filling));
      report('verified', blob.size);
    } finally {
      await writer.abort();
    }
  }, signal);
}
