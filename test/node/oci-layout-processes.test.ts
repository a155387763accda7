import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir } from '../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 1000 }] });

/** The child's program as one file, so that a plain Node of any release runs it. */
async function bundle(directory: string): Promise<string> {
  const outfile = join(directory, 'child.mjs');
  const entry = fileURLToPath(new URL('oci-layout-child.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
  return outfile;
}

function start(program: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** A layout whose lock a child holds, and will not let go. */
async function heldLayout(): Promise<{ readonly directory: string; readonly holder: ChildProcess }> {
  const { path } = tempDir();
  const directory = join(path, 'layout');
  await openOciLayout(directory);
  const holder = start(await bundle(path), 'hold', directory, 'hang');
  if (holder.stdout === null) throw new Error('No output');
  await once(holder.stdout, 'data');
  return { directory, holder };
}

async function fill(directory: string, lockTimeoutMs?: number): ReturnType<typeof openOciLayout> {
  const store = await openOciLayout(directory, { lockTimeoutMs });
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  return store;
}

describe('openOciLayout', () => {
  it('S05 S06 keeps every name, and one copy of the content, when 8 processes write at once', async () => {
    const { path } = tempDir();
    const [program, directory] = [await bundle(path), join(path, 'layout')];
    const children = Array.from({ length: 8 }, (_, id) => start(program, 'tag', directory, String(id)));
    const codes = await Promise.all(children.map(async (child) => ((await once(child, 'exit')) as [number])[0]));
    expect(codes).toEqual(Array(8).fill(0));

    const store = await openOciLayout(directory);
    for (let id = 0; id < 8; id += 1) {
      for (let round = 0; round < 5; round += 1) {
        expect(await store.resolve(`app:${id}-${round}`), `app:${id}-${round}`).toBeDefined();
      }
    }
    expect(readdirSync(join(directory, 'blobs/sha256'))).toHaveLength(3);
    await assertLayoutValid(directory);
  });

  it('S07 S13 takes the lock from a process that was killed, and sweeps what it left', async () => {
    const { directory, holder } = await heldLayout();
    const store = await fill(directory);
    holder.kill('SIGKILL');
    const started = performance.now();
    await store.tag('app:1', image.descriptor);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(await store.resolve('app:hung')).toBeUndefined();
    expect(readdirSync(join(directory, 'ingest'))).not.toEqual([]);
    await openOciLayout(directory);
    await assertLayoutValid(directory);
  });

  it('S07 waits for a process that lives, though it is stopped, and gives up in time or on abort', async () => {
    const { directory, holder } = await heldLayout();
    holder.kill('SIGSTOP');
    const store = await fill(directory, 300);
    await expect(store.tag('app:1', image.descriptor)).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'lock' });

    const patient = await fill(directory);
    const controller = new AbortController();
    const reason = { is: 'the reason' };
    const waiting = patient.tag('app:1', image.descriptor, { signal: controller.signal });
    const behind = patient.tag('app:2', image.descriptor, { signal: controller.signal });
    let aborted = 0;
    setTimeout(() => {
      aborted = performance.now();
      controller.abort(reason);
    }, 200);
    await Promise.all([waiting, behind].map((call) => expect(call).rejects.toBe(reason)));
    expect(performance.now() - aborted).toBeLessThan(100);
    const own = readdirSync(join(directory, 'ingest')).filter((name) => name.includes(`-${process.pid}-`));
    expect(own).toEqual([]);
  });
});
