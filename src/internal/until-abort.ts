/**
 * Waits for work that others may be waiting for as well: an abort ends the waiting, with the signal's own reason, and not
 * the work.
 */
export function untilAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    const release = (): void => signal.removeEventListener('abort', onAbort);
    work.then(resolve, reject).finally(release);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
