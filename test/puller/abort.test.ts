import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from 'kubepull/clock';
import type { Transport, TransportResponse } from 'kubepull/distribution';
import { createKeyring } from 'kubepull/keyring';
import { nodeHasher, openOciLayout } from 'kubepull/node';
import { createDownloadPool, pullImage, type PullOptions, type PullRuntime } from 'kubepull/puller';
import { type ContentWriter, createMemoryStore, type ImageStore } from 'kubepull/store';
import { buildImage, buildIndex, type LoopbackRegistry, type LoopbackRegistryOptions } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { countFor } from '../support/figures.ts';
import { assertInvariants, type Closeable, countingSignal, startWatch } from '../support/invariants.ts';
import { lazyDisk } from '../support/lazy-disk.ts';
import { least } from '../support/least.ts';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { amountOf } from '../support/property-runs.ts';
import { startRegistry } from '../support/registry.ts';
import { placesOf } from '../support/sweeps.ts';
import { tempDir } from '../support/temp-dir.ts';
import { amd64, startRuntime, tryPull } from './downloads-support.ts';
import { entryFor } from './mirrors-support.ts';
import { RANGES, startRangeServer } from './ranges-support.ts';

type BringContent = NonNullable<TransportResponse['bring']>;

/** Calls that are counted, before and after each: the places at which an abort may come. */
type Point = <T>(step: () => Promise<T>) => Promise<T>;

function watchedTransport(next: Transport, point: Point): Transport {
  const watchBody = async function* (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const iterator = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await point(() => iterator.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  };
  return async (request): Promise<TransportResponse> => {
    const response = await point(() => next(request));
    const { bring } = response;
    return {
      ...response,
      body: { [Symbol.asyncIterator]: () => watchBody(response.body) },
      discard: () => response.discard(),
      ...(bring === undefined ? {} : { bring: watchedBring(bring, point) }),
    };
  };
}

/** What is brought, with a point at each progress, too. */
function watchedBring(bring: BringContent, point: Point): BringContent {
  return (file, onProgress) =>
    point(() =>
      bring(file, (size) => {
        onProgress(size);
        void point(async () => undefined);
      }),
    );
}

/** A runtime whose carrier, if it is to have one, is watched as its transport is. */
function watchedRuntime(runtime: PullRuntime, point: Point): PullRuntime {
  const transport = watchedTransport(runtime.transport, point);
  const { carrier } = runtime;
  const watched = carrier && { ...carrier, transport, send: watchedTransport(carrier.send, point) };
  return { ...runtime, transport, carrier: watched };
}

function watchedStore(store: ImageStore, point: Point): ImageStore {
  const watchWriter = (writer: ContentWriter): ContentWriter => ({
    get offset() {
      return writer.offset;
    },
    write: (chunk) => point(async () => writer.write(chunk)),
    ...(writer.fill === undefined ? {} : { fill: (bring) => point(async () => writer.fill?.(bring)) }),
    restart: () => point(() => writer.restart()),
    commit: () => point(() => writer.commit()),
    abort: () => point(() => writer.abort()),
  });
  return {
    has: (...args) => point(() => store.has(...args)),
    read: (...args) => store.read(...args),
    ingest: async (...args) => watchWriter(await point(() => store.ingest(...args))),
    resolve: (...args) => point(() => store.resolve(...args)),
    tag: (...args) => point(() => store.tag(...args)),
  };
}

interface Prepared {
  readonly name: string;
  readonly runtime: PullRuntime;
  readonly options: Omit<PullOptions, 'runtime' | 'store' | 'signal'>;
  /** What is to be closed at the end. */
  readonly closeables?: readonly Closeable[];
  readonly registry?: LoopbackRegistry;
  /** Something that runs beside the pull. */
  readonly beside?: ((options: PullOptions) => Promise<unknown>) | undefined;
  /** Faults for the next pull. */
  arm?(): void;
}

const layers = Array.from({ length: 4 }, (_, at) => ({ randomBytes: 6000, seed: `b14-${at}` }));
const image = buildImage({ platform: amd64, layers });

/** A registry over the network. */
async function startNetwork(
  options: LoopbackRegistryOptions,
  workers: number | undefined,
): Promise<Pick<Prepared, 'runtime' | 'closeables'> & { readonly registry: LoopbackRegistry }> {
  const registry = await startRegistry(options);
  const runtime = startRuntime(workers);
  return { registry, runtime, closeables: [runtime] };
}

/** A registry without a network, whose bodies come in pieces and end with an abort as those of a network do. */
function startMemory(sizes: readonly number[], pieceBytes: number): Pick<Prepared, 'name' | 'runtime'> {
  return startRangeServer(sizes, ({ request }, reply) => {
    const bytes = reply.body as Uint8Array;
    const body = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        await setImmediate();
        request.signal?.throwIfAborted();
        yield bytes.slice(at, at + pieceBytes);
      }
    };
    return { ...reply, body: body() };
  });
}

