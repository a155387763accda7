// Every long operation that takes a signal is aborted at each step of what it uses: a request, a piece of a body, a call of a store,
// of the disk or of a plugin. It rejects with the reason given, and leaves nothing open (I5).
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { createRegistrySession, createRegistryStore } from 'kubepull/distribution';
import { createImageCollector } from 'kubepull/image-gc';
import { createImageManager, prepullImages } from 'kubepull/image-manager';
import { createPullerImageService } from 'kubepull/image-service';
import {
  createExecPlugin,
  createNodeRuntime,
  loadImageArchive,
  nodeFileSystem,
  nodeHasher,
  openOciLayout,
  openPulledRecords,
  writeOciArchive,
} from 'kubepull/node';
import { pinImages, type ResolveDigest } from 'kubepull/pin';
import { preflight } from 'kubepull/preflight';
import { createDownloadPool, pullImage } from 'kubepull/puller';
import { parseReference } from 'kubepull/reference';
import { copyImage, createMemoryStore, writeContent, type ImageStore } from 'kubepull/store';
import { buildImage, buildIndex, type LoopbackRegistry } from 'kubepull/testing';
import { countFor, measureFor, proofRuns } from '../support/figures.ts';
import { assertInvariants, countingSignal, startWatch } from '../support/invariants.ts';
import { startRegistry } from '../support/registry.ts';
import { chooseEvenly } from '../support/sweeps.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Steps of each operation at which it is aborted, at most. */
const PLACES = proofRuns({ fast: 8, full: 61 });

/** A time that is longer than this is taken again, so many times at most. */
const GOAL_MS = 100;
const TRIES = proofRuns({ fast: 1, full: 8 });

const platform = { os: 'linux', architecture: 'amd64' } as const;
const image = buildImage({
  platform,
  layers: [1, 2, 3].map((seed) => ({ randomBytes: 200_000, seed: String(seed) })),
});
const index = buildIndex([image]);

/** What is passed before and after each step. */
type Pass = () => void;

/** The same plug; each call of it that takes time is a step, and so is each piece of what it gives. */
function watched<T extends object>(plug: T, pass: Pass): T {
  const wrap = (value: unknown): unknown => {
    if (value instanceof Promise) return step(value);
    if (typeof value === 'function' || (typeof value === 'object' && value !== null && isPlug(value)))
      return watched(value, pass);
    return value;
  };
  const step = async (under: Promise<unknown>): Promise<unknown> => {
    pass();
    const result = await under;
    pass();
    return wrap(result);
  };
  return new Proxy(plug, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function'
        ? (...args: readonly unknown[]) => wrap(Reflect.apply(value, target, args))
        : key === 'body'
          ? wrap(value)
          : value;
    },
    apply: (target, self, args) => wrap(Reflect.apply(target as never, self, args)),
  });
}

/** What has calls of its own: a writer, a file, an answer, an iterator. */
function isPlug(value: object): boolean {
  const calls = ['write', 'close', 'next', 'discard', 'read', Symbol.asyncIterator];
  return calls.some((call) => call in value) && !ArrayBuffer.isView(value);
}

/** What operations share; each makes anew what it changes. */
interface Scene {
  readonly registry: LoopbackRegistry;
  readonly name: string;
  readonly runtime: ReturnType<typeof createNodeRuntime>;
  readonly pass: Pass;
  readonly signal: AbortSignal;
  /** An empty directory. */
  readonly directory: string;
}

const memoryStore = () => createMemoryStore({ createHasher: nodeHasher });

async function fill(store: ImageStore, name: string): Promise<void> {
  for (const { descriptor, bytes } of index.contents) await writeContent(store, descriptor, bytes);
  await store.tag(name, image.descriptor);
}

function watchedRuntime({ runtime, pass }: Scene) {
  return { ...runtime, transport: watched(runtime.transport, pass), carrier: undefined };
}

function sessionOf(scene: Scene) {
  const { transport } = watchedRuntime(scene);
  return createRegistrySession({ transport, origin: scene.registry.origin, createHasher: nodeHasher });
}

function serviceOf(scene: Scene, store = memoryStore()) {
  const { registry, pass } = scene;
  return createPullerImageService({
    runtime: watchedRuntime(scene),
    store: watched(store, pass),
    plainHttp: [registry.host],
    downloads: createDownloadPool(),
    garbageGraceMs: 0,
  });
}

const podOf = (name: string) => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'u' },
  spec: { containers: [{ name: 'app', image: name }] },
});

