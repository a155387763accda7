import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { bundleLayoutChild } from '../../support/layout-processes.ts';
import { tempDir } from '../../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 1000 }] });

/** A process that has ids of its own, as in another container, and that stops for good while it holds the lock. */
async function holdElsewhere(program: string, directory: string): Promise<ChildProcess> {
  const flags = ['--pid', '--fork', '--kill-child', '--mount-proc'];
  const child = spawn('unshare', [...flags, process.execPath, program, 'hold', directory, 'hang'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [unknown];
  expect(String(said)).toContain('holding');
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  // Its output is closed once the process within has ended as well.
  child.stdout?.resume();
  await once(child, 'close');
}

describe('a layout that containers share', () => {
  it('has a lock that is not taken from a process of another container that lives, and at once when it has ended', async () => {
    const { path } = tempDir();
    const [program, directory] = [await bundleLayoutChild(path), join(path, 'layout')];
    await openOciLayout(directory);
    const child = await holdElsewhere(program, directory);
    const clock = createFakeClock();
    clock.setWallClock(Date.now());
    const store = await openOciLayout(directory, { clock, lockTimeoutMs: 1e9 });
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    const state = { done: false };
    const tagged = store.tag('app:1', image.descriptor).then(() => void (state.done = true));
    const wait = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds && !state.done; round += 1) {
        await clock.advance(1000);
        for (let turn = 0; turn < 50; turn += 1) await setImmediate();
      }
    };
    await wait(60);
    expect(state.done).toBe(false);
    await end(child);
    await wait(10_000);
    await tagged;
    expect(await store.names()).toEqual(['app:1']);
    await openOciLayout(directory);
    await assertLayoutValid(directory, { allowPartials: true });
  });

  it('is swept of what killed processes of other containers left, but for what the next writer goes on from', async () => {
    const { path } = tempDir();
    const [program, directory] = [await bundleLayoutChild(path), join(path, 'layout')];
    await openOciLayout(directory);
    for (let round = 0; round < 3; round += 1) await end(await holdElsewhere(program, directory));
    const sweep = async (): Promise<readonly string[]> => {
      await openOciLayout(directory);
      return readdirSync(join(directory, 'ingest')).filter((name) => !/^(?:verified|sha256-[0-9a-f]{64})$/.test(name));
    };
    // A process ends a moment after the one that started it.
    await expect.poll(sweep, { timeout: 30_000 }).toEqual([]);
    await assertLayoutValid(directory, { allowPartials: true });
  });
});
