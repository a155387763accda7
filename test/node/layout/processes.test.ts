import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from 'kubepull/clock';
import { type LayoutFileSystem, nodeFileSystem, openOciLayout, type OciLayoutOptions } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { countFor } from '../../support/figures.ts';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { allSucceed, bundleLayoutChild, readWhileChurning, startLayoutChild } from '../../support/layout-processes.ts';
import { amountOf } from '../../support/property-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 1000 }] });

/** A layout whose lock a child holds, and will not let go. */
async function heldLayout(): Promise<{ readonly directory: string; readonly holder: ChildProcess }> {
  const { path } = tempDir();
  const directory = join(path, 'layout');
  await openOciLayout(directory);
  const holder = startLayoutChild(await bundleLayoutChild(path), 'hold', directory, 'hang');
  if (holder.stdout === null) throw new Error('No output');
  await once(holder.stdout, 'data');
  return { directory, holder };
}

/** How often each process does the same: the races are tried many times where CI is set. */
const ROUNDS = {
  pull: amountOf({ here: 5, inCi: 50 }),
  tag: amountOf({ here: 3, inCi: 20 }),
  write: amountOf({ here: 50, inCi: 200 }),
  kill: amountOf({ here: 2, inCi: 5 }),
  churnMs: amountOf({ here: 500, inCi: 3000 }),
};

/** How many processes run at the same time. */
const PULLERS = amountOf({ here: 4, inCi: 8 });
const TAGGERS = amountOf({ here: 6, inCi: 16 });

const FOREVER_MS = 2 ** 31 - 1;

/** By this clock a holder is never silent for so long that it counts as gone: who takes its lock must know that it is dead. */
const standingClock: Clock = { ...systemClock, monotonic: () => 0 };

async function fill(directory: string, options: OciLayoutOptions = {}): ReturnType<typeof openOciLayout> {
  const store = await openOciLayout(directory, options);
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  return store;
}

