import { describe, expect, it } from 'vitest';
import { systemClock } from 'kubepull/clock';
import { TransportError } from 'kubepull/errors';
import { createKeyring } from 'kubepull/keyring';
import { createNodeRuntime } from 'kubepull/node';
import { type PullEvent, pullImageEvents, type PullRuntime } from 'kubepull/puller';
import { canary } from '../support/canary.ts';
import { amd64, openStore, startScene, tryPull } from './downloads-support.ts';
import { entryFor } from './mirrors-support.ts';
import { RANGES, startRangeServer } from './ranges-support.ts';

type Retry = Extract<PullEvent, { readonly type: 'retry' }>;
const retriesOf = (events: readonly PullEvent[]): readonly Retry[] =>
  events.flatMap((event) => (event.type === 'retry' ? [event] : []));

/** A runtime that notes its pauses instead of waiting. */
function recording(runtime: PullRuntime): { readonly runtime: PullRuntime; readonly pauses: readonly number[] } {
  const pauses: number[] = [];
  const sleep = async (ms: number): Promise<void> => void pauses.push(ms);
  return { runtime: { ...runtime, clock: { ...systemClock, sleep } }, pauses };
}

async function* failedBody(error: Error): AsyncGenerator<Uint8Array, void, undefined> {
  yield new Uint8Array(0);
  throw error;
}

