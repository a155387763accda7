import type { Pack } from 'tar-stream';
import { copyBytes } from '../files/copy-bytes.js';

type Entry = ReturnType<Pack['entry']>;

/** A file of an archive. Its name is made of fixed words and checked digests, never of what an image says. */
export interface TarFile {
  readonly name: string;
  readonly size: number;
  /** Opens the content, when its turn comes. */
  readonly open: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Equal files give equal archives, whenever and by whomever they are written. */
const FIXED = { mtime: /* @__PURE__ */ new Date(0), uid: 0, gid: 0, uname: '', gname: '' } as const;

/** The bytes of a tar archive, made while they are read. Whatever fails, the archive lacks its end then. */
export async function* packTar(
  files: readonly TarFile[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  const stop = (): void => void archive.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  let failure: { readonly error: unknown } | undefined;
  const feeding = feed(archive, files).catch((error: unknown) => {
    failure ??= { error };
    stop();
  });
  try {
    yield* bytesOf(archive);
    signal?.throwIfAborted();
    await feeding;
    if (failure !== undefined) throw failure.error;
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
    await feeding;
  }
}

/** Ends without error when the archive was destroyed; whoever did so knows why. */
async function* bytesOf(archive: Pack): AsyncGenerator<Uint8Array, void, undefined> {
  archive.on('error', () => undefined);
  try {
    yield* archive as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!archive.destroyed) throw error;
  }
}

async function feed(archive: Pack, files: readonly TarFile[]): Promise<void> {
  for (const { name, size, open } of files) {
    const isDirectory = name.endsWith('/');
    const type = isDirectory ? 'directory' : 'file';
    const entry = archive.entry({ name, size, type, mode: isDirectory ? 0o755 : 0o644, ...FIXED });
    entry.on('error', () => undefined);
    if (!isDirectory) await fill(entry, open());
  }
  archive.finalize();
}

async function fill(entry: Entry, content: ReturnType<TarFile['open']>): Promise<void> {
  const wait = waitOn(entry);
  for await (const chunk of content) {
    // A copy, because the archive holds chunks back, and the store may reuse its buffer for the next one.
    if (!entry.write(copyBytes(chunk))) await wait();
    if (entry.destroyed) return;
  }
  entry.end(null);
  await wait();
}

/** Waits until an entry can take more, has been finished, or was destroyed: then it never drains. */
function waitOn(entry: Entry): () => Promise<void> {
  let wake = (): void => undefined;
  for (const event of ['drain', 'finish', 'close'] as const) entry.on(event, () => wake());
  return () =>
    new Promise((resolve) => {
      wake = resolve;
      if (entry.destroyed) resolve();
    });
}
