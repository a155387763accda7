import type { Descriptor } from 'kubepull/oci';
import type { ImageStore } from 'kubepull/store';

/** A store that stops a pull in the middle of one blob, once. */
export interface PausingStore {
  readonly store: ImageStore;
  /** How often a writer of the blob had to start again. */
  readonly restarts: number;
  /** Resolves when so many bytes of the blob are here; nothing more is taken until `go`. */
  readonly reached: Promise<void>;
  go(): void;
}

export function pauseInside(inner: ImageStore, blob: Descriptor, afterBytes: number): PausingStore {
  const [reached, going] = [deferred(), deferred()];
  let restarts = 0;
  const store: ImageStore = {
    has: (descriptor, options) => inner.has(descriptor, options),
    read: (descriptor, options) => inner.read(descriptor, options),
    resolve: (name, options) => inner.resolve(name, options),
    tag: (name, descriptor, options) => inner.tag(name, descriptor, options),
    async ingest(descriptor, options) {
      const writer = await inner.ingest(descriptor, options);
      if (descriptor.digest !== blob.digest) return writer;
      return {
        get offset() {
          return writer.offset;
        },
        async write(chunk) {
          await writer.write(chunk);
          if (writer.offset < afterBytes) return;
          reached.resolve();
          await going.promise;
        },
        restart() {
          restarts += 1;
          return writer.restart();
        },
        commit: () => writer.commit(),
        abort: () => writer.abort(),
      };
    },
  };
  return {
    store,
    get restarts() {
      return restarts;
    },
    reached: reached.promise,
    go: going.resolve,
  };
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
