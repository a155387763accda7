// Run by proof/soak.test.ts in a process of its own, bundled, with the garbage collector exposed: pulls with sixteen workers for
// some time, and says what became of the pulls and of the process.
import { createHash } from 'node:crypto';
import { getEventListeners, setMaxListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from 'kubepull/clock';
import { createSecret } from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import { createKeyring } from 'kubepull/keyring';
import { createNodeRuntime, nodeHasher, openOciLayout } from 'kubepull/node';
import { parseImageManifest } from 'kubepull/oci';
import { createDownloadPool, pullImage } from 'kubepull/puller';
import { createMemoryStore, type ManagedStore } from 'kubepull/store';
import { randomFrom } from './sweeps.ts';

interface Orders {
  readonly host: string;
  readonly images: readonly { readonly name: string; readonly digest: string }[];
  readonly password: string;
  readonly directory: string;
  readonly seconds: number;
  readonly seed: number;
  /** Whether layers go from sockets into files, without the transport. */
  readonly carries: boolean;
}

const { host, images, password, directory, seconds, seed, carries } = JSON.parse(await text(process.stdin)) as Orders;
const WORKERS = 16;
const PULLS_PER_LAYOUT = 100;
const random = randomFrom(seed);
const told = {
  pulled: 0,
  wrong: 0,
  failed: {} as Record<string, number>,
  untyped: [] as string[],
  unhandled: [] as string[],
  aborted: 0,
  wrongReasons: 0,
};
for (const event of ['unhandledRejection', 'uncaughtException'] as const)
  process.on(event, (error: unknown) => void told.unhandled.push(String(error)));

const credentialOf = (secret: string) => ({
  username: 'u',
  password: createSecret(secret),
  identityToken: undefined,
  registryToken: undefined,
  email: undefined,
});
const keyringOf = (secret: string) =>
  createKeyring([{ pattern: host, credential: credentialOf(secret), source: { kind: 'inline' } }]);
const [right, wrong] = [keyringOf(password), keyringOf('not the password of anybody')];

/** Layouts are put away with all that is in them, so that there is always something to bring. */
function createLayouts() {
  let count = 0;
  let current:
    { readonly path: string; readonly store: Promise<ManagedStore>; taken: number; users: number } | undefined;
  return async (use: (store: ManagedStore) => Promise<void>): Promise<void> => {
    if (current === undefined || current.taken === PULLS_PER_LAYOUT) {
      const path = join(directory, `${process.pid}-${(count += 1)}`);
      current = { path, store: openOciLayout(path), taken: 0, users: 0 };
    }
    const mine = current;
    mine.taken += 1;
    mine.users += 1;
    try {
      await use(await mine.store);
    } finally {
      mine.users -= 1;
      if (mine.users === 0 && mine.taken === PULLS_PER_LAYOUT) await rm(mine.path, { recursive: true, force: true });
    }
  };
}

async function readAll(store: ManagedStore, descriptor: Parameters<ManagedStore['read']>[0]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.read(descriptor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** How many contents of a pulled image are not what the registry has. */
async function countWrong(store: ManagedStore, name: string, digest: string): Promise<number> {
  const root = await store.resolve(name);
  if (root?.digest !== digest) return 1;
  const document = await readAll(store, root);
  const { config, layers } = parseImageManifest(document, { mediaType: root.mediaType });
  let count = 0;
  for (const descriptor of [root, config, ...layers]) {
    const hash = createHash('sha256')
      .update(await readAll(store, descriptor))
      .digest('hex');
    if (`sha256:${hash}` !== descriptor.digest) count += 1;
  }
  return count;
}

/** What all pulls listen to that nobody leaves: each adds one listener, and takes it away. */
const stop = new AbortController();
setMaxListeners(0, stop.signal);
// Pauses are shorter, so that more is tried.
const clock: typeof systemClock = { ...systemClock, sleep: (ms, options) => systemClock.sleep(ms / 50, options) };

async function soak(): Promise<void> {
  const runtime = createNodeRuntime({
    platform: { os: 'linux', architecture: 'amd64' },
    clock,
    proxy: 'none',
    ...(carries ? { workers: 0, minCarriedBytes: 10_000 } : {}),
  });
  const downloads = createDownloadPool({ maxParallelDownloads: 12 });
  const shared = await openOciLayout(join(directory, 'shared'));
  const layouts = createLayouts();
  const pull = async (store: ManagedStore): Promise<void> => {
    const image = images[Math.floor(random() * images.length)] ?? { name: '', digest: '' };
    const leaver = random() < 0.03 ? new AbortController() : undefined;
    const reason = new Error('left');
    if (leaver !== undefined) setTimeout(() => leaver.abort(reason), random() * 30);
    const keyring = random() < 0.02 ? wrong : right;
    const signal = leaver?.signal ?? stop.signal;
    try {
      const pulled = await pullImage(`${host}/${image.name}:1`, {
        runtime,
        store,
        keyring,
        plainHttp: [host],
        downloads,
        signal,
      });
      told.pulled += 1;
      told.wrong += await countWrong(store, pulled.name, image.digest);
    } catch (error) {
      if (leaver?.signal.aborted === true) {
        told.aborted += 1;
        if (error !== reason) told.wrongReasons += 1;
      } else if (isImageError(error)) told.failed[error.code] = (told.failed[error.code] ?? 0) + 1;
      else told.untyped.push(String(error));
    }
  };
  const end = performance.now() + seconds * 1000;
  const work = async (_: unknown, at: number): Promise<void> => {
    while (performance.now() < end) {
      if (at % 2 === 0) await pull(createMemoryStore({ createHasher: nodeHasher }));
      else if (at === 1) await pull(shared);
      else await layouts(pull);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  await shared.close();
  await runtime.close();
}

const openNow = () => ({
  fds: readdirSync('/proc/self/fd').length,
  resources: process.getActiveResourcesInfo().length,
});

/** Memory by the minute, in MiB; of what is in use, not of what is garbage. */
const samples: (readonly [minutes: number, rss: number, heap: number])[] = [];
const delays = monitorEventLoopDelay({ resolution: 10 });
const before = openNow();
const started = performance.now();
const sampler = setInterval(
  () => {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    samples.push([(performance.now() - started) / 60_000, rss / 1_048_576, heapUsed / 1_048_576]);
  },
  Math.max(1000, seconds * 10),
);
setTimeout(() => delays.enable(), (seconds * 1000) / 10);
await soak();
delays.disable();
clearInterval(sampler);
// What is closed is gone a moment later.
for (let tries = 0; tries < 100 && openNow().fds > before.fds; tries += 1) await sleep(50);
const after = openNow();
console.log(
  JSON.stringify({
    ...told,
    samples,
    delayP99Ms: delays.percentile(99) / 1e6,
    delayMaxMs: delays.max / 1e6,
    moreFds: after.fds - before.fds,
    moreResources: after.resources - before.resources,
    listeners: getEventListeners(stop.signal, 'abort').length,
  }),
);
