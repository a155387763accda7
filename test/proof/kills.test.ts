// Two processes pull into one layout at the same time. One of them, or both, are killed at a random moment; every third has ids of
// its own, as in another container. Who is not killed ends well; the layout is valid at once and has all that was promised; the
// next who opens it leaves nothing behind, and pulls.
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNodeRuntime, openOciLayout } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { countFor, proofRuns } from '../support/figures.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { startRegistry } from '../support/registry.ts';
import { randomFrom } from '../support/sweeps.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Processes that are killed before they have ended by themselves, for each layout. */
const KILLS = proofRuns({ fast: 4, full: 120 });
const MAX_MS = 3_000_000;

const platform = { os: 'linux', architecture: 'amd64' } as const;
const image = buildImage({
  platform,
  layers: [
    { randomBytes: 900_000, seed: 'kills' },
    { randomBytes: 50_000, seed: 'more' },
    { files: { motd: 'hello' } },
  ],
});
const old = buildImage({ layers: [{ files: { motd: 'old' } }] });

type Child = ChildProcessByStdio<Writable, Readable, null>;
const STARTS = ['a new layout', 'a half-filled layout', 'a full layout'] as const;

/** The way to a process that has ids of its own: of a user namespace as well, where this user may make no other. */
function namespaceFlags(): readonly string[] {
  const base = ['--pid', '--fork', '--kill-child', '--mount-proc'];
  const ways = [base, ['--user', '--map-root-user', ...base]];
  const found = ways.find((flags) => spawnSync('unshare', [...flags, 'true']).status === 0);
  if (found !== undefined) return found;
  throw new Error(
    'This proof needs unshare, and a user who may make process namespaces: run it as root, or allow them',
  );
}

/** The program of the children as one file. */
async function bundleChild(directory: string): Promise<string> {
  const outfile = join(directory, 'child.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('kills-child.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    // Its HTTP client is CommonJS.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

async function startChild(args: readonly string[], flags: readonly string[]): Promise<Child> {
  const [command, before] = flags.length > 0 ? ['unshare', [...flags, process.execPath]] : [process.execPath, []];
  const child = spawn(command, [...before, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stdin.on('error', () => undefined);
  await once(child.stdout, 'data');
  return child;
}

interface Ended {
  readonly completed: boolean;
  readonly promised: readonly string[];
}

/** Lets it go on, and gives what it said until it has ended and all that it has started. */
async function runToEnd(child: Child): Promise<Ended> {
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdin.end('go\n');
  const [code] = (await once(child, 'close')) as [number | null];
  return { completed: code === 0, promised: said.split('\n').filter(Boolean) };
}

/** A layout as it is before a round; nothing for a new one. */
async function makeTemplate(kind: (typeof STARTS)[number], directory: string, pull: Pull): Promise<void> {
  if (kind === 'a new layout') return;
  const store = await openOciLayout(directory);
  for (const { descriptor, bytes } of old.contents) await writeContent(store, descriptor, bytes);
  for (const tag of ['old', 'removed']) await store.tag(tag, old.descriptor);
  if (kind === 'a full layout') await pull(directory);
  else {
    const [cut, whole] = image.contents;
    await writeContent(store, whole!.descriptor, whole!.bytes);
    const writer = await store.ingest(cut!.descriptor);
    await writer.write(cut!.bytes.subarray(0, 300_000));
    await writer.abort();
  }
  await store.close();
}

type Pull = (directory: string) => Promise<void>;

/** Fails unless the layout is as it has to be after any kill. */
async function expectRecovery(
  directory: string,
  promised: readonly string[],
  { isNew, name, pull }: { readonly isNew: boolean; readonly name: string; readonly pull: Pull },
): Promise<void> {
  if (existsSync(join(directory, 'oci-layout'))) await assertLayoutValid(directory, { allowTemps: true });
  else expect(isNew && !promised.includes('opened')).toBe(true);
  const store = await openOciLayout(directory);
  // Nothing is left but parts that the next pull goes on from.
  await assertLayoutValid(directory);
  for (const line of promised.filter((text) => text.startsWith('named ')))
    expect((await store.resolve(line.slice('named '.length)))?.digest, line).toBe(image.descriptor.digest);
  if (!isNew) expect((await store.resolve('old'))?.digest).toBe(old.descriptor.digest);
  await pull(directory);
  await assertLayoutValid(directory, { allowPartials: false });
  expect((await store.resolve(name))?.digest).toBe(image.descriptor.digest);
  await store.close();
  rmSync(directory, { recursive: true });
}

describe.each(STARTS)('two processes that pull into %s', (kind) => {
  it(
    'are killed, one of them or both, and leave a valid layout with all that was promised [S01 S05 S13]',
    async () => {
      const registry = await startRegistry();
      registry.push('team/app', '1', image);
      const name = `${registry.host}/team/app:1`;
      const pull: Pull = async (directory) => {
        const [runtime, store] = [createNodeRuntime({ platform }), await openOciLayout(directory)];
        await pullImage(name, { runtime, store, plainHttp: [registry.host] });
        await store.close();
        await runtime.close();
      };
      const { path } = tempDir();
      const [program, flags] = [await bundleChild(path), namespaceFlags()];
      const template = join(path, 'template');
      await makeTemplate(kind, template, pull);
      const random = randomFrom(Number(process.env['KUBEPULL_TEST_SEED']));
      let [killed, apart, longest] = [0, 0, 0];
      for (let round = 0; killed < KILLS; round += 1) {
        const directory = join(path, String(round));
        if (existsSync(template)) cpSync(template, directory, { recursive: true, preserveTimestamps: true });
        const isApart = round % 3 === 2;
        const children = await Promise.all([
          startChild([program, name, registry.host, directory, 'one'], isApart ? flags : []),
          startChild([program, name, registry.host, directory, 'two'], []),
        ]);
        // The first round takes the time of what is not killed; then one of them is, the other, or both.
        const doomed = round === 0 ? [] : round % 4 === 0 ? children : [children[isApart ? 0 : round % 2]!];
        const started = performance.now();
        const timers = doomed.map((child) => setTimeout(() => child.kill('SIGKILL'), random() * longest));
        const ended = await Promise.all(children.map(runToEnd));
        for (const timer of timers) clearTimeout(timer);
        if (round === 0) longest = performance.now() - started;
        for (const [at, { completed }] of ended.entries()) {
          const child = children[at]!;
          if (!doomed.includes(child)) expect(completed, `round ${round}: who was not killed`).toBe(true);
          else if (!completed) {
            killed += 1;
            if (isApart && at === 0) apart += 1;
          }
        }
        const promised = ended.flatMap((one) => one.promised);
        await expectRecovery(directory, promised, { isNew: kind === 'a new layout', name, pull });
      }
      countFor('processes that were killed beside another in one layout', killed);
      countFor('of these, processes in a namespace of their own', apart);
    },
    MAX_MS,
  );
});
