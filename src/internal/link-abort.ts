/**
 * A controller that aborts with `signal`, and whose own abort leaves `signal` alone. `release` takes the one listener
 * off again; a signal that lives as long as the program would otherwise collect them.
 */
export function linkAbort(signal: AbortSignal | undefined): {
  readonly controller: AbortController;
  release(): void;
} {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return { controller, release: () => signal?.removeEventListener('abort', onAbort) };
}