/** Those over the network, by the threads of the carrier; the transport alone brings the bytes where it is `undefined`. */
const NETWORK_SCENARIOS: Readonly<Record<string, (workers?: number) => Promise<Prepared>>> = {
  async 'an index, with tokens and the second credential'(workers) {
    const right = canary('password');
    const network = await startNetwork(
      { auth: { 'team/': { type: 'bearer', accounts: [{ username: 'u', password: right }] } } },
      workers,
    );
    const { host } = network.registry;
    network.registry.push('team/app', '1', buildIndex([image]));
    const keyring = createKeyring([entryFor(`${host}/team`, canary('password')), entryFor(host, right)]);
    return { ...network, name: `${host}/team/app:1`, options: { plainHttp: [host], keyring } };
  },
  async 'cuts, a busy registry and wrong bytes'(workers) {
    const network = await startNetwork({}, workers);
    const { registry } = network;
    registry.push('app', '1', image);
    const digests = image.manifest.layers.map(({ digest }) => new RegExp(`/blobs/${digest}`));
    const arm = (): void => {
      const [first, second, third] = digests;
      registry.fault({ path: first ?? '', times: 2, action: { kind: 'cut', afterBytes: 2000 } });
      registry.fault({ path: second ?? '', times: 2, action: { kind: 'status', status: 503 } });
      registry.fault({ path: third ?? '', times: 1, action: { kind: 'flip', offset: 9 } });
    };
    return { ...network, name: `${registry.host}/app:1`, options: { plainHttp: [registry.host] }, arm };
  },
};

const SCENARIOS: Readonly<Record<string, (workers?: number) => Promise<Prepared>>> = {
  async 'a plain pull'() {
    return { ...startMemory([6000, 6000, 6000, 6000], 1500), options: {} };
  },
  ...NETWORK_SCENARIOS,
  async 'a shared pool of one place, beside another pull of the same'() {
    const server = startMemory([6000, 6000, 6000, 6000], 1500);
    const downloads = createDownloadPool({ maxParallelDownloads: 1 });
    return { ...server, options: { downloads }, beside: (options) => pullImage(server.name, options) };
  },
  async 'layers in parallel ranges'() {
    return { ...startMemory([20_000, 5000], 500), options: { layerRanges: RANGES } };
  },
};

/** Aborts at the n-th point, before or after its step. */
function abortAt(place: number, abort: () => void): { readonly point: Point; count(): number } {
  let count = 0;
  const pass = (): void => {
    if (count === place) abort();
    count += 1;
  };
  return {
    count: () => count,
    async point(step) {
      pass();
      const value = await step();
      pass();
      return value;
    },
  };
}

/** What is under way in memory ends in a few turns of the event loop; no machine is too slow to count them. */
const SETTLED_TURNS = 30;

/** Counts turns of the event loop from now on; only where they are few. */
function countTurns(countsTurns: boolean): { stop(): number } {
  const stopped = new AbortController();
  let turns = 0;
  void (async () => {
    if (!countsTurns) return;
    for (; !stopped.signal.aborted; turns += 1) await setImmediate();
  })();
  return {
    stop() {
      stopped.abort();
      return turns;
    },
  };
}

/** Time stands still once the signal is aborted, so that who waits for its end instead of the signal waits for ever. */
function stoppingClock(signal: AbortSignal, point: Point): Clock {
  const sleep: Clock['sleep'] = (_, options) =>
    point(async () => (signal.aborted ? systemClock.sleep(2 ** 31 - 1, options) : undefined));
  return { ...systemClock, sleep };
}

/** What brings the bytes, into what. */
const WAYS = [
  { kind: 'memory', carrier: 'no carrier', workers: undefined, scenarios: SCENARIOS },
  { kind: 'layout', carrier: 'no carrier', workers: undefined, scenarios: SCENARIOS },
  { kind: 'layout', carrier: 'a reader', workers: 0, scenarios: NETWORK_SCENARIOS },
  { kind: 'layout', carrier: 'threads', workers: 2, scenarios: NETWORK_SCENARIOS },
] as const;