const plugins = parseCredentialProviderConfig({
  apiVersion: 'kubelet.config.k8s.io/v1',
  kind: 'CredentialProviderConfig',
  providers: [
    {
      name: 'plugin',
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      matchImages: ['127.0.0.1'],
      defaultCacheDuration: '1m',
    },
  ],
});

/** Prepares an operation, and gives what starts it. */
type Prepare = (scene: Scene) => Promise<() => Promise<unknown>>;

const OPERATIONS: Readonly<Record<string, Prepare>> = {
  'pullImage into memory': async (scene) => {
    const { name, registry, pass, signal } = scene;
    const store = watched(memoryStore(), pass);
    return () => pullImage(name, { runtime: watchedRuntime(scene), store, plainHttp: [registry.host], signal });
  },
  'pullImage into a layout': async (scene) => {
    const { name, registry, pass, signal, directory } = scene;
    const store = await openOciLayout(directory, { fs: watched(nodeFileSystem, pass) });
    return () => pullImage(name, { runtime: watchedRuntime(scene), store, plainHttp: [registry.host], signal });
  },
  ensureContainerImage: async (scene) => {
    const { name, pass, signal, directory } = scene;
    const exec = async () => {
      await setImmediate();
      throw new Error('no credentials here');
    };
    const manager = createImageManager({
      images: serviceOf(scene),
      createHasher: nodeHasher,
      keyring: createCredentialProviderKeyring(plugins, { exec: watched(exec, pass) }),
      records: watched(await openPulledRecords(directory), pass),
    });
    return () => manager.ensureContainerImage({ pod: podOf(name), container: 'app', signal });
  },
  prepullImages: async (scene) => {
    const images = serviceOf(scene);
    return () => prepullImages([scene.name, `${scene.name}-absent`], { images, signal: scene.signal });
  },
  preflight: async (scene) => {
    const { name, registry, signal } = scene;
    const items = [name, `${name}-absent`, `${registry.host}/team/other:1`].map((one, at) => ({
      kind: 'Pod',
      ...podOf(one),
      metadata: { name: `p${at}`, namespace: 'shop' },
    }));
    const options = { runtime: watchedRuntime(scene), plainHttp: [registry.host], signal };
    return () => preflight({ kind: 'List', items }, options);
  },
  'copyImage from a registry into a layout': async (scene) => {
    const { name, signal, pass, directory } = scene;
    const session = sessionOf(scene);
    const to = await openOciLayout(directory, { fs: watched(nodeFileSystem, pass) });
    return () => copyImage(createRegistryStore(session, parseReference(name)), name, to, { signal });
  },
  'copyImage from a store into a registry': async (scene) => {
    const { name, registry, signal, pass, directory } = scene;
    const session = sessionOf(scene);
    const from = memoryStore();
    await fill(from, name);
    const as = `${registry.host}/copies/${directory.slice(directory.lastIndexOf('/') + 1).toLowerCase()}:1`;
    return () => copyImage(watched(from, pass), name, createRegistryStore(session, parseReference(as)), { as, signal });
  },
  pinImages: async (scene) => {
    const { name, signal } = scene;
    const session = sessionOf(scene);
    const from = createRegistryStore(session, parseReference(name));
    const resolve: ResolveDigest = async (_, call) => (await from.resolve(name, call))?.digest;
    return () => pinImages(podOf(name), resolve, { signal });
  },
  'collect of an image collector': async (scene) => {
    const store = memoryStore();
    await fill(store, scene.name);
    let now = 0;
    const collector = createImageCollector({
      images: serviceOf(scene, store),
      clock: { now: Date.now, monotonic: () => (now += 1e7) },
      diskRoom: () => ({ capacityBytes: 100, availableBytes: 0 }),
      imagesInUse: () => [],
    });
    await collector.observe();
    return () => collector.collect({ signal: scene.signal });
  },
  'collectGarbage of a layout': async ({ directory, name, pass, signal }) => {
    const store = await openOciLayout(directory, { fs: watched(nodeFileSystem, pass) });
    await fill(store, name);
    return () => store.collectGarbage({ graceMs: 0, signal });
  },
  'writeContent and tag of a layout': async ({ directory, name, pass, signal }) => {
    const store = await openOciLayout(directory, { fs: watched(nodeFileSystem, pass) });
    return async () => {
      for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes, { signal });
      await store.tag(name, image.descriptor, { signal });
    };
  },
  'openOciLayout of a new layout': async ({ directory, pass, signal }) => {
    return () => openOciLayout(join(directory, 'new'), { fs: watched(nodeFileSystem, pass), signal });
  },
  writeOciArchive: async ({ name, pass, signal, directory }) => {
    const store = memoryStore();
    await fill(store, name);
    return () => writeOciArchive(watched(store, pass), [name], join(directory, 'a.tar'), { signal });
  },
  loadImageArchive: async ({ name, pass, signal, directory }) => {
    const from = memoryStore();
    await fill(from, name);
    await writeOciArchive(from, [name], join(directory, 'a.tar'));
    return () => loadImageArchive(join(directory, 'a.tar'), watched(memoryStore(), pass), { signal });
  },
};

