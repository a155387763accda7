/**
 * Makes work that many may ask for at once, and that tells what holds after the question: whoever asks while it is under
 * way waits for the next run, with all others who ask until that starts. So however many ask, two runs follow each other.
 */
export function createShared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const start = (): Promise<T> => {
    next = undefined;
    const run = work().finally(() => {
      if (running === run) running = undefined;
    });
    running = run;
    return run;
  };
  return () => {
    if (running === undefined) return start();
    next ??= running.then(start, start);
    return next;
  };
}
