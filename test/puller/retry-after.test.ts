import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from 'kubepull/clock';
import { createNodeRuntime } from 'kubepull/node';
import { createKeyring } from 'kubepull/keyring';
import type { FaultAction } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { amd64, openStore, retryOffsets, startScene, tryPull } from './downloads-support.ts';
import { entryFor } from './mirrors-support.ts';

/** A runtime that notes its pauses instead of waiting. */
function recordingRuntime() {
  const pauses: number[] = [];
  const sleep = async (ms: number): Promise<void> => void pauses.push(ms);
  const runtime = createNodeRuntime({ platform: amd64, clock: { ...systemClock, sleep } });
  onTestFinished(() => runtime.close());
  return { runtime, pauses };
}

const status = (code: number, headers: Readonly<Record<string, string>> = {}): FaultAction => ({
  kind: 'status',
  status: code,
  headers,
});

describe('Retry-After on a layer [B08]', () => {
  it.each([
    '3600',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'Fri, 31 Dec 9999 23:59:59 GMT',
    'soon',
    '-5',
    '99999999999999999999',
  ])('of %s never makes it wait more than a minute, nor two in all', async (value) => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, action: status(503, { 'retry-after': value }) });
    const { runtime, pauses } = recordingRuntime();
    const { error } = await tryPull(scene.name, { runtime, store: await openStore('memory') });
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED', attempts: [{ error: { status: 503 } }] });
    expect(Math.max(...pauses)).toBeLessThanOrEqual(60_000);
    // Reading an error's text has its own second.
    expect(pauses.filter((ms) => ms !== 1000).reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(120_000);
    expect(scene.ranges().length).toBeLessThanOrEqual(5);
  });

  it('lets an abort end the wait at once', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, action: status(429, { 'retry-after': '3600' }) });
    const controller = new AbortController();
    // Only the signal can end a wait by this clock.
    const sleep: Clock['sleep'] = async (_, options) => {
      setImmediate(() => controller.abort('enough'));
      await systemClock.sleep(2 ** 31 - 1, options);
    };
    const runtime = createNodeRuntime({ platform: amd64, clock: { ...systemClock, sleep } });
    onTestFinished(() => runtime.close());
    const { error } = await tryPull(scene.name, {
      runtime,
      signal: controller.signal,
      store: await openStore('memory'),
    });
    expect(error).toBe('enough');
  });
});

describe('a server that hangs up all the time [B09]', () => {
  it('with one byte a connection is asked five times, each time from where it stopped', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, action: { kind: 'cut', afterBytes: 1 } });
    const { runtime, pauses } = recordingRuntime();
    const { error, events } = await tryPull(scene.name, { runtime, store: await openStore('memory') });
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED', attempts: [{ error: { phase: 'body' } }] });
    expect(scene.ranges()).toEqual([undefined, 'bytes=1-', 'bytes=2-', 'bytes=3-', 'bytes=4-']);
    expect(retryOffsets(events)).toEqual([1, 2, 3, 4]);
    expect(pauses).toHaveLength(4);
    pauses.forEach((pause, at) => {
      expect(pause).toBeGreaterThanOrEqual(250 * 2 ** at);
      expect(pause).toBeLessThanOrEqual(500 * 2 ** at);
    });
  });

  it('is asked for as long as each connection brings a tenth', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, action: { kind: 'cut', afterBytes: 31_000 } });
    const { error, events } = await tryPull(scene.name, { store: await openStore('memory') });
    expect(error).toBeUndefined();
    expect(retryOffsets(events)).toHaveLength(9);
  });

  it('is asked twenty times and no more, whatever it brings', async () => {
    const scene = await startScene({ bytes: 24 * 1024 * 1024 });
    scene.registry.fault({ path: scene.path, action: { kind: 'cut', afterBytes: 1024 * 1024 } });
    const { error } = await tryPull(scene.name, { store: await openStore('memory') });
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED' });
    expect(scene.ranges()).toHaveLength(20);
  });

  it('tells the reader why, when and from where it is asked again', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, times: 1, action: { kind: 'cut', afterBytes: 100_000 } });
    const { events } = await tryPull(scene.name, { store: await openStore('memory') });
    const retries = events.filter(({ type }) => type === 'retry');
    expect(retries).toMatchObject([
      { descriptor: scene.layer, offset: 100_000, error: { code: 'ERR_TRANSPORT', phase: 'body' } },
    ]);
  });
});