describe.each(WAYS)('an abort at every point, with the $kind store and $carrier [B14]', (way) => {
  const { kind, workers, scenarios } = way;
  it.each(Object.entries(scenarios))('of %s [I4 I5]', async (_, prepare) => {
    const watch = startWatch();
    const { registry, runtime, name, options, beside, arm, closeables = [] } = await prepare(workers);
    const reason = new Error('enough');
    const faults: string[] = [];
    const { path: root } = tempDir();

    const run = async (place: number): Promise<number> => {
      arm?.();
      const directory = join(root, String(place));
      const store =
        kind === 'memory'
          ? createMemoryStore({ createHasher: nodeHasher })
          : await openOciLayout(directory, workers === undefined ? { fs: lazyDisk } : {});
      const signal = countingSignal();
      let counter: ReturnType<typeof countTurns> | undefined;
      const { point, count } = abortAt(place, () => {
        counter = countTurns(kind === 'memory' && registry === undefined);
        signal.abort(reason);
      });
      const watched: PullOptions = {
        ...options,
        runtime: { ...watchedRuntime(runtime, point), clock: stoppingClock(signal.signal, point) },
        store: watchedStore(store, point),
        signal: signal.signal,
      };
      // The other pull sees the bare store through the same object, so that the two can share.
      const other = beside?.({ ...watched, signal: undefined, runtime });
      const outcome = await pullImage(name, watched).then(
        () => 'pulled',
        (error: unknown) => error,
      );
      const turns = counter?.stop() ?? 0;
      if (turns > SETTLED_TURNS && outcome !== 'pulled') faults.push(`at ${place}: settled after ${turns} turns`);
      await other;
      const aborted = signal.signal.aborted;
      const tagged = (await store.resolve(name)) !== undefined;
      const expected = outcome === reason || (outcome === 'pulled' && tagged);
      if (aborted ? !expected : outcome !== 'pulled') faults.push(`at ${place}: ${String(outcome)}`);
      if (signal.listeners > 0) faults.push(`at ${place}: ${signal.listeners} listeners left`);
      if (signal.peak > 1) faults.push(`at ${place}: ${signal.peak} listeners at once`);
      rmSync(directory, { recursive: true, force: true });
      return count();
    };

    const points = await run(Infinity);
    expect(points).toBeGreaterThanOrEqual(60);
    const places = placesOf(61, 4);
    for (const k of places) await run(Math.floor((k * points) / 60));
    expect(faults).toEqual([]);
    countFor('aborts of a pull', places.length);
    await assertInvariants({ closeables, registries: registry === undefined ? [] : [registry], watch });
  });
});

describe('one signal for many [B16]', () => {
  const { manifest, contents, descriptor } = buildImage({ platform: amd64, layers: [{ files: { a: 'b' } }] });
  const bytes = new Map(contents.map(({ descriptor: { digest }, bytes }) => [digest as string, bytes]));
  const server = createMemoryTransport(({ url }) => {
    const digest = url.slice(url.lastIndexOf('/') + 1);
    const found = url.includes('/manifests/') ? bytes.get(descriptor.digest) : bytes.get(digest);
    return { body: found ?? '', headers: { 'content-type': manifest.mediaType } };
  });
  const collect = (): number => {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    return process.memoryUsage().heapUsed;
  };

  it('many pulls and look-ups leave no listener and no heap behind', async () => {
    const watched = countingSignal();
    const keyring = createKeyring([entryFor('other.example', canary('password', []))]);
    const store = createMemoryStore({ createHasher: nodeHasher });
    // The log of the fake server would be what grows.
    const transport: Transport = (request) => {
      (server.requests as unknown[]).length = 0;
      return server.transport(request);
    };
    const runtime = { transport, createHasher: nodeHasher, platform: amd64 };
    const options: PullOptions = { runtime, store, keyring, signal: watched.signal, downloads: createDownloadPool() };
    const batch = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at += 10)
        await Promise.all(Array.from({ length: 10 }, () => pullImage('r.example/app:1', options)));
    };
    await batch(amountOf({ here: 200, inCi: 1000 }));
    const growth = async (): Promise<number> => {
      const before = collect();
      await batch(amountOf({ here: 200, inCi: 9000 }));
      return collect() - before;
    };
    expect(await least(1024 * 1024, growth)).toBeLessThan(1024 * 1024);
    expect(watched.listeners).toBe(0);
    expect(watched.peak).toBeLessThanOrEqual(10);
  });
});

describe('an abort while a registry refuses [B14]', () => {
  it('ends the pull with its reason, and no other credential is tried', async () => {
    const controller = new AbortController();
    const reason = { is: 'enough' };
    const server = createMemoryTransport(() => {
      controller.abort(reason);
      return { status: 401, headers: { 'www-authenticate': 'Basic' } };
    });
    const runtime = { transport: server.transport, createHasher: nodeHasher, platform: amd64 };
    const keyring = createKeyring([
      entryFor('r.example/app', canary('password', [])),
      entryFor('r.example', canary('password', [])),
    ]);
    const { error, events } = await tryPull('r.example/app:1', {
      runtime,
      keyring,
      store: createMemoryStore({ createHasher: nodeHasher }),
      signal: controller.signal,
    });
    expect(error).toBe(reason);
    expect(events.flatMap((event) => (event.type === 'credential' ? [event.outcome] : []))).toEqual(['trying']);
    expect(server.requests).toHaveLength(1);
  });
});
