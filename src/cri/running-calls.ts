import { status } from '@grpc/grpc-js';
import type { CriError, CriOperation } from '../errors/index.js';
import { criError } from './cri-error.js';

/** What a call reports to; the first report counts, and a rejection cancels the call. */
export interface Settlement<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A call that was sent. */
export interface SentCall {
  cancel(): void;
  /** Is called once, when nobody waits any more. */
  release?(): void;
}

/** The calls that are under way. */
export interface RunningCalls {
  run<T>(
    settings: { readonly operation: CriOperation; readonly signal: AbortSignal | undefined },
    begin: (settlement: Settlement<T>) => SentCall,
  ): Promise<T>;
  /** Ends all of them, and refuses new ones. */
  close(): void;
}

export function createRunningCalls(): RunningCalls {
  const running = new Set<() => void>();
  let closed = false;
  return {
    run: ({ operation, signal }, begin) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        if (closed) throw closedError(operation);
        let sent: SentCall | undefined;
        const release = (): boolean => {
          if (!running.delete(onClose)) return false;
          signal?.removeEventListener('abort', onAbort);
          sent?.release?.();
          return true;
        };
        const fail = (error: unknown): void => {
          if (!release()) return;
          reject(error);
          sent?.cancel();
        };
        const onClose = (): void => fail(closedError(operation));
        const onAbort = (): void => fail(signal?.reason);
        running.add(onClose);
        signal?.addEventListener('abort', onAbort, { once: true });
        sent = begin({
          resolve(value) {
            if (release()) resolve(value);
          },
          reject: fail,
        });
      }),
    close() {
      closed = true;
      for (const end of running) end();
    },
  };
}

/** In the words of Go's client. */
function closedError(operation: CriOperation): CriError {
  const description = 'grpc: the client connection is closing';
  return criError({ operation, code: status.CANCELLED, description });
}
