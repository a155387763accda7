import { describe, expect, it } from 'vitest';
import { type RetryOptions, withRetry } from 'kubepull/distribution';
import { TransportError } from 'kubepull/errors';
import { createFakeClock } from 'kubepull/testing';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';

const get = { method: 'GET', url: 'https://r.example/v2/', headers: {} } as const;

const cut = (retryable: boolean): TransportError =>
  new TransportError('Cannot GET https://r.example/v2/: cut', {
    method: 'GET',
    url: get.url,
    phase: 'connect',
    retryable,
  });

/** Plays the replies one after the other, the last for ever; time passes by itself. */
function play(...replies: readonly (Reply | Error)[]) {
  const clock = createFakeClock();
  const sleeps: number[] = [];
  const server = createMemoryTransport(() => {
    const reply = replies[Math.min(server.requests.length, replies.length) - 1] ?? {};
    if (reply instanceof Error) throw reply;
    return reply;
  });
  const sleep: typeof clock.sleep = async (ms, options) => {
    options?.signal?.throwIfAborted();
    sleeps.push(ms);
  };
  const transport = withRetry(server.transport, { clock: { ...clock, sleep }, random: () => 1 });
  return { ...server, transport, sleeps, clock };
}

/** A server that gives one answer for ever, and the pauses before it is asked again. */
function wait(reply: Reply) {
  const sleeps: number[] = [];
  const server = createMemoryTransport(() => reply);
  const clock = { ...createFakeClock(), sleep: async (ms: number) => void sleeps.push(ms) };
  const retry = (options: Partial<RetryOptions>) => withRetry(server.transport, { clock, random: () => 0, ...options });
  return { server, sleeps, retry };
}

