// A pull that is killed at every system call that changes something, and at random moments. Whatever the moment, the layout
// is valid at once, has all that was promised, and the next pull ends well and leaves nothing behind.
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pullImage } from 'kubepull/puller';
import { createNodeRuntime, type OciLayout, openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage, createLoopbackRegistry, type LoopbackRegistry } from 'kubepull/testing';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir, type TempDir } from '../support/temp-dir.ts';
import { run } from './servers.ts';

/** What changes a disk, by the names that it has on the processors that Node runs on. */
const CALLS: Readonly<Record<string, string>> = {
  open: 'openat',
  write: 'write',
  'write at a place': '?pwrite64,?pwritev',
  sync: 'fsync',
  rename: '?rename,?renameat,?renameat2',
  unlink: '?unlink,?unlinkat,?rmdir',
  mkdir: '?mkdir,?mkdirat',
  chmod: 'fchmod',
  close: 'close',
};
const RANDOM_KILLS = Number(process.env['KUBEPULL_RANDOM_KILLS'] ?? 500);
/** For one sweep, which takes a tenth of it on a machine that does nothing else. */
const MAX_MS = 600_000;
/** Processes at a time. */
const LANES = 3;
const CHILD = fileURLToPath(new URL('crash-child.mjs', import.meta.url));
const platform = { os: 'linux', architecture: 'amd64' };

const image = buildImage({
  platform,
  layers: [{ randomBytes: 900_000, seed: 'crash' }, { files: { 'etc/motd': 'hello\n' } }],
});
const old = buildImage({ layers: [{ files: { 'etc/motd': 'old\n' } }] });

let registry: LoopbackRegistry;
let name: string;
const kills = { calls: 0, moments: 0, accepted: 0 };

beforeAll(async () => {
  registry = await createLoopbackRegistry();
  registry.push('team/app', '1', image);
  name = `${registry.host}/team/app:1`;
});

afterAll(async () => {
  await registry.close();
  const { calls, moments, accepted } = kills;
  console.log(`crash sweep: killed at ${calls} system calls and at ${moments} other moments`);
  console.log(`crash sweep: skopeo and umoci accepted every layout that they were shown: ${accepted}`);
});

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** What brings the layers: the transport, or a carrier with so many threads. */
const CARRIERS = { 'the transport': 'none', 'a reader': '0', threads: '2' } as const;
/** Of these there is something to see where only the way of the bytes differs. */
const CARRIED_CALLS: readonly string[] = ['write at a place', 'sync', 'close'];

/**
 * A child that waits for its sign.
 *
 * @param workers - those of its carrier; `none` for the transport alone
 */