/** Runs an operation, aborted at a step; how many there were, and what it came to. */
async function runAborted(prepare: Prepare, base: Omit<Scene, 'pass' | 'signal' | 'directory'>, place: number) {
  const counting = countingSignal();
  const reason = new Error('enough');
  const steps = { passed: 0, isOn: false };
  let abortedAt: number | undefined;
  const pass = (): void => {
    if (!steps.isOn) return;
    if (steps.passed === place) {
      abortedAt = performance.now();
      counting.abort(reason);
    }
    steps.passed += 1;
  };
  const start = await prepare({ ...base, pass, signal: counting.signal, directory: tempDir().path });
  steps.isOn = true;
  const outcome = await start().then(
    () => 'done',
    (error: unknown) => error,
  );
  const ms = abortedAt === undefined ? 0 : performance.now() - abortedAt;
  steps.isOn = false;
  await setImmediate();
  return { steps: steps.passed, outcome, reason, ms, listeners: counting.listeners, aborted: abortedAt !== undefined };
}

describe('an abort at every step [B14]', () => {
  it.each(Object.entries(OPERATIONS))('of %s [I5]', async (what, prepare) => {
    const watch = startWatch();
    const registry = await startRegistry();
    registry.push('team/app', '1', index);
    const runtime = createNodeRuntime({ platform, workers: 0 });
    onTestFinished(() => runtime.close());
    const base = { registry, runtime, name: `${registry.host}/team/app:1` };
    const clean = await runAborted(prepare, base, -1);
    expect(clean.outcome).toBe('done');
    expect(clean.steps).toBeGreaterThan(1);
    const all = Array.from({ length: clean.steps }, (_, at) => at);
    const places = all.length > PLACES ? chooseEvenly(all, PLACES, Number(process.env['KUBEPULL_TEST_SEED'])) : all;
    let rejected = 0;
    for (const place of places) {
      const { outcome, reason, ms, listeners, aborted } = await runAborted(prepare, base, place);
      // What had been done by then may be told as done.
      if (outcome === reason) rejected += 1;
      else expect([what, place, aborted, outcome]).toEqual([what, place, aborted, 'done']);
      expect(listeners, `listeners left after the abort at ${place}`).toBe(0);
      let least = ms;
      // What else the machine does makes a time longer, and never shorter.
      for (let tries = 1; tries < TRIES && least > GOAL_MS; tries += 1)
        least = Math.min(least, (await runAborted(prepare, base, place)).ms);
      measureFor('time from an abort to the end of what it aborted', least);
    }
    expect(rejected).toBeGreaterThan(places.length / 2);
    countFor('aborts of operations, each at a step of its own', places.length);
    await assertInvariants({ closeables: [runtime], registries: [registry], watch });
  });
});

describe('an abort of an exec plugin', () => {
  it('ends the plugin and what it has started, and rejects with the reason [X04 I5]', async () => {
    const { path } = tempDir();
    const binDir = join(path, 'plugins');
    mkdirSync(binDir);
    writeFileSync(join(binDir, 'hangs'), '#!/bin/sh\necho $$ > "$1.new"; mv "$1.new" "$1"; sleep 600 & wait\n');
    chmodSync(join(binDir, 'hangs'), 0o755);
    const exec = createExecPlugin({ binDir });
    for (let round = 0; round < PLACES; round += 1) {
      const watch = countingSignal();
      const file = join(path, `pid-${round}`);
      const reason = new Error('enough');
      const call = { provider: 'hangs', args: [file], env: [], stdin: () => '{}\n' };
      const running = exec(call, { signal: watch.signal });
      running.catch(() => undefined);
      // Some are aborted before the program has begun.
      if (round % 2 === 0) await expect.poll(() => existsSync(file), { timeout: 60_000, interval: 5 }).toBe(true);
      else for (let turn = 0; turn < round; turn += 1) await setImmediate();
      const abortedAt = performance.now();
      watch.abort(reason);
      await expect(running).rejects.toBe(reason);
      measureFor('time from an abort to the end of what it aborted', performance.now() - abortedAt);
      expect(watch.listeners).toBe(0);
      if (round % 2 > 0) continue;
      const pid = Number(readFileSync(file, 'utf8'));
      expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    }
    countFor('aborts of operations, each at a step of its own', PLACES);
  });
});
