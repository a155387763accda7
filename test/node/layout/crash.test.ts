import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { isImageError } from 'kubepull/errors';
import { type LayoutOwner, nodeHasher, type OciLayout, openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { type Call, type CrashDisk, createCrashDisk, type Fault, type PowerLoss } from '../../support/crash-fs.ts';
import { countFor } from '../../support/figures.ts';
import { layoutFaults } from '../../support/layout-check.ts';
import { amountOf } from '../../support/property-runs.ts';
import { randomFrom, sweepOf } from '../../support/sweeps.ts';

const shared = { files: { 'etc/os-release': 'ID=test\n' } };
const first = buildImage({ layers: [shared, { randomBytes: 300_000, seed: 'a' }] });
const second = buildImage({ layers: [shared, { randomBytes: 1000, seed: 'b' }] });
const ROOT = '/srv/layout';

/** Processes that only have an id, and end when the test says so. */
function processes(): { start(): LayoutOwner; endAll(): void } {
  const alive = new Set<string>();
  let ids = 0;
  return {
    start() {
      const id = String((ids += 1));
      alive.add(id);
      let tokens = 0;
      return {
        createToken: () => `${'0'.repeat(16)}-${id}-1-${String((tokens += 1)).padStart(36, '0')}`,
        stateOf: async (token) => (alive.has(token.split('-')[1] ?? '') ? 'alive' : 'dead'),
      };
    },
    endAll: () => alive.clear(),
  };
}

/** What a program was told to be done, which has to last. */
interface Promised {
  opened: boolean;
  readonly names: Map<string, string>;
}

async function work(store: OciLayout, promised: Promised): Promise<void> {
  for (const [name, image] of [
    ['app:1', first],
    ['app:2', second],
    ['app:1', second],
  ] as const) {
    for (const { descriptor, bytes } of image.contents) {
      if (!(await store.has(descriptor))) await writeContent(store, descriptor, bytes);
    }
    await store.tag(name, image.descriptor);
    promised.names.set(name, image.descriptor.digest);
  }
}

async function pull(
  fs: ReturnType<CrashDisk['mount']>,
  owner: LayoutOwner,
  promised: Promised = { opened: false, names: new Map() },
): Promise<void> {
  const store = await openOciLayout(ROOT, { fs, owner });
  promised.opened = true;
  await work(store, promised);
}

const promise = (): Promised => ({ opened: false, names: new Map() });

const ERRNOS = ['ENOSPC', 'EIO', 'EDQUOT', 'EACCES', 'EROFS', 'EMFILE'];
/** All that a pull asks of a file system. */
const KINDS = [
  'chmod',
  'close',
  'create',
  'fstat',
  'fsync',
  'lstat',
  'mkdir',
  'open',
  'read',
  'readdir',
  'realpath',
  'rename',
  'rmdir',
  'unlink',
  'write',
];

/** Calls after which the disk is as it was before: a kill there is a kill at the call before. */
const LOOKS = ['realpath', 'open', 'lstat', 'fstat', 'read', 'readdir'];

/** Every call of a run in which nothing goes wrong. */
async function traceCalls(): Promise<readonly Call[]> {
  const fs = createCrashDisk().mount();
  await pull(fs, processes().start());
  return fs.calls;
}

async function traceChanges(): Promise<readonly Call[]> {
  return (await traceCalls()).filter(({ operation }) => !LOOKS.includes(operation));
}

/** Fails unless the layout is valid and has all that was promised; before the first promise it need not be there. */
function expectSound(disk: CrashDisk, promised: Promised, where: string): void {
  const files = disk.files(ROOT);
  let names: readonly string[] = [];
  try {
    names = files.list('.').map(({ name }) => name);
  } catch {
    // Not even the directory is there.
  }
  if (!promised.opened && !names.includes('oci-layout')) {
    expect(names.includes('blobs') ? files.list('blobs') : [], where).toEqual([]);
    return;
  }
  expect(layoutFaults(files, { allowTemps: true }), where).toEqual([]);
  const refs = refsOf(disk);
  for (const [name, digest] of promised.names) {
    // A move that was under way may have come through.
    const allowed = name === 'app:1' ? [digest, second.descriptor.digest] : [digest];
    expect(allowed, `${where}: ${name}`).toContain(refs.get(name));
  }
}

function refsOf(disk: CrashDisk): ReadonlyMap<string, string> {
  const { manifests } = JSON.parse(Buffer.from(disk.files(ROOT).read('index.json')).toString()) as {
    manifests: { digest: string; annotations: Record<string, string> }[];
  };
  return new Map(
    manifests.map(({ digest, annotations }) => [annotations['org.opencontainers.image.ref.name'] ?? '', digest]),
  );
}

/** Everything can be done as if nothing had happened, and nothing is left over. */
async function expectRecovery(disk: CrashDisk, owner: LayoutOwner, where: string): Promise<void> {
  await pull(disk.mount(), owner);
  expect(layoutFaults(disk.files(ROOT), { allowPartials: false }), where).toEqual([]);
  expect(Object.fromEntries(refsOf(disk)), where).toEqual({
    'app:1': second.descriptor.digest,
    'app:2': second.descriptor.digest,
  });
}

async function killAt(n: number, how: PowerLoss | undefined, seed = n): Promise<void> {
  const [disk, running, promised] = [createCrashDisk(), processes(), promise()];
  const where = `call ${n}, ${how ?? 'no power loss'}, seed ${seed}`;
  const error: unknown = await pull(
    disk.mount((call) => (call.n === n ? 'kill' : undefined)),
    running.start(),
    promised,
  ).catch((reason: unknown) => reason);
  // A call whose failure is ignored, such as the removal of an empty directory, may be the last.
  if (error !== undefined) expect(error, where).toMatchObject({ code: 'ERR_STORE', errno: 'EKILLED' });
  running.endAll();
  if (how !== undefined) disk.losePower(how, randomFrom(seed));
  expectSound(disk, promised, where);
  await expectRecovery(disk, running.start(), where);
  countFor('kills and power cuts at a call of a layout');
}

/** Returns whether the program noticed. */
async function failAt({ n, operation }: Call, errno: string): Promise<boolean> {
  const [disk, running, promised] = [createCrashDisk(), processes(), promise()];
  const owner = running.start();
  const where = `${operation} (call ${n}) with ${errno}`;
  const fs = disk.mount((call): Fault => (call.n === n ? { errno } : undefined));
  const attempt = async (): Promise<unknown> => {
    const store = await openOciLayout(ROOT, { fs, owner });
    promised.opened = true;
    const error: unknown = await work(store, promised).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expectSound(disk, promised, where);
    // The same store goes on when the trouble is over.
    if (error !== undefined) await work(store, promised);
    return error;
  };
  const error = await attempt().catch((reason: unknown) => reason);
  if (error !== undefined) {
    expect(isImageError(error) && error.code, `${where}: ${inspect(error)}`).toBe('ERR_STORE');
    const retryable = errno === 'EMFILE';
    expect(error, where).toMatchObject({ errno, operation: expect.any(String) as string, retryable });
  }
  const failed = fs.calls[n - 1];
  if (failed?.operation === 'fsync' && failed.path.includes('/ingest/')) {
    const renames = fs.calls.filter((call) => call.operation === 'rename' && call.path === failed.path);
    expect(renames, where).toEqual([]);
  }
  expectSound(disk, promised, where);
  running.endAll();
  await expectRecovery(disk, running.start(), where);
  countFor('calls of a file system that failed');
  return error !== undefined;
}

describe('openOciLayout', () => {
  it('is valid after a kill at any call, and goes on from there [S01]', async () => {
    const changes = await traceChanges();
    expect(changes.length).toBeGreaterThan(100);
    for (const { n } of sweepOf(changes, 12)) await killAt(n, undefined);
  });

  it.each(['nothing', 'everything', 'prefixes', 'subsets'] as const)(
    'is valid after a power cut at any call, when %s of what was not synced outlast [S02]',
    async (how) => {
      const seeds = how === 'prefixes' || how === 'subsets' ? [1, 2] : [1];
      const places = sweepOf(await traceChanges(), 6);
      for (const { n } of places) for (const seed of seeds) await killAt(n, how, n * 100 + seed);
    },
  );

  it('makes last what another program wrote without a sync, before it names it [S02]', async () => {
    const [disk, running] = [createCrashDisk(), processes()];
    const store = await openOciLayout(ROOT, { fs: disk.mount(), owner: running.start() });
    const careless = disk.mount();
    await careless.mkdir(`${ROOT}/blobs/sha256`);
    for (const { descriptor, bytes } of first.contents) {
      const file = await careless.create(`${ROOT}/blobs/${descriptor.digest.replace(':', '/')}`);
      await file.write([bytes], 0);
    }
    await store.tag('app:1', first.descriptor);
    disk.losePower('nothing', randomFrom(1));
    expectSound(disk, { opened: true, names: new Map([['app:1', first.descriptor.digest]]) }, 'power cut');
  });

  it('makes last what a killed process left half done, before it names it [S02]', async () => {
    for (const { n } of sweepOf(await traceChanges(), 8)) {
      const [disk, running, promised] = [createCrashDisk(), processes(), promise()];
      await pull(
        disk.mount((call) => (call.n === n ? 'kill' : undefined)),
        running.start(),
      ).catch(() => undefined);
      running.endAll();
      await pull(disk.mount(), running.start(), promised);
      disk.losePower('nothing', randomFrom(n));
      expectSound(disk, promised, `kill at call ${n}, then a power cut`);
      countFor('kills and power cuts at a call of a layout');
    }
  });

  it.each(ERRNOS.map((errno, turn) => [errno, turn] as const))(
    'fails with a typed error, and commits nothing, when a call fails with %s [S03]',
    async (errno, turn) => {
      // Each call fails in two of these tests, and each kind of call in all.
      const calls = sweepOf(
        (await traceCalls()).filter(({ n }) => n % 3 === turn % 3),
        12,
      );
      const noticed: boolean[] = [];
      for (const call of calls) noticed.push(await failAt(call, errno));
      // What only tidies up may fail in silence.
      expect(noticed.filter(Boolean).length).toBeGreaterThan(calls.length * amountOf({ here: 0.3, inCi: 0.8 }));
    },
  );

  it('fails with a typed error, and commits nothing, whichever kind of call fails with whichever error [S03]', async () => {
    const calls = await traceCalls();
    const kinds = new Map<string, Call[]>();
    for (const call of calls) kinds.set(call.operation, [...(kinds.get(call.operation) ?? []), call]);
    expect([...kinds.keys()].toSorted()).toEqual(KINDS);
    const pairs = [...kinds.values()].flatMap((all) => {
      // The first of its kind, one in the middle, and the last.
      const some = [all[0], all[all.length >> 1], all.at(-1)].filter((call) => call !== undefined);
      return some.flatMap((call) => ERRNOS.map((errno) => [call, errno] as const));
    });
    const tried = sweepOf(pairs, 2 * KINDS.length);
    let noticed = 0;
    for (const [call, errno] of tried) if (await failAt(call, errno)) noticed += 1;
    expect(noticed).toBeGreaterThan(tried.length / 3);
  });

  it('does not forget a sync that failed while more was written: the system tells of it only once [S03]', async () => {
    const disk = createCrashDisk();
    let syncs = 0;
    const isFirst = ({ operation, path }: Call): boolean =>
      operation === 'fsync' && path.includes('/ingest/') && (syncs += 1) === 1;
    const owner = processes().start();
    await openOciLayout(ROOT, { fs: disk.mount(), owner });
    const store = await openOciLayout(ROOT, {
      fs: disk.mount((call) => (isFirst(call) ? { errno: 'EIO' } : undefined)),
      owner,
    });
    const bytes = new Uint8Array(40 * 1024 * 1024);
    const large = {
      mediaType: 'application/octet-stream',
      digest: computeDigest(bytes, nodeHasher),
      size: bytes.length,
    };
    await expect(writeContent(store, large, bytes)).rejects.toMatchObject({ code: 'ERR_STORE', errno: 'EIO' });
    expect(syncs).toBe(1);
    expect(await store.has(large)).toBe(false);
  });

  it.each([1, 7, 100_000])('writes all when the system takes only %i bytes at a time [S04]', async (limit) => {
    const disk = createCrashDisk();
    const { descriptor, bytes } = second.contents[1] ?? first.contents[0]!;
    const fs = disk.mount(({ operation }) => (operation === 'write' ? limit : undefined));
    const store = await openOciLayout(ROOT, { fs, owner: processes().start() });
    await writeContent(store, descriptor, bytes);
    expect(layoutFaults(disk.files(ROOT))).toEqual([]);
    expect(await store.has(descriptor)).toBe(true);
  });

  it('fails instead of waiting for ever when the system takes nothing [S04]', async () => {
    const fs = createCrashDisk().mount(({ operation, path }) =>
      operation === 'write' && path.includes('-1-') ? 0 : undefined,
    );
    await expect(openOciLayout(ROOT, { fs, owner: processes().start() })).rejects.toMatchObject({ code: 'ERR_STORE' });
  });

  it('does not commit when the disk holds fewer bytes than it said it took [S04]', async () => {
    const disk = createCrashDisk();
    const owner = processes().start();
    await openOciLayout(ROOT, { fs: disk.mount(), owner });
    const real = disk.mount();
    const lying = {
      ...real,
      create: async (path: string) => {
        const file = await real.create(path);
        const write: typeof file.write = async (parts, at) =>
          (await file.write([Buffer.concat(parts).subarray(1)], at)) + 1;
        return { ...file, write };
      },
    };
    const store = await openOciLayout(ROOT, { fs: lying, owner });
    const { descriptor, bytes } = first.contents[0]!;
    await expect(writeContent(store, descriptor, bytes)).rejects.toThrow(/the disk holds \d+ of its \d+ bytes/);
    expect(layoutFaults(disk.files(ROOT))).toEqual([]);
    expect(disk.files(ROOT).list('blobs')).toEqual([]);
  });
});