async function startChild(directory: string, workers: string): Promise<Child> {
  const child = spawn(process.execPath, [CHILD, name, registry.host, directory, workers], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // With one thread for files, the n-th call is the same in each run.
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  child.stdin.on('error', () => undefined);
  await once(child.stdout, 'data');
  return child;
}

/** Lets it go on, and gives what it said until its end. */
async function runToEnd(child: Child): Promise<{ readonly completed: boolean; readonly promised: readonly string[] }> {
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdin.end('go\n');
  const [code] = (await once(child, 'close')) as [number | null];
  return { completed: code === 0, promised: said.split('\n').filter((line) => line !== '') };
}

/** Attaches strace, which kills the process as it enters the n-th of these calls. */
async function killAtCall(child: Child, calls: string, n: number): Promise<{ readonly ended: Promise<unknown> }> {
  const inject = `inject=${calls}:signal=SIGKILL:when=${n}`;
  const tracer = spawn(
    'strace',
    ['-f', '-p', String(child.pid), '-o', '/dev/null', '-e', `trace=${calls}`, '-e', inject],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const ended = once(tracer, 'close');
  // It says that it has attached; if it fails, it ends.
  const said = await Promise.race([once(tracer.stderr, 'data'), ended]);
  if (!String(said[0]).includes('attached')) throw new Error(`strace: ${String(said[0])}`);
  return { ended };
}

/** Layouts with an image of before, a name to remove, and the part of a cut pull; or none at all. */
async function makeTemplate(directory: string): Promise<void> {
  const store = await openOciLayout(directory);
  for (const { descriptor, bytes } of old.contents) await writeContent(store, descriptor, bytes);
  for (const tag of ['old', 'removed']) await store.tag(tag, old.descriptor);
  const [layer] = image.contents;
  const writer = await store.ingest(layer!.descriptor);
  await writer.write(layer!.bytes.subarray(0, 300_000));
  await writer.abort();
}

interface Ground {
  /** A new place for one round. */
  next(): string;
}

const KINDS = ['a new layout', 'a layout in use', 'a full layout'] as const;

async function prepare(kind: (typeof KINDS)[number], { path }: TempDir): Promise<Ground> {
  const template = join(path, 'template');
  if (kind !== 'a new layout') await makeTemplate(template);
  if (kind === 'a full layout') await pullAgain(await openOciLayout(template));
  let rounds = 0;
  return {
    next() {
      const directory = join(path, String((rounds += 1)));
      if (existsSync(template)) cpSync(template, directory, { recursive: true, preserveTimestamps: true });
      return directory;
    },
  };
}

/** Fails unless the layout is as it has to be after any kill. */
async function expectRecovery(
  directory: string,
  promised: readonly string[],
  { isNew, readsToo }: { readonly isNew: boolean; readonly readsToo: boolean },
): Promise<void> {
  if (existsSync(join(directory, 'oci-layout'))) await assertLayoutValid(directory, { allowTemps: true });
  else expect(isNew && !promised.includes('opened')).toBe(true);

  const store = await openOciLayout(directory);
  // Nothing is left but parts that the next pull goes on from.
  await assertLayoutValid(directory);
  for (const line of promised.filter((text) => text.startsWith('named '))) {
    expect((await store.resolve(line.slice('named '.length)))?.digest, line).toBe(image.descriptor.digest);
  }
  if (!isNew) expect((await store.resolve('old'))?.digest).toBe(old.descriptor.digest);
  await pullAgain(store);
  await assertLayoutValid(directory, { allowPartials: false });
  expect((await store.resolve(name))?.digest).toBe(image.descriptor.digest);
  if (readsToo) await expectAccepted(directory, name);
  rmSync(directory, { recursive: true });
}

async function pullAgain(store: OciLayout): Promise<void> {
  const runtime = createNodeRuntime({ platform });
  try {
    await pullImage(name, { runtime, store, plainHttp: [registry.host] });
  } finally {
    await runtime.close();
  }
}

/** What other tools make of a layout as a killed pull has left it, and of one that was pulled into again. */
async function expectAccepted(directory: string, image: string): Promise<void> {
  await run('umoci', 'gc', '--layout', directory);
  await run('umoci', 'list', '--layout', directory);
  await run('skopeo', 'inspect', `oci:${directory}:${image}`);
  kills.accepted += 1;
}

/** Rounds that are run a few at a time, until one says that it was the last. */
async function runRounds(round: (n: number) => Promise<boolean>): Promise<number> {
  let next = 1;
  let last = Number.POSITIVE_INFINITY;
  const lane = async (): Promise<void> => {
    for (let n = next; n < last; n = next) {
      next += 1;
      if (await round(n)) last = Math.min(last, n);
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
  return last;
}

function canTrace(): boolean {
  const { status, error } = spawnSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' });
  if (error !== undefined) throw error;
  return status === 0;
}

const SWEEPS = KINDS.flatMap((kind) =>
  Object.entries(CARRIERS)
    // Into a full layout nothing is carried.
    .filter(([, workers]) => kind !== 'a full layout' || workers === 'none')
    .map(([carrier, workers]) => ({ kind, carrier, workers })),
);

describe.each(SWEEPS)('a pull by $carrier into $kind [S01]', ({ kind, workers }) => {
  const isNew = kind === 'a new layout';
  const isTransport = workers === 'none';
  const moments = isTransport ? RANDOM_KILLS / 4 : RANDOM_KILLS / 10;

  // By a write, the thread for files says that a call is done; one sweep of these is enough.
  const calls = Object.entries(CALLS).filter(([what]) =>
    isTransport ? isNew || what !== 'write' : CARRIED_CALLS.includes(what),
  );

  it.each(calls)(
    'is killed at every call that can %s',
    async (_, names) => {
      // As in some containers; there, the injected file system of the other tests has to do.
      if (!canTrace()) return console.log('crash sweep: no process may be traced here');
      const ground = await prepare(kind, tempDir());
      const completedAt = await runRounds(async (n) => {
        const directory = ground.next();
        const child = await startChild(directory, workers);
        const tracer = await killAtCall(child, names, n);
        const { completed, promised } = await runToEnd(child);
        await tracer.ended;
        await expectRecovery(directory, promised, { isNew, readsToo: false });
        return completed;
      });
      expect(completedAt).toBeGreaterThan(1);
      kills.calls += completedAt - 1;
    },
    MAX_MS,
  );

  it(
    `is killed at ${moments} moments, and other tools read what it leaves [S13]`,
    async () => {
      const ground = await prepare(kind, tempDir());
      const clean = performance.now();
      await runToEnd(await startChild(ground.next(), workers));
      const longest = performance.now() - clean;
      let [killed, named] = [0, 0];
      await runRounds(async (n) => {
        const directory = ground.next();
        const child = await startChild(directory, workers);
        const kill = (): unknown => child.kill('SIGKILL');
        // Little time is left behind the name, so some are killed as they say it.
        const isLate = n % 4 === 0;
        if (isLate) child.stdout.on('data', (said: Buffer) => said.includes('named ') && kill());
        const timer = isLate ? undefined : setTimeout(kill, Math.random() * longest);
        const { completed, promised } = await runToEnd(child);
        clearTimeout(timer);
        if (!completed) killed += 1;
        if (!isNew) await expectAccepted(directory, 'old');
        if (!completed && promised.length > 1) named += 1;
        await expectRecovery(directory, promised, { isNew, readsToo: true });
        return killed >= moments && named > 0;
      });
      // Some hit what comes after the first promise.
      expect(named).toBeGreaterThan(0);
      kills.moments += killed;
    },
    MAX_MS,
  );
});
