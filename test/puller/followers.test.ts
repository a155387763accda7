import { describe, expect, it } from 'vitest';
import type { Transport } from 'kubepull/distribution';
import { createDownloadPool, type PullEvent } from 'kubepull/puller';
import { writeContent } from 'kubepull/store';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { openStore, tryPull } from './downloads-support.ts';
import { startRangeServer } from './ranges-support.ts';

/** Something that is waited for, and that the test lets happen. */
function gate() {
  let [reach, open] = [(): void => undefined, (): void => undefined];
  const reached = new Promise<void>((resolve) => void (reach = resolve));
  const opened = new Promise<void>((resolve) => void (open = resolve));
  const pass = (): Promise<void> => {
    reach();
    return opened;
  };
  return { reached, pass, open: () => open() };
}

/** A pull of `r.example/app:1` that waits in its layer, and another of the same content from `r.example/other`. */
async function startTwo(head: Transport) {
  const layerGate = gate();
  const server = startRangeServer([1000]);
  const [layer] = server.layers;
  if (layer === undefined) throw new Error('No layer');
  const transport: Transport = async (request) => {
    if (request.method === 'HEAD') return head(request);
    if (request.url.endsWith(`app/blobs/${layer.digest}`)) await layerGate.pass();
    return server.transport(request);
  };
  const options = {
    runtime: { ...server.runtime, transport },
    store: await openStore('memory'),
    downloads: createDownloadPool(),
  };
  const first = tryPull('r.example/app:1', options);
  await layerGate.reached;
  const follow = (signal?: AbortSignal, onEvent: (event: PullEvent) => void = () => undefined) =>
    tryPull('r.example/other:1', { ...options, signal, onEvent });
  return { server, layer, first, follow, open: layerGate.open };
}

const phases = (events: readonly PullEvent[], digest: string): readonly string[] =>
  events.flatMap((event) => (event.type === 'blob' && event.descriptor.digest === digest ? [event.phase] : []));

describe('a pull of what another repository is about to bring', () => {
  it.each([401, 403, 500])('downloads it by itself when the registry answers %d to its question', async (status) => {
    const refuse = createMemoryTransport(() => ({ status }));
    const { server, first, follow, open, layer } = await startTwo(refuse.transport);
    const { error, events } = await follow();
    expect([error, server.ranges().length]).toEqual([undefined, 1]);
    expect(phases(events, layer.digest)).toEqual(['started', 'progress', 'verified']);
    open();
    expect((await first).error).toBeUndefined();
  });

  it('hears once that it began, and then what the other hears', async () => {
    const { server, first, follow, open, layer } = await startTwo(createMemoryTransport(() => ({})).transport);
    let begun = (): void => undefined;
    const began = new Promise<void>((resolve) => void (begun = resolve));
    const second = follow(undefined, ({ type }) => void (type === 'blob' && begun()));
    await began;
    // The config is there; the next that is told is of the layer.
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    open();
    const all = [(await first).events, (await second).events].map((events) => phases(events, layer.digest));
    expect(all).toEqual([
      ['started', 'progress', 'verified'],
      ['started', 'progress', 'verified'],
    ]);
    expect(server.ranges()).toEqual([undefined]);
  });

  it('ends with an error of the transport that is not ours', async () => {
    const odd = new TypeError('a transport of somebody else');
    const { first, follow, open } = await startTwo(() => Promise.reject(odd));
    expect((await follow()).error).toBe(odd);
    open();
    expect((await first).error).toBeUndefined();
  });

  it('ends at once when it is aborted while the registry thinks about its question', async () => {
    const controller = new AbortController();
    const { first, follow, open } = await startTwo(({ signal }) => {
      setImmediate(() => controller.abort('enough'));
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      });
    });
    expect((await follow(controller.signal)).error).toBe('enough');
    open();
    expect((await first).error).toBeUndefined();
  });

  it('hears that the content was there when it comes too late for the other', async () => {
    const question = gate();
    const lookAgain = gate();
    const server = startRangeServer([1000]);
    const [layer] = server.layers;
    if (layer === undefined) throw new Error('No layer');
    const transport: Transport = async (request) => {
      if (request.method === 'HEAD') await question.pass();
      return server.transport(request);
    };
    const memory = await openStore('memory');
    let looks = 0;
    const store: typeof memory = {
      ...memory,
      async has(content, options) {
        // The first pull looks for its plan, and once more before it asks.
        if (content.digest === layer.digest && (looks += 1) === 2) await lookAgain.pass();
        return memory.has(content, options);
      },
    };
    const options = { runtime: { ...server.runtime, transport }, store, downloads: createDownloadPool() };
    const first = tryPull('r.example/app:1', options);
    await lookAgain.reached;
    const second = tryPull('r.example/other:1', options);
    await question.reached;
    await writeContent(memory, layer, server.contents.get(layer.digest) ?? new Uint8Array());
    lookAgain.open();
    expect(phases((await first).events, layer.digest)).toEqual(['skipped']);
    question.open();
    const { error, events } = await second;
    expect([error, phases(events, layer.digest)]).toEqual([undefined, ['skipped']]);
    expect(server.requests.filter(({ method, url }) => method === 'GET' && url.includes(layer.digest))).toEqual([]);
  });
});
