/** The program of the threads that bring blobs: a file of its own beside the one that this is in, once both are built. */
export function workerEntry(): URL {
  return new URL('./blob-worker.js', import.meta.url);
}
