import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeHasher, openOciLayout, openPulledRecords, writeOciArchive } from 'kubepull/node';
import { type ImagePulledRecord, toPullCredentials } from 'kubepull/image-access';
import { createMemoryStore, writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { startRuntime, startScene, tryPull } from '../puller/downloads-support.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir } from '../support/temp-dir.ts';
import { run } from './servers.ts';

const MIB = 1024 * 1024;

interface Disk {
  readonly path: string;
  /** Mounts it anew with other limits, as when somebody makes room. */
  remount(limits: string): Promise<void>;
}

/** A file system of its own, in memory, with the limits of tmpfs: `size=2m`, `nr_inodes=20`. */
async function mountDisk(limits: string): Promise<Disk> {
  const path = join(tempDir().path, 'disk');
  mkdirSync(path);
  await run('mount', '-t', 'tmpfs', '-o', limits, 'tmpfs', path);
  onTestFinished(async () => void (await run('umount', '--lazy', path)));
  return {
    path,
    remount: async (more) => void (await run('mount', '-o', `remount,${more}`, path)),
  };
}

describe('a disk of 2 MiB [S03]', () => {
  it.each([undefined, 0, 2])('fails a pull that does not fit, and the next succeeds: %s workers', async (workers) => {
    const disk = await mountDisk('size=2m');
    const { name, layer } = await startScene({ bytes: 5 * MIB });
    const directory = join(disk.path, 'layout');
    const store = await openOciLayout(directory);
    const runtime = startRuntime(workers);
    const { error } = await tryPull(name, { store, runtime });
    expect(error).toMatchObject({ code: 'ERR_STORE', errno: 'ENOSPC', retryable: false });
    expect(await store.resolve(name)).toBeUndefined();
    expect(await store.has(layer)).toBe(false);
    // No part of it is kept either: it would fill the disk.
    await assertLayoutValid(directory);

    await disk.remount('size=16m');
    const { pulled } = await tryPull(name, { store: await openOciLayout(directory), runtime });
    expect(await store.resolve(name)).toEqual(pulled?.manifest);
    await assertLayoutValid(directory);
  });

  it('without a free inode fails the same way', async () => {
    const disk = await mountDisk('nr_inodes=10');
    const { name } = await startScene();
    const directory = join(disk.path, 'layout');
    const store = await openOciLayout(directory);
    expect((await tryPull(name, { store })).error).toMatchObject({ code: 'ERR_STORE', errno: 'ENOSPC' });
    expect(await store.resolve(name)).toBeUndefined();

    await disk.remount('nr_inodes=1000');
    expect((await tryPull(name, { store })).error).toBeUndefined();
    await assertLayoutValid(directory);
  });

  it('leaves nothing of an archive that does not fit', async () => {
    const disk = await mountDisk('size=2m');
    const store = createMemoryStore({ createHasher: nodeHasher });
    const image = buildImage({ layers: [{ randomBytes: 5 * MIB, compression: 'none' }] });
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    await store.tag('app:1', image.descriptor);
    await expect(writeOciArchive(store, ['app:1'], join(disk.path, 'app.tar'))).rejects.toMatchObject({
      code: 'ERR_STORE',
      errno: 'ENOSPC',
    });
    expect(readdirSync(disk.path)).toEqual([]);
  });

  it('keeps the record that stood there when the next one does not fit', async () => {
    const disk = await mountDisk('size=1m');
    const record = (size: number): ImagePulledRecord => ({
      imageRef: `sha256:${'0'.repeat(64)}`,
      lastUpdatedAt: Date.UTC(2026, 0, 1),
      credentialMapping: new Map(
        Array.from({ length: size }, (_, at) => [`r.example/app-${at}`, toPullCredentials({ kind: 'node' })]),
      ),
    });
    await (await openPulledRecords(disk.path)).writeRecord(record(1));
    expect(() => writeFileSync(join(disk.path, 'filler'), new Uint8Array(MIB))).toThrow('ENOSPC');

    const refused = (await openPulledRecords(disk.path)).writeRecord(record(1000));
    await expect(refused).rejects.toMatchObject({ code: 'ERR_STORE', errno: 'ENOSPC' });
    expect(await (await openPulledRecords(disk.path)).listRecords()).toEqual([record(1)]);
  });
});
