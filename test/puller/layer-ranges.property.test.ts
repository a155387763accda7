import fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { nodeHasher } from 'kubepull/node';
import { createDownloadPool, type LayerRanges } from 'kubepull/puller';
import { createMemoryStore, readContent } from 'kubepull/store';
import type { Reply } from '../support/memory-transport.ts';
import { runsOf } from '../support/property-runs.ts';
import { tryPull } from './downloads-support.ts';
import { type Asked, cutAfter, partial, startRangeServer, withoutRequests } from './ranges-support.ts';

/** What is wrong with one answer. */
type Fault = 'cut' | 'all of it' | 'other range' | 'more' | 'wrong byte';

interface Scenario {
  readonly sizes: readonly number[];
  readonly ranges: LayerRanges;
  readonly places: number;
  /** By the number of the request. */
  readonly faults: ReadonlyMap<number, Fault>;
  /** Turns of the event loop that answers take, over and over. */
  readonly turns: readonly number[];
  readonly chunk: number;
}

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 3 }),
  ranges: fc.record({
    parallel: fc.integer({ min: 2, max: 5 }),
    minBytes: fc.integer({ min: 1, max: 1000 }),
    rangeBytes: fc.integer({ min: 50, max: 1500 }),
  }),
  places: fc.integer({ min: 1, max: 6 }),
  // Few enough for every pull to end well: a layer is downloaded twice at most, and a range is asked for five times.
  faults: fc
    .tuple(
      fc.array(fc.tuple(fc.nat(20), fc.constantFrom<Fault>('cut', 'cut', 'all of it', 'other range', 'more')), {
        maxLength: 3,
      }),
      fc.option(fc.tuple(fc.nat(20), fc.constant<Fault>('wrong byte')), { nil: undefined }),
    )
    .map(([some, wrong]) => new Map(wrong === undefined ? some : [...some, wrong])),
  turns: fc.array(fc.nat(3), { minLength: 1, maxLength: 7 }),
  chunk: fc.integer({ min: 20, max: 2000 }),
});

function spoil(fault: Fault | undefined, { bytes, start, end, header }: Asked, reply: Reply): Reply {
  if (fault === 'cut') return cutAfter(reply, Math.floor((end - start) / 2));
  if (fault === 'all of it') return { body: bytes };
  if (fault === 'wrong byte') return { ...reply, body: (reply.body as Uint8Array).map((byte) => byte ^ 1) };
  if (header === undefined) return reply;
  if (fault === 'other range') return partial(bytes, Math.max(0, start - 1), end);
  return fault === 'more' ? { ...reply, body: bytes.subarray(start, end + 3) } : reply;
}

/** Serves slowly, in chunks, and with the faults. */
function serve({ faults, turns, chunk }: Scenario) {
  return (asked: Asked, right: Reply): Reply => {
    const reply = spoil(faults.get(asked.nth), asked, right);
    const bytes = reply.body as Uint8Array;
    const body = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += chunk) {
        for (let turn = turns[(asked.nth + at) % turns.length] ?? 0; turn > 0; turn -= 1) await setImmediate();
        yield bytes.slice(at, at + chunk);
      }
    };
    return { ...reply, body: body() };
  };
}

describe('layerRanges', () => {
  it('bring the same bytes as one stream does, and tell the same [B03 B09 B13]', async () => {
    const property = fc.asyncProperty(scenarios, async (scenario) => {
      const { sizes, ranges, places } = scenario;
      const pull = async (layerRanges: LayerRanges | undefined) => {
        const server = startRangeServer(sizes, layerRanges === undefined ? undefined : serve(scenario));
        const store = createMemoryStore({ createHasher: nodeHasher });
        const downloads = createDownloadPool({ maxParallelDownloads: places });
        const { error, events } = await tryPull(server.name, { ...server, store, layerRanges, downloads });
        expect([error, server.open(), downloads.active]).toEqual([undefined, 0, 0]);
        const contents = server.layers.map((layer) => readContent(store, layer, { maxBytes: layer.size }));
        // Layers end in no certain order.
        return { contents: await Promise.all(contents), events: withoutRequests(events).toSorted() };
      };
      expect(await pull(ranges)).toEqual(await pull(undefined));
    });
    await fc.assert(property, runsOf('turns'));
  });
});
