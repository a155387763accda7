// Processes of their own that work on one layout, for the tests of what happens between processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, onTestFinished } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher, type OciLayout, openOciLayout } from 'kubepull/node';
import { parseImageManifest } from 'kubepull/oci';
import { readContent, writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { tempDir } from './temp-dir.ts';

const kept = buildImage({ layers: [{ randomBytes: 1000 }] });

/** The program of the children as one file, so that a plain Node of any release runs it. */
export async function bundleLayoutChild(directory: string): Promise<string> {
  const outfile = join(directory, 'child.mjs');
  const entry = fileURLToPath(new URL('../node/layout/layout-child.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
  return outfile;
}

export function startLayoutChild(program: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

export async function allSucceed(children: readonly ChildProcess[]): Promise<void> {
  const codes = await Promise.all(
    children.map(async (child) => child.exitCode ?? ((await once(child, 'exit')) as [number | null])[0]),
  );
  expect(codes).toEqual(codes.map(() => 0));
}

/** Reads what a moving name points to. What was taken away meanwhile fails as such; what is read is right. */
async function readMoving(store: OciLayout, seen: { whole: number; gone: number }): Promise<void> {
  expect((await store.resolve('kept'))?.digest).toBe(kept.descriptor.digest);
  const target = await store.resolve('moving');
  if (target === undefined) return;
  try {
    const bytes = await readContent(store, target, { maxBytes: 1e6 });
    expect(computeDigest(bytes, nodeHasher)).toBe(target.digest);
    for (const layer of parseImageManifest(bytes, { mediaType: target.mediaType }).layers) {
      expect(computeDigest(await readContent(store, layer, { maxBytes: 1e6 }), nodeHasher)).toBe(layer.digest);
    }
    seen.whole += 1;
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_STORE' });
    seen.gone += 1;
  }
}

/** Four readers, for some time, of a layout that another process writes to, deletes from and collects. */
export async function readWhileChurning(
  ms: number,
): Promise<{ readonly directory: string; readonly whole: number; readonly gone: number }> {
  const { path } = tempDir();
  const [program, directory] = [await bundleLayoutChild(path), join(path, 'layout')];
  const store = await openOciLayout(directory);
  for (const { descriptor, bytes } of kept.contents) await writeContent(store, descriptor, bytes);
  await store.tag('kept', kept.descriptor);
  const writer = startLayoutChild(program, 'churn', directory);
  if (writer.stdout === null || writer.stdin === null) throw new Error('No pipes');
  await once(writer.stdout, 'data');
  const seen = { whole: 0, gone: 0 };
  const end = performance.now() + ms;
  const readers = Array.from({ length: 4 }, async () => {
    const reader = await openOciLayout(directory);
    while (performance.now() < end) await readMoving(reader, seen);
  });
  await Promise.all(readers);
  writer.stdin.write('stop\n');
  await allSucceed([writer]);
  return { directory, ...seen };
}
