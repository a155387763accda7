import { type AnyImageError, isImageError, TransportError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';
import type { ContentWriter } from '../store/index.js';
import type { PullContext } from './download.js';
import { type DownloadRetries, planRetries } from './download-retries.js';

/** Tokens that are replaced during one blob because the registry takes them no more. */
const MAX_REFRESHES = 2;

/** A writer to fill, and what goes with it. */
export interface Filling {
  readonly writer: ContentWriter;
  readonly signal: AbortSignal;
  /** Hears how many bytes the writer has. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Fills a writer and commits it. A cut connection is resumed where the writer stands; content that turns out to be wrong
 * is asked for once more, from its first byte.
 */
export async function fillWriter(context: PullContext, blob: Descriptor, filling: Filling): Promise<void> {
  const { clock, emit } = context;
  const { writer, signal } = filling;
  const recover = planRecovery(planRetries({ size: blob.size, offset: writer.offset }, { clock, random }), writer);
  const refreshes = { left: MAX_REFRESHES };
  for (;;) {
    try {
      if (writer.offset < blob.size) await copyOnce(context, blob, filling, refreshes);
      await writer.commit();
      return;
    } catch (error) {
      signal.throwIfAborted();
      const delayMs = isImageError(error) ? await recover(error) : undefined;
      if (!isImageError(error) || delayMs === undefined) throw error;
      emit({ type: 'retry', descriptor: blob, error, delayMs, offset: writer.offset });
      await clock.sleep(delayMs, { signal });
    }
  }
}

/** Makes the writer fit for another request, and says when to send it; `undefined` when there is nothing to hope for. */
function planRecovery(
  retries: DownloadRetries,
  writer: ContentWriter,
): (error: AnyImageError) => Promise<number | undefined> {
  let mayStartOver = true;
  return async (error) => {
    if (isCut(error)) return retries.pauseAfter(writer.offset);
    if (error.code !== 'ERR_CONTENT_MISMATCH' || !mayStartOver) return undefined;
    mayStartOver = false;
    retries.startOver();
    await writer.restart();
    return 0;
  };
}

/** One request for what the writer still lacks. */
async function copyOnce(
  { ref, client }: PullContext,
  blob: Descriptor,
  { writer, signal, onProgress }: Filling,
  refreshes: { left: number },
): Promise<void> {
  const { offset, content } = await client.fetchBlob(ref, blob, { signal, refreshes, offset: writer.offset });
  let startsOver = offset !== writer.offset;
  for await (const chunk of content) {
    // Within the loop, so that the connection is given up if the store fails.
    if (startsOver) await writer.restart();
    startsOver = false;
    await writer.write(chunk);
    onProgress(writer.offset);
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

/** Requests that fail before their body are repeated by the client; doing so here as well would multiply them. */
function isCut(error: AnyImageError): boolean {
  return error.code === 'ERR_TRANSPORT' && error.phase === 'body' && error.retryable;
}

function random(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}