describe('a layer that is answered with [B10]', () => {
  it.each([400, 401, 403, 404, 405, 410, 451, 501])('%d is asked for once', async (code) => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, action: status(code) });
    const { error, events } = await tryPull(scene.name, { store: await openStore('memory') });
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED', attempts: [{ error: { status: code } }] });
    expect(scene.ranges()).toHaveLength(1);
    expect(retryOffsets(events)).toEqual([]);
  });

  it.each([408, 429, 500, 502, 503, 504])('%d is asked for five times by the one owner of retries', async (code) => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, action: status(code) });
    const { error, events } = await tryPull(scene.name, { store: await openStore('memory') });
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED', attempts: [{ error: { status: code } }] });
    expect(scene.ranges()).toHaveLength(5);
    expect(retryOffsets(events)).toEqual([]);
  });

  it('other bytes is asked for twice', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, action: { kind: 'flip', offset: 0 } });
    const { error } = await tryPull(scene.name, { store: await openStore('memory') });
    expect(error).toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    expect(scene.ranges()).toHaveLength(2);
  });
});

const redirect = (location: string): FaultAction => ({ kind: 'redirect', location });

describe('a redirect of a layer [B11]', () => {
  it.each<[string, (self: string) => FaultAction, string]>([
    ['to itself', (self) => redirect(self), 'ERR_PULL_FAILED'],
    ['in a loop', (self) => redirect(`${self}?again`), 'ERR_PULL_FAILED'],
    ['to a file', () => redirect('file:///etc/passwd'), 'ERR_PULL_FAILED'],
    ['to data', () => redirect('data:text/plain,hello'), 'ERR_PULL_FAILED'],
    ['to ftp', () => redirect('ftp://127.0.0.1/blob'), 'ERR_PULL_FAILED'],
    ['to javascript', () => redirect('javascript:alert(1)'), 'ERR_PULL_FAILED'],
    ['to a unix socket', () => redirect('unix:/run/docker.sock'), 'ERR_PULL_FAILED'],
    ['to a host that is none', () => redirect('http://[::bad/'), 'ERR_PULL_FAILED'],
    ['to no host', () => redirect('http://'), 'ERR_PULL_FAILED'],
    ['to cloud metadata', () => redirect('http://169.254.169.254/latest'), 'ERR_PULL_FAILED'],
    ['with user info', () => redirect('http://user@127.0.0.1:1/'), 'ERR_PULL_FAILED'],
    ['without Location', () => status(307), 'ERR_PULL_FAILED'],
    ['to 2 MB of text', () => redirect(`/${'x'.repeat(2_000_000)}`), 'ERR_PULL_FAILED'],
    ['as 304', () => status(304), 'ERR_PULL_FAILED'],
    ['as 300', () => status(300, { location: '/' }), 'ERR_PULL_FAILED'],
  ])('%s ends the pull after a few requests', async (_, action, code) => {
    const scene = await startScene();
    const self = `${scene.registry.origin}/v2/team/app/blobs/${scene.layer.digest}`;
    scene.registry.fault({ path: scene.path, action: action(self) });
    const store = await openStore('memory');
    const { error } = await tryPull(scene.name, { store });
    expect(error).toMatchObject({ code });
    expect(scene.ranges().length).toBeLessThanOrEqual(6);
    expect(await store.resolve(scene.name)).toBeUndefined();
  });

  it.each([1, 5, 6, 50])('of %d hops is followed up to five', async (hops) => {
    const scene = await startScene();
    const relative = `./${scene.layer.digest}`;
    scene.registry.fault({ path: scene.path, times: hops, action: redirect(relative) });
    const { error } = await tryPull(scene.name, { store: await openStore('memory') });
    expect(error === undefined).toBe(hops <= 5);
    expect(scene.ranges()).toHaveLength(Math.min(hops, 5) + 1);
  });

  it.each([401, 403])(
    'whose signed URL has run out (%d) at a resume is asked for anew at the registry',
    async (code) => {
      const scene = await startScene();
      const bytes = scene.image.blobs.get(scene.layer.digest) ?? new Uint8Array();
      const asked: { url: string; range: string | undefined; authorization: string | undefined }[] = [];
      const storage = createServer(({ url = '', headers }, response) => {
        asked.push({ url, range: headers.range, authorization: headers.authorization });
        if (asked.length === 2) return void response.writeHead(code).end();
        const start = Number(/=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
        const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
        response.writeHead(start > 0 ? 206 : 200, { 'content-range': range, 'content-length': bytes.length - start });
        if (asked.length > 1) return void response.end(bytes.subarray(start));
        response.write(bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
      }).listen(0, '127.0.0.1');
      await once(storage, 'listening');
      onTestFinished(() => void storage.close().closeAllConnections());
      const { port } = storage.address() as AddressInfo;
      const signature = canary('signed-query', [`http://127.0.0.1:${port}`]);
      scene.registry.fault({ path: scene.path, action: redirect(`http://127.0.0.1:${port}/blob?sig=${signature}`) });
      const { error } = await tryPull(scene.name, { store: await openStore('memory') });
      expect(error).toBeUndefined();
      const rest = `bytes=100000-`;
      expect(asked.map(({ range }) => range)).toEqual([undefined, rest, rest]);
      expect(scene.ranges()).toEqual([undefined, rest, rest]);
      expect(asked.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined]);
    },
  );
});

describe('a token that is taken no more in mid-layer [A24]', () => {
  const start = async (cuts: number) => {
    const password = canary('password');
    const auth = { 'team/': { type: 'bearer', accounts: [{ username: 'u', password }] } } as const;
    const scene = await startScene({ auth });
    // Between two that are cut is the one that is turned away with the old token.
    for (let cut = 0; cut < cuts; cut += 1)
      scene.registry.fault({
        path: scene.path,
        nth: 2 * cut + 1,
        times: 1,
        action: { kind: 'cut', afterBytes: 50_000 },
      });
    const tokens = (): number => scene.registry.requests.filter(({ url }) => url.startsWith('/token')).length;
    // The pause after a cut is at most half a second, and then the token is worth nothing any more.
    const sleep = async (ms: number): Promise<void> => void (ms <= 500 && scene.registry.revokeTokens());
    const runtime = createNodeRuntime({ platform: amd64, clock: { ...systemClock, sleep } });
    onTestFinished(() => runtime.close());
    return { ...scene, runtime, tokens, keyring: createKeyring([entryFor(scene.registry.host, password)]) };
  };

  it.each([1, 2])('is replaced %d times, and the layer goes on from the same offset', async (cuts) => {
    const { name, keyring, tokens, ranges, runtime } = await start(cuts);
    const store = await openStore('memory');
    const { error } = await tryPull(name, { store, keyring, runtime });
    expect(error).toBeUndefined();
    expect(tokens()).toBe(1 + cuts);
    // Each resume is asked for with the old token, and then with the new one.
    const resumes = Array.from({ length: cuts }, (_, at) => `bytes=${50_000 * (at + 1)}-`);
    expect(ranges()).toEqual([undefined, ...resumes.flatMap((range) => [range, range])]);
  });

  it('is replaced twice for one blob and no more', async () => {
    const { name, keyring, tokens, layer, runtime } = await start(3);
    const store = await openStore('memory');
    const { error } = await tryPull(name, { store, keyring, runtime });
    expect(error).toMatchObject({ attempts: [{ error: { status: 401 }, blobs: [{ descriptor: layer }] }] });
    expect(tokens()).toBe(3);
  });
});
