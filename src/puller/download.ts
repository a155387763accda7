import type { Clock } from '../clock/index.js';
import type { RegistryClient } from '../distribution/index.js';
import { isImageError, TransportError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';
import type { ContentWriter, ImageStore } from '../store/index.js';
import type { PullEvent } from './types.js';

/** Times that one blob is asked for; each further one resumes where the last was cut. */
const MAX_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;

/** What the steps of one pull with one credential share. */
export interface PullContext {
  readonly ref: ImageReference;
  readonly client: RegistryClient;
  readonly store: ImageStore;
  readonly clock: Clock;
  readonly emit: (event: PullEvent) => void;
}

/** Brings one blob into the store, unless it is there. A cut connection is resumed; the store verifies. */
export async function downloadBlob(
  context: PullContext,
  blob: Descriptor,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { store, emit } = context;
  if (await store.has(blob, { signal })) {
    emit({ type: 'blob', descriptor: blob, phase: 'skipped', bytes: blob.size });
    return;
  }
  const writer = await store.ingest(blob, { signal });
  try {
    emit({ type: 'blob', descriptor: blob, phase: 'started', bytes: writer.offset });
    await fillWriter(context, blob, writer, signal);
    await writer.commit();
    emit({ type: 'blob', descriptor: blob, phase: 'verified', bytes: blob.size });
  } finally {
    await writer.abort();
  }
}

async function fillWriter(
  context: PullContext,
  blob: Descriptor,
  writer: ContentWriter,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await copyOnce(context, blob, writer, signal);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt === MAX_ATTEMPTS || !isCut(error)) throw error;
      await context.clock.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1), { signal });
    }
  }
}

/** One request for what the writer still lacks. */
async function copyOnce(
  { ref, client, emit }: PullContext,
  blob: Descriptor,
  writer: ContentWriter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { offset, content } = await client.fetchBlob(ref, blob, { signal, offset: writer.offset });
  if (offset !== writer.offset) await writer.restart();
  for await (const chunk of content) {
    await writer.write(chunk);
    emit({ type: 'blob', descriptor: blob, phase: 'progress', bytes: writer.offset });
  }
  if (writer.offset < blob.size) throw cutShort(ref, blob, writer.offset);
}

/** A body that ends early looks like success on a connection that tells no length. */
function cutShort(ref: ImageReference, blob: Descriptor, received: number): TransportError {
  return new TransportError(
    `Cannot read blob ${blob.digest} of ${ref.name}: it ended after ${received} of ${blob.size} bytes`,
    {
      method: 'GET',
      url: `/v2/${ref.path}/blobs/${blob.digest}`,
      phase: 'body',
      retryable: true,
    },
  );
}

function isCut(error: unknown): boolean {
  return isImageError(error) && error.code === 'ERR_TRANSPORT' && error.phase === 'body' && error.retryable;
}