describe('withRetry', () => {
  it.each([408, 429, 500, 502, 503, 504])(
    'repeats %d, five times at most, with doubled pauses [B10]',
    async (status) => {
      const { transport, requests, sleeps, open } = play({ status });
      const response = await transport(get);
      expect([response.status, requests.length]).toEqual([status, 5]);
      expect(sleeps).toEqual([250, 500, 1000, 2000]);
      await response.discard();
      expect(open()).toBe(0);
    },
  );

  it.each([200, 206, 301, 307, 400, 401, 403, 404, 410, 416, 501])('takes %d as the answer [B10]', async (status) => {
    const { transport, requests } = play({ status });
    expect((await transport(get)).status).toBe(status);
    expect(requests).toHaveLength(1);
  });

  it('repeats a failed connection, but not a final failure, and never a POST [B10]', async () => {
    const flaky = play(cut(true), { status: 200 });
    expect((await flaky.transport(get)).status).toBe(200);
    const final = play(cut(false));
    await expect(final.transport(get)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
    const post = play({ status: 503 });
    expect((await post.transport({ ...get, method: 'POST' })).status).toBe(503);
    expect([flaky.requests.length, final.requests.length, post.requests.length]).toEqual([2, 1, 1]);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'] as const)(
    'repeats a %s that was one too many, and nothing else of it [B10]',
    async (method) => {
      const turnedAway = play({ status: 429 }, { status: 429 }, { status: 201 });
      const body = new Uint8Array(1);
      expect((await turnedAway.transport({ ...get, method, body })).status).toBe(201);
      const stream = play({ status: 429 });
      const once = (async function* () {
        yield body;
      })();
      expect((await stream.transport({ ...get, method, body: once })).status).toBe(429);
      const lost = play(cut(true));
      await expect(lost.transport({ ...get, method, body })).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
      for (const status of [408, 500, 502, 503, 504]) {
        const busy = play({ status });
        expect((await busy.transport({ ...get, method, body })).status).toBe(status);
        expect(busy.requests).toHaveLength(1);
      }
      expect([turnedAway.requests.length, stream.requests.length, lost.requests.length]).toEqual([3, 1, 1]);
    },
  );

  it.each([
    [undefined, '40', 4],
    [0, '1', 1],
    [999, '1', 1],
    [1000, '1', 2],
    [2999, '1', 3],
    [120_000, '3600', 3],
    [Number.POSITIVE_INFINITY, '3600', 5],
  ])('waits no longer than its budget of %s ms in all, told %s s each time [B08]', async (budgetMs, seconds, sent) => {
    const { server, sleeps, retry } = wait({ status: 503, headers: { 'retry-after': seconds } });
    expect((await retry({ budgetMs })(get)).status).toBe(503);
    expect(server.requests).toHaveLength(sent);
    expect(sleeps.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(budgetMs ?? 120_000);
  });

  it.each([-1, Number.NaN])('refuses a budget of %d ms', (budgetMs) => {
    expect(() => wait({}).retry({ budgetMs })).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
  });

  it('spreads the pauses of many, whatever the server says [B08]', async () => {
    for (const headers of [{}, { 'retry-after': '10' }, { 'retry-after': '3600' }]) {
      const pauses = new Set<number>();
      for (let caller = 0; caller < 20; caller += 1) {
        const { sleeps, retry } = wait({ status: 429, headers });
        await retry({ random: () => caller / 20, attempts: 2 })(get);
        pauses.add(sleeps[0] ?? 0);
      }
      expect(pauses.size).toBe(20);
      const asked = Math.min(Number(headers['retry-after'] ?? 0) * 1000, 54_000);
      for (const pause of pauses) expect(pause >= asked && pause <= 60_000).toBe(true);
    }
  });

  it.each([0, 1.5, -1, Number.NaN])('refuses %d attempts', (attempts) => {
    const retry = () => withRetry(play().transport, { clock: createFakeClock(), random: () => 0, attempts });
    expect(retry).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
  });

  it('takes an abort for final, though its reason be a failure that passes [B14]', async () => {
    const controller = new AbortController();
    const told: unknown[] = [];
    const server = createMemoryTransport(async () => {
      controller.abort(cut(true));
      return { status: 503 };
    });
    const sleep = async (): Promise<void> => undefined;
    const clock = { ...createFakeClock(), sleep };
    const options = { clock, random: () => 0, onRetry: (retry: unknown) => void told.push(retry) };
    const failing = withRetry(() => Promise.reject(controller.signal.reason as Error), options);
    await (await withRetry(server.transport, options)({ ...get, signal: controller.signal })).discard();
    await expect(failing({ ...get, signal: controller.signal })).rejects.toBe(controller.signal.reason);
    expect([told, server.requests.length]).toEqual([[], 1]);
  });

  it('gives the last failure when none succeeds', async () => {
    const failing = play(cut(true));
    await expect(failing.transport(get)).rejects.toMatchObject({ phase: 'connect' });
    expect(failing.requests).toHaveLength(5);
  });

  it.each([
    ['3', 3301],
    ['0', 250],
    ['54', 59_401],
    ['55', 60_000],
    ['60', 60_000],
    ['61', 54_000],
    ['3600', 54_000],
    ['-1', 250],
    ['1.5', 250],
    ['soon', 250],
    ['99999999999', 54_000],
    ['9'.repeat(400), 54_000],
    ['', 250],
    ['1e3', 250],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 250],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 54_000],
  ])('waits as Retry-After %j says, up to a minute and with jitter [B08]', async (value, pause) => {
    const { transport, sleeps } = play({ status: 429, headers: { 'retry-after': value } }, { status: 200 });
    await transport(get);
    expect(sleeps).toEqual([pause]);
  });

  it('waits until a date [B08]', async () => {
    const clock = createFakeClock();
    const date = new Date(clock.now() + 5000).toUTCString();
    const { transport, sleeps } = play({ status: 503, headers: { 'retry-after': date } }, { status: 200 });
    await transport(get);
    expect(sleeps[0]).toBeGreaterThan(3999);
    expect(sleeps[0]).toBeLessThan(5501);
  });

  it('ends a pause at once when aborted, with the reason [B08]', async () => {
    const clock = createFakeClock();
    const server = createMemoryTransport(() => ({ status: 503 }));
    const controller = new AbortController();
    const reason = new Error('enough');
    const pending = withRetry(server.transport, { clock, random: () => 1 })({ ...get, signal: controller.signal });
    const settled = expect(pending).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 0));
    controller.abort(reason);
    await settled;
    expect([server.requests.length, server.open()]).toEqual([1, 0]);
  });
});