describe('the event retry', () => {
  it.each([
    ['manifest', /\/manifests\//],
    ['config or layer', /\/blobs\//],
  ])('tells of a %s that is asked for again why and after how long [B10]', async (_, path) => {
    const node = createNodeRuntime({ platform: amd64 });
    const { runtime, pauses } = recording(node);
    const scene = await startScene();
    const headers = { 'retry-after': '7' };
    scene.registry.fault({ path, times: 1, action: { kind: 'status', status: 429, headers } });
    scene.registry.fault({ path, nth: 2, times: 1, action: { kind: 'status', status: 503 } });
    const { error, events } = await tryPull(scene.name, { runtime, store: await openStore('memory') });
    await node.close();
    expect(error).toBeUndefined();
    const retries = retriesOf(events);
    expect(retries).toMatchObject([
      { descriptor: undefined, offset: undefined, error: { status: 429, retryAfterMs: 7000, retryable: true } },
      { descriptor: undefined, offset: undefined, error: { status: 503, retryAfterMs: undefined } },
    ]);
    expect(retries.map(({ delayMs }) => delayMs)).toEqual(pauses);
    expect(pauses[0]).toBeGreaterThanOrEqual(7000);
    for (const { error: why } of retries) expect(why.message).toMatch(/^Cannot GET http:\/\/\S+: (429|503)$/);
    expect(retries.every(({ error: why }) => path.test(why.message))).toBe(true);
  });

  it('tells of a connection that failed, with its own error [B10]', async () => {
    let failures = 0;
    const refused = new TransportError('Cannot GET https://r.example/: refused', {
      method: 'GET',
      url: 'https://r.example/',
      phase: 'connect',
      retryable: true,
    });
    const server = startRangeServer([100]);
    const transport: PullRuntime['transport'] = async (request) => {
      if (request.url.includes('/manifests/') && (failures += 1) <= 2) throw refused;
      return server.transport(request);
    };
    const runtime = { ...server.runtime, transport };
    const { error, events } = await tryPull(server.name, { runtime, store: await openStore('memory') });
    expect(error).toBeUndefined();
    expect(retriesOf(events).map((retry) => retry.error)).toEqual([refused, refused]);
  });

  it('is not told of the last answer, which stands [B10]', async () => {
    const server = startRangeServer([100], () => ({ status: 500 }));
    const { error, events } = await tryPull(server.name, { ...server, store: await openStore('memory') });
    expect(error).toMatchObject({ attempts: [{ error: { status: 500 } }] });
    expect(retriesOf(events)).toHaveLength(4);
  });

  it('is told of each range [B10]', async () => {
    const busy = new Set<number>();
    const server = startRangeServer([10_000], ({ start }, reply) => {
      if (start % 3000 > 0 || busy.has(start)) return reply;
      busy.add(start);
      return { status: 503 };
    });
    const options = { ...server, store: await openStore('memory'), layerRanges: RANGES };
    const { error, events } = await tryPull(server.name, options);
    expect([error, retriesOf(events).length]).toEqual([undefined, 4]);
  });

  it('tells of a manifest that was cut, and asks for it again [B07]', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: /\/manifests\//, times: 2, action: { kind: 'cut', afterBytes: 10 } });
    const { error, events } = await tryPull(scene.name, { store: await openStore('memory') });
    expect(error).toBeUndefined();
    const cut = { descriptor: undefined, error: { code: 'ERR_TRANSPORT', phase: 'body' } };
    expect(retriesOf(events)).toMatchObject([cut, cut]);
  });

  it('gives a manifest up that is cut three times [B07]', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: /\/manifests\//, action: { kind: 'cut', afterBytes: 10 } });
    const { error } = await tryPull(scene.name, { store: await openStore('memory') });
    expect(error).toMatchObject({ attempts: [{ error: { code: 'ERR_TRANSPORT', phase: 'body' } }] });
    expect(scene.registry.requests).toHaveLength(3);
  });

  it('is not told of requests that are only cancelled because of another [B15]', async () => {
    const server = startRangeServer([100, 200, 300]);
    const [failing, ...others] = server.layers;
    const failure = new TransportError('Cannot GET x: slow', {
      method: 'GET',
      url: 'x',
      phase: 'body',
      retryable: true,
    });
    let waiting = 0;
    let wake = (): void => undefined;
    const allWait = new Promise<void>((resolve) => void (wake = resolve));
    const transport: PullRuntime['transport'] = async (request) => {
      if (others.some(({ digest }) => request.url.includes(digest))) {
        waiting += 1;
        if (waiting === others.length) wake();
        return new Promise((_, reject) => {
          request.signal?.addEventListener('abort', () => reject(request.signal?.reason as Error), { once: true });
        });
      }
      if (failing === undefined || !request.url.includes(failing.digest)) return server.transport(request);
      await allWait;
      return { ...(await server.transport(request)), body: failedBody(failure) };
    };
    const runtime = { ...server.runtime, transport };
    const { error, events } = await tryPull(server.name, { runtime, store: await openStore('memory') });
    expect(error).toMatchObject({ attempts: [{ error: failure }] });
    expect(retriesOf(events).map(({ descriptor }) => descriptor?.digest)).toEqual(Array(4).fill(failing?.digest));
  });

  it('shows neither credential nor query of what is asked for again [L01]', async () => {
    const password = canary('password');
    const scene = await startScene({
      auth: { 'team/': { type: 'bearer', accounts: [{ username: 'u', password }] } },
    });
    scene.registry.fault({ path: /\/token|\/blobs\//, times: 2, action: { kind: 'status', status: 503 } });
    const keyring = createKeyring([entryFor(scene.registry.host, password)]);
    const { error, events } = await tryPull(scene.name, { store: await openStore('memory'), keyring });
    expect(error).toBeUndefined();
    const retries = retriesOf(events);
    expect(retries).toHaveLength(2);
    for (const { error: why } of retries) expect(why).toMatchObject({ url: expect.not.stringContaining('?') });
  });

  it('comes before the pause, so that a reader sees why nothing happens [B08]', async () => {
    const server = startRangeServer([100], () => ({ status: 503, headers: { 'retry-after': '30' } }));
    const controller = new AbortController();
    const runtime = { ...server.runtime, clock: systemClock };
    const events: PullEvent[] = [];
    const pull = async (): Promise<void> => {
      const { signal } = controller;
      const store = await openStore('memory');
      for await (const event of pullImageEvents(server.name, { runtime, store, signal })) {
        events.push(event);
        if (event.type === 'retry') controller.abort('seen');
      }
    };
    await expect(pull()).rejects.toBe('seen');
    expect(retriesOf(events)).toHaveLength(1);
  });
});
