import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type ContentStore, createMemoryStore, readContent, writeContent } from 'kubepull/store';

const bytes = new Uint8Array(3_000_000).map((_, place) => place);
const descriptor = { mediaType: 'a/b', digest: computeDigest(bytes, nodeHasher), size: bytes.length };
/** `toEqual` would take seconds for so many. */
const expectBytes = (read: Uint8Array): void => expect(Buffer.compare(read, bytes)).toBe(0);
const memoryStore = () => createMemoryStore({ createHasher: nodeHasher });

/** A store that has kept the first bytes of an earlier attempt. */
function storeWithPart(part: Uint8Array): ReturnType<typeof memoryStore> {
  const store = memoryStore();
  return {
    ...store,
    async ingest(wanted, options) {
      const writer = await store.ingest(wanted, options);
      await writer.write(part);
      return writer;
    },
  };
}

describe('writeContent', () => {
  it('writes bytes in pieces, so that no hash runs for long', async () => {
    const store = memoryStore();
    const pieces: number[] = [];
    const watching: ContentStore = {
      ...store,
      async ingest(wanted) {
        const writer = await store.ingest(wanted);
        return { ...writer, write: (chunk) => (pieces.push(chunk.length), writer.write(chunk)) };
      },
    };
    await writeContent(watching, descriptor, bytes);
    expect(Math.max(...pieces)).toBeLessThanOrEqual(1024 * 1024);
    expectBytes(await readContent(store, descriptor, { maxBytes: descriptor.size }));
  });

  it('starts from the first byte, though the store kept a part', async () => {
    const store = storeWithPart(new Uint8Array(100));
    await writeContent(store, descriptor, bytes);
    expect(await store.has(descriptor)).toBe(true);
  });

  it('gives the writer up when the source fails, with the error of the source', async () => {
    const store = memoryStore();
    const failure = new Error('gone');
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 10);
      throw failure;
    };
    await expect(writeContent(store, descriptor, source())).rejects.toBe(failure);
    expect(await store.has(descriptor)).toBe(false);
  });

  it('ends with the reason of the signal while the source keeps it waiting, and tells the source', async () => {
    const controller = new AbortController();
    const reason = { is: 'the reason' };
    let told = 0;
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: () => {
          told += 1;
          return Promise.reject(new Error('nobody hears this'));
        },
      }),
    };
    const store = memoryStore();
    const written = writeContent(store, descriptor, source, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 10);
    await expect(written).rejects.toBe(reason);
    expect(told).toBe(1);
    await expect(writeContent(store, descriptor, source, { signal: controller.signal })).rejects.toBe(reason);
  });

  it('does not commit what was aborted while the last bytes came', async () => {
    const controller = new AbortController();
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
      controller.abort('late');
    };
    const store = memoryStore();
    await expect(writeContent(store, descriptor, source(), { signal: controller.signal })).rejects.toBe('late');
    expect(await store.has(descriptor)).toBe(false);
  });

  it('leaves no listener on the signal', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => ((listeners += 1), add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listeners -= 1), remove(...args));
    const source = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
    };
    await writeContent(memoryStore(), descriptor, source(), { signal });
    expect(listeners).toBe(0);
  });
});

describe('writeContent, from a source that waits', () => {
  const { signal } = new AbortController();
  /** A source of one chunk after another, that knows whether it was closed. */
  function sourceOf(...chunks: readonly Uint8Array[]) {
    let [at, closed] = [0, 0];
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const value = chunks[at++];
          return value === undefined ? { done: true, value: undefined } : { done: false, value };
        },
        return: async () => ((closed += 1), { done: true, value: undefined }),
      }),
    };
    return { source, closed: () => closed };
  }

  it('does not close a source that has ended by itself', async () => {
    const { source, closed } = sourceOf(bytes);
    const store = memoryStore();
    await writeContent(store, descriptor, source, { signal });
    expect(await store.has(descriptor)).toBe(true);
    expect(closed()).toBe(0);
  });

  it.each([{ signal }, {}])('closes a source that has more than it may, with %j', async (options) => {
    const { source, closed } = sourceOf(bytes, bytes, bytes);
    const written = writeContent(memoryStore(), descriptor, source, options);
    await expect(written).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    expect(closed()).toBe(1);
  });

  it('waits for a source to be closed, and takes one that cannot be', async () => {
    let closed = false;
    const slow: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: bytes }),
        return: async () => {
          for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
          closed = true;
          throw new Error('nobody hears this');
        },
      }),
    };
    const refusal = { code: 'ERR_CONTENT_MISMATCH' };
    await expect(writeContent(memoryStore(), descriptor, slow, { signal })).rejects.toMatchObject(refusal);
    expect(closed).toBe(true);
    const open = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false as const, value: bytes }) }) };
    await expect(writeContent(memoryStore(), descriptor, open, { signal })).rejects.toMatchObject(refusal);
  });

  it('stops before the next piece of bytes once the signal is aborted, and gives the writer up', async () => {
    const controller = new AbortController();
    const store = memoryStore();
    const pieces: number[] = [];
    let givenUp = 0;
    const watching: ContentStore = {
      ...store,
      async ingest(wanted) {
        const writer = await store.ingest(wanted);
        return {
          ...writer,
          write: async (chunk) => (pieces.push(chunk.length), controller.abort('stop'), writer.write(chunk)),
          abort: async () => ((givenUp += 1), writer.abort()),
        };
      },
    };
    const written = writeContent(watching, descriptor, bytes, { signal: controller.signal });
    await expect(written).rejects.toBe('stop');
    expect(pieces).toEqual([1024 * 1024]);
    expect(givenUp).toBe(1);
  });

  it('opens no writer once the signal is aborted', async () => {
    const store: ContentStore = { ...memoryStore(), ingest: () => Promise.reject(new Error('opened')) };
    await expect(writeContent(store, descriptor, bytes, { signal: AbortSignal.abort('stop') })).rejects.toBe('stop');
  });
});

describe('readContent', () => {
  it('reads content up to the limit, and no larger one', async () => {
    const store = memoryStore();
    await writeContent(store, descriptor, bytes);
    expectBytes(await readContent(store, descriptor, { maxBytes: descriptor.size }));
    const read = (maxBytes: number): Promise<Uint8Array> => readContent(store, descriptor, { maxBytes });
    await expect(read(descriptor.size - 1)).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: `Cannot read content ${descriptor.digest}: it has 3000000 bytes, more than 2999999`,
    });
    await expect(read(Number.NaN)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it.each([
    ['more', [bytes, bytes.subarray(0, 1)], 'the store gave more than its 3000000 bytes'],
    ['less', [bytes.subarray(1)], 'the store gave 2999999 of its 3000000 bytes'],
  ])('fails when a store gives %s than the content has', async (_, parts, reason) => {
    const store: ContentStore = {
      ...memoryStore(),
      async *read() {
        yield* parts;
      },
    };
    await expect(readContent(store, descriptor, { maxBytes: 1e9 })).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'read',
      message: `Cannot read content ${descriptor.digest}: ${reason}`,
    });
  });
});
