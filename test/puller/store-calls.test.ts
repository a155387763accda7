import { describe, expect, it } from 'vitest';
import { pullImageEvents } from 'kubepull/puller';
import type { ImageStore } from 'kubepull/store';
import { countingSignal } from '../support/invariants.ts';
import { openStore, tryPull } from './downloads-support.ts';
import { RANGES, startRangeServer } from './ranges-support.ts';

/** A store that notes the signals that its verbs get, and how its writers are given chunks. */
async function watchedStore() {
  const memory = await openStore('memory');
  const signals: Record<string, (AbortSignal | undefined)[]> = {};
  const chunks: boolean[] = [];
  const note = (verb: string, options: { readonly signal?: AbortSignal | undefined } | undefined): void =>
    void (signals[verb] ??= []).push(options?.signal);
  const store: ImageStore = {
    ...memory,
    has(content, options) {
      note('has', options);
      return memory.has(content, options);
    },
    read(content, options) {
      note('read', options);
      return memory.read(content, options);
    },
    tag(name, content, options) {
      note('tag', options);
      return memory.tag(name, content, options);
    },
    async ingest(blob, options) {
      note('ingest', options);
      const writer = await memory.ingest(blob, options);
      return {
        get offset() {
          return writer.offset;
        },
        write(chunk, how) {
          if (blob.mediaType.includes('layer')) chunks.push(how?.owned === true);
          return writer.write(chunk, how);
        },
        restart: () => writer.restart(),
        commit: () => writer.commit(),
        abort: () => writer.abort(),
      };
    },
  };
  return { store, signals, chunks };
}

describe('what a pull asks of a store', () => {
  it('can be aborted: each call has a signal that the one of the pull aborts', async () => {
    const server = startRangeServer([100, 200]);
    const { store, signals } = await watchedStore();
    const { error } = await tryPull(server.name, { ...server, store });
    expect(error).toBeUndefined();
    expect(Object.keys(signals).toSorted()).toEqual(['has', 'ingest', 'read', 'tag']);
    for (const [verb, given] of Object.entries(signals))
      for (const signal of given) expect([verb, signal]).toEqual([verb, expect.any(AbortSignal)]);
  });

  it.each([undefined, RANGES])('may keep the chunks of a layer, which are not used again: %j', async (layerRanges) => {
    const server = startRangeServer([10_000]);
    const { store, chunks } = await watchedStore();
    const { error } = await tryPull(server.name, { ...server, store, layerRanges });
    expect([error, new Set(chunks)]).toEqual([undefined, new Set([true])]);
  });
});

describe('pullImageEvents', () => {
  it('cancels the pull, and leaves no listener behind, when the loop is left', async () => {
    // The layer never comes, so that only the cancelling ends the pull.
    const server = startRangeServer(
      [100],
      ({ request: { signal } }) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    const watched = countingSignal();
    const store = await openStore('memory');
    const options = { ...server, store, signal: watched.signal };
    for await (const event of pullImageEvents(server.name, options))
      if (event.type === 'blob' && event.descriptor.digest === server.layers[0]?.digest) break;
    expect([server.ranges(), await store.resolve(server.name)]).toEqual([[undefined], undefined]);
    expect([watched.signal.aborted, watched.listeners]).toEqual([false, 0]);
  });

  it('has the image as its last event, which the store has by then', async () => {
    const server = startRangeServer([100]);
    const store = await openStore('memory');
    for await (const event of pullImageEvents(server.name, { ...server, store }))
      if (event.type === 'pulled')
        expect(await store.resolve(event.image.name)).toMatchObject({ digest: event.image.manifest.digest });
    expect(await store.resolve(server.name)).toBeDefined();
  });
});
