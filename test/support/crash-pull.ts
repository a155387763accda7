// Pulls of an image of three layers into a layout on a disk in memory, for the sweeps of kills, power cuts and faults.
import { setImmediate } from 'node:timers/promises';
import { type Clock, systemClock } from 'kubepull/clock';
import { type LayoutOwner, nodeHasher, type OciLayout, openOciLayout } from 'kubepull/node';
import { pullImage, type PullRuntime } from 'kubepull/puller';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import type { CrashDisk } from './crash-fs.ts';
import { layoutFaults } from './layout-check.ts';
import { createMemoryTransport } from './memory-transport.ts';

export const ROOT = '/srv/layout';
export const NAME = 'r.example/team/app:1';

const platform = { os: 'linux', architecture: 'amd64' } as const;
const image = buildImage({
  platform,
  layers: [
    { randomBytes: 150_000, seed: 'first' },
    { randomBytes: 5000, seed: 'second' },
    { files: { motd: 'hello' } },
  ],
});
const old = buildImage({ layers: [{ files: { motd: 'old' } }] });

/** Calls after which the disk is as it was before. */
export const LOOKS: readonly string[] = ['realpath', 'open', 'lstat', 'fstat', 'read', 'readdir'];

/** By this clock a sleep takes as long as it should, and nobody has to wait for it. */
export function createBriskClock(): Clock {
  let now = 0;
  return {
    now: systemClock.now,
    monotonic: () => now,
    async sleep(ms, { signal } = {}) {
      await setImmediate();
      signal?.throwIfAborted();
      now += ms;
    },
  };
}

/** No id is given twice, whoever asks. */
let ids = 0;

/** Owners that only have an id, and end when the test says so. One that does not attend has given up what it has there. */
export function createProcesses(): { start(): LayoutOwner; endAll(): void } {
  const attending = new Map<string, number>();
  return {
    start() {
      const id = String((ids += 1));
      let tokens = 0;
      return {
        createToken: () => `${'0'.repeat(16)}-${id}-1-${String((tokens += 1)).padStart(36, '0')}`,
        stateOf: async (token) => ((attending.get(token.split('-')[1] ?? '') ?? 0) > 0 ? 'alive' : 'dead'),
        async attend() {
          attending.set(id, (attending.get(id) ?? 0) + 1);
          return async () => void attending.set(id, (attending.get(id) ?? 0) - 1);
        },
      };
    },
    endAll: () => attending.clear(),
  };
}

/** What programs were told to be done, which has to last. */
export interface Promised {
  opened: boolean;
  readonly names: Map<string, string>;
}

const noPromise = (): Promised => ({ opened: false, names: new Map() });

/** A registry without a network, whose bodies come in pieces. */
function createRuntime(): PullRuntime {
  const { transport } = createMemoryTransport(({ url }) => {
    const digest = url.slice(url.lastIndexOf('/') + 1);
    const isManifest = url.includes('/manifests/');
    const bytes = isManifest ? image.blobs.get(image.descriptor.digest) : image.blobs.get(digest as never);
    return {
      body: piecesOf(bytes ?? new Uint8Array()),
      headers: isManifest ? { 'content-type': image.descriptor.mediaType } : {},
    };
  });
  return { transport, createHasher: nodeHasher, platform, clock: createBriskClock() };
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 40_000) yield bytes.slice(at, at + 40_000);
}

export type Mount = ReturnType<CrashDisk['mount']>;

/** What one process does: it pulls the image, gives it a name of its own, takes one away, and collects. */
export async function pullInto(fs: Mount, owner: LayoutOwner, own: string, promised: Promised): Promise<void> {
  const store = await openOciLayout(ROOT, { fs, owner, clock: createBriskClock() });
  promised.opened = true;
  await pullWith(store, own, promised);
}

/** The same, with a store that is open already. */
export async function pullWith(store: OciLayout, own: string, promised: Promised): Promise<void> {
  const { name } = await pullImage(NAME, { runtime: createRuntime(), store });
  promised.names.set(name, image.descriptor.digest);
  await store.tag(own, image.descriptor);
  promised.names.set(own, image.descriptor.digest);
  await store.untag('removed');
  // Others may be at work: what is young is spared.
  await store.collectGarbage();
}

export const STARTS = ['a new layout', 'a half-filled layout', 'a full layout'] as const;

/** A disk as it is before a pull, and what was promised by then. */
export async function prepareDisk(
  kind: (typeof STARTS)[number],
  disk: CrashDisk,
): Promise<{ readonly disk: CrashDisk; readonly promised: Promised }> {
  const promised = noPromise();
  const running = createProcesses();
  if (kind === 'a new layout') return { disk, promised };
  const store = await openOciLayout(ROOT, { fs: disk.mount(), owner: running.start(), clock: createBriskClock() });
  for (const { descriptor, bytes } of old.contents) await writeContent(store, descriptor, bytes);
  for (const name of ['old', 'removed']) await store.tag(name, old.descriptor);
  promised.opened = true;
  promised.names.set('old', old.descriptor.digest);
  if (kind === 'a full layout') await pullInto(disk.mount(), running.start(), 'before', promised);
  else {
    // A pull that was killed as it had brought two of three layers, and a part of one is left.
    let writes = 0;
    const fs = disk.mount(({ operation, path }) =>
      operation === 'write' && path.includes('sha256-') && (writes += 1) === 4 ? 'kill' : undefined,
    );
    await pullInto(fs, running.start(), 'before', noPromise()).catch(() => undefined);
  }
  disk.losePower('everything', () => 0);
  return { disk, promised };
}

function refsOf(disk: CrashDisk): ReadonlyMap<string, string> {
  const { manifests } = JSON.parse(Buffer.from(disk.files(ROOT).read('index.json')).toString()) as {
    manifests: { digest: string; annotations: Record<string, string> }[];
  };
  return new Map(
    manifests.map(({ digest, annotations }) => [annotations['org.opencontainers.image.ref.name'] ?? '', digest]),
  );
}

/** What is wrong with the layout as it stands: not valid, or without what was promised. Before that it need not be there. */
export function violationsOf(disk: CrashDisk, { opened, names }: Promised): readonly string[] {
  const files = disk.files(ROOT);
  let found: readonly string[] = [];
  try {
    found = files.list('.').map(({ name }) => name);
  } catch {
    // Not even the directory is there.
  }
  if (!opened && !found.includes('oci-layout'))
    return found.includes('blobs') && files.list('blobs').length > 0 ? ['blobs without a layout'] : [];
  const faults = layoutFaults(files, { allowTemps: true });
  if (faults.length > 0) return faults;
  const refs = refsOf(disk);
  return [...names].flatMap(([name, digest]) => (refs.get(name) === digest ? [] : [`${name} is lost`]));
}

/** What is wrong after another process has opened the layout, and after it has pulled there. */
export async function recoveryFaults(
  disk: CrashDisk,
  owner: LayoutOwner,
  promised: Promised,
): Promise<readonly string[]> {
  await openOciLayout(ROOT, { fs: disk.mount(), owner, clock: createBriskClock() });
  const leftOver = layoutFaults(disk.files(ROOT));
  const all = { opened: true, names: new Map(promised.names) };
  await pullInto(disk.mount(), owner, 'after', all);
  return [...leftOver, ...layoutFaults(disk.files(ROOT), { allowPartials: false }), ...violationsOf(disk, all)];
}
