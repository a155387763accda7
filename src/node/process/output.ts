import type { Readable } from 'node:stream';

/** What a process prints, up to a limit. */
export interface Output {
  /** Resolves when there is more than the limit. */
  readonly overflow: Promise<void>;
  /** Resolves when nothing more can come. */
  readonly closed: Promise<void>;
  isFull(): boolean;
  bytes(): Uint8Array;
  text(): string;
}

/** Collects what comes; beyond the limit it is read on, so that nobody waits for us, and forgotten. */
export function createOutput(stream: Readable | null, limit: number): Output {
  const chunks: Uint8Array[] = [];
  let kept = 0;
  let full = false;
  let onOverflow: () => void = () => undefined;
  const overflow = new Promise<void>((resolve) => (onOverflow = resolve));
  const closed = new Promise<void>((resolve) => {
    if (stream === null) resolve();
    else stream.once('close', resolve);
  });
  stream?.on('data', (chunk: Uint8Array) => {
    const part = chunk.subarray(0, limit - kept);
    if (part.length > 0) chunks.push(part);
    kept += part.length;
    if (part.length === chunk.length) return;
    full = true;
    onOverflow();
  });
  return {
    overflow,
    closed,
    isFull: () => full,
    bytes: () => Uint8Array.from(Buffer.concat(chunks)),
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}