describe('openOciLayout', () => {
  it('has one copy of each content, and no torn one, when many processes write the same images [S05]', async () => {
    const { path } = tempDir();
    const [program, directory] = [await bundleLayoutChild(path), join(path, 'layout')];
    await allSucceed(
      Array.from({ length: PULLERS }, (_, id) =>
        startLayoutChild(program, 'pull', directory, String(id), String(ROUNDS.pull)),
      ),
    );
    const store = await openOciLayout(directory);
    expect((await store.names()).toSorted()).toEqual(
      Array.from({ length: ROUNDS.pull }, (_, at) => `image:${at}`).toSorted(),
    );
    // A layer, a config and a manifest each.
    expect(readdirSync(join(directory, 'blobs/sha256'))).toHaveLength(ROUNDS.pull * 3);
    countFor('images that processes wrote at the same time', PULLERS * ROUNDS.pull);
    await assertLayoutValid(directory, { allowPartials: false });
  });

  it('keeps every name that many processes give at the same time [S06]', async () => {
    const { path } = tempDir();
    const [program, directory] = [await bundleLayoutChild(path), join(path, 'layout')];
    await allSucceed(
      Array.from({ length: TAGGERS }, (_, id) =>
        startLayoutChild(program, 'tag', directory, String(id), String(ROUNDS.tag)),
      ),
    );
    const names = Array.from(
      { length: TAGGERS * ROUNDS.tag },
      (_, at) => `app:${at % TAGGERS}-${Math.floor(at / TAGGERS)}`,
    );
    expect((await (await openOciLayout(directory)).names()).toSorted()).toEqual(names.toSorted());
    countFor('names that processes gave at the same time', names.length);
    expect(readdirSync(join(directory, 'blobs/sha256'))).toHaveLength(3);
    await assertLayoutValid(directory, { allowPartials: false });
  });

  it('takes no writer for dead that only begins to write, though other processes sweep all the time [S06]', async () => {
    const { path } = tempDir();
    const [program, directory] = [await bundleLayoutChild(path), join(path, 'layout')];
    const store = await fill(directory);
    const sweepers = [1, 2].map(() => startLayoutChild(program, 'open', directory));
    for (const { stdout } of sweepers) if (stdout !== null) await once(stdout, 'data');
    for (let at = 0; at < ROUNDS.write; at += 1) {
      const { contents, descriptor } = buildImage({ layers: [{ randomBytes: 100, seed: `image ${at}` }] });
      for (const content of contents) await writeContent(store, content.descriptor, content.bytes);
      await store.tag(`app:${at}`, descriptor);
    }
    for (const { stdin } of sweepers) stdin?.write('stop\n');
    await allSucceed(sweepers);
    expect(await store.names()).toHaveLength(ROUNDS.write);
    await assertLayoutValid(directory, { allowPartials: false });
  });

  it('takes the lock from one killed holder after the other, and never while one lives [S07]', async () => {
    const { path } = tempDir();
    const [program, directory] = [await bundleLayoutChild(path), join(path, 'layout')];
    for (let round = 0; round < ROUNDS.kill; round += 1) {
      await openOciLayout(directory);
      const holder = startLayoutChild(program, 'hold', directory, 'hang');
      if (holder.stdout === null) throw new Error('No output');
      await once(holder.stdout, 'data');
      const store = await fill(directory, { clock: standingClock });
      let taken = false;
      const tagged = store.tag(`app:${round}`, image.descriptor).then(() => (taken = true));
      holder.kill('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(taken).toBe(false);
      holder.kill('SIGKILL');
      await tagged;
    }
    expect(await (await openOciLayout(directory)).names()).toHaveLength(ROUNDS.kill);
    await assertLayoutValid(directory, { allowPartials: false });
  });

  it('shows readers the whole of the old or of the new while another process writes, deletes and collects [S14]', async () => {
    const { directory, whole } = await readWhileChurning(ROUNDS.churnMs);
    expect(whole).toBeGreaterThan(amountOf({ here: 1, inCi: 10 }));
    await assertLayoutValid(directory, { allowPartials: false });
  });

  it('takes the lock from a process that was killed, and sweeps what it left [S07 S13]', async () => {
    const { directory, holder } = await heldLayout();
    const store = await fill(directory, { clock: standingClock });
    holder.kill('SIGKILL');
    await store.tag('app:1', image.descriptor);
    expect(await store.resolve('app:hung')).toBeUndefined();
    expect(readdirSync(join(directory, 'ingest'))).not.toEqual([]);
    await openOciLayout(directory);
    await assertLayoutValid(directory);
  });

  it('takes the lock from an owner whose id another process has by now [S07]', async () => {
    const { path } = tempDir();
    const store = await fill(path);
    const writer = await store.ingest(image.descriptor);
    const own = readdirSync(join(path, 'ingest')).find((name) => name.includes(`-${process.pid}-`)) ?? '';
    await writer.abort();
    // Our own id, with another start.
    const token = own.slice(0, own.indexOf('.')).replace(/-\d+-(?=[0-9a-f]{8}-)/, '-1-');
    expect(token).toContain(`-${process.pid}-1-`);
    mkdirSync(join(path, 'ingest/lock'));
    writeFileSync(join(path, 'ingest/lock', token), '');
    await store.tag('app:1', image.descriptor);
    expect(await store.resolve('app:1')).toEqual(image.descriptor);
    await assertLayoutValid(path);
  });

  it.each(['before there is a layout', 'in a layout'])(
    'takes the lock from one of the same process that could not give it back, and is not used any more: %s [S07]',
    async (when) => {
      const directory = join(tempDir().path, 'layout');
      let fails = when === 'before there is a layout';
      const fs: LayoutFileSystem = {
        ...nodeFileSystem,
        async unlink(path) {
          if (fails && path.includes('/lock/')) throw Object.assign(new Error('read-only'), { code: 'EROFS' });
          await nodeFileSystem.unlink(path);
        },
      };
      const use = async (): Promise<void> => {
        const store = await fill(directory, { fs });
        fails = true;
        await store.tag('app:1', image.descriptor);
      };
      await expect(use()).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'unlink', errno: 'EROFS' });
      expect(readdirSync(join(directory, 'ingest/lock'))).toHaveLength(1);
      const store = await fill(directory, { lockTimeoutMs: 1000 });
      await store.tag('app:2', image.descriptor);
      expect(await store.resolve('app:2')).toEqual(image.descriptor);
      await assertLayoutValid(directory, { allowPartials: false });
    },
  );

  it('waits for a process that lives, though it is stopped, and gives up in time or on abort [S07]', async () => {
    const { directory, holder } = await heldLayout();
    holder.kill('SIGSTOP');
    const store = await fill(directory, { lockTimeoutMs: 300 });
    await expect(store.tag('app:1', image.descriptor)).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'lock',
      retryable: true,
    });

    // Only the signal can end a wait by this clock.
    const controller = new AbortController();
    const clock: Clock = {
      ...systemClock,
      async sleep(_, options) {
        setImmediate(() => controller.abort(reason));
        await systemClock.sleep(FOREVER_MS, options);
      },
    };
    const reason = { is: 'the reason' };
    const patient = await fill(directory, { clock });
    const { signal } = controller;
    const calls = [1, 2].map((at) => patient.tag(`app:${at}`, image.descriptor, { signal }));
    await Promise.all(calls.map((call) => expect(call).rejects.toBe(reason)));
    // An abort does not wait for the disk: what was to become a lock is removed behind it.
    const own = (): readonly string[] =>
      readdirSync(join(directory, 'ingest')).filter((name) => name.includes(`-${process.pid}-`));
    await expect.poll(own).toEqual([]);
  });
});
