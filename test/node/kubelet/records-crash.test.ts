import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { createImageManager } from 'kubepull/image-manager';
import { type ImageService, type RuntimeImage } from 'kubepull/image-service';
import { nodeHasher, openPulledRecords } from 'kubepull/node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeIntent, decodeRecord } from '../../../src/node/kubelet/records-decode.ts';
import { placesOf } from '../../support/sweeps.ts';
import { tempDir } from '../../support/temp-dir.ts';

async function bundleChild(directory: string): Promise<string> {
  const outfile = join(directory, 'child.mjs');
  const entry = fileURLToPath(new URL('records-child.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
  return outfile;
}

/** Starts a child, and kills it some moment after it has said so many lines. */
async function killAfter(program: string, args: readonly string[], lines: number): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  if (child.stdout === null) throw new Error('No output');
  let seen = 0;
  for await (const _ of createInterface(child.stdout)) {
    seen += 1;
    if (seen === lines) break;
  }
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
}

const image = (id: string, repoTags: readonly string[], repoDigests: readonly string[] = []): RuntimeImage => ({
  id,
  repoTags,
  repoDigests,
  size: 1,
  pinned: false,
  runtimeHandler: '',
});

/** A runtime that has images, and lets nobody pull. */
function runtimeWith(images: readonly RuntimeImage[]): ImageService {
  return {
    imageStatus: async ({ image: name }) =>
      images.find(({ repoTags, repoDigests }) => [...repoTags, ...repoDigests].includes(name)),
    pullImage: async () => {
      throw new Error('access denied');
    },
    listImages: async () => images,
    removeImage: async () => undefined,
    imageFsInfo: async () => [],
  };
}

describe('openPulledRecords after kill -9', () => {
  it('has the intents of interrupted pulls, and recovers those whose images are there', async () => {
    const { path } = tempDir();
    const root = join(path, 'kubelet');
    const [tagged, digested, absent, short] = [
      'registry.example.com/app:1',
      `registry.example.com/app@sha256:${'a'.repeat(64)}`,
      'registry.example.com/absent:1',
      'ubuntu',
    ] as const;
    const intents = [tagged, digested, absent, short];
    await killAfter(await bundleChild(path), ['pull', root, ...intents], intents.length);

    const records = await openPulledRecords(root);
    expect((await records.listIntents()).toSorted()).toEqual(intents.toSorted());
    expect(await records.listRecords()).toEqual([]);
    const manager = createImageManager({
      images: runtimeWith([
        image('sha256:1', [tagged]),
        image('sha256:2', [], [digested]),
        image('sha256:3', ['docker.io/library/ubuntu:latest']),
      ]),
      records,
      createHasher: nodeHasher,
      clock: { now: () => 1_729_513_600_000, monotonic: () => 0, sleep: async () => undefined },
    });
    expect((await manager.recoverIntents()).toSorted()).toEqual([tagged, digested].toSorted());
    // A short name is not what the runtime calls the image: it stays, and so does what was not pulled.
    expect((await records.listIntents()).toSorted()).toEqual([absent, short].toSorted());
    const lastUpdatedAt = 1_729_513_600_000;
    expect(await records.readRecord('sha256:1')).toEqual({
      imageRef: 'sha256:1',
      lastUpdatedAt,
      credentialMapping: new Map(),
    });
    expect(await records.readRecord('sha256:2')).toMatchObject({ credentialMapping: new Map() });
    expect(await records.readRecord('sha256:3')).toBeUndefined();

    // It counts as pulled by kubelet, with nobody's credentials: everybody has to show some.
    const pod = { metadata: { name: 'web', uid: 'u' }, spec: { containers: [{ name: 'app', image: tagged }] } };
    expect(await manager.ensureContainerImage({ pod, container: 'app' })).toMatchObject({
      reason: 'ErrImagePull',
      message: 'access denied',
    });
  });

  it('never has half a record', async () => {
    const { path } = tempDir();
    const [program, root] = [await bundleChild(path), join(path, 'kubelet')];
    let found = 0;
    const rounds = placesOf(12, 4);
    for (const round of rounds) {
      // There are five records, and one is removed now and then.
      await killAfter(program, ['churn', root], 6 + 5 * round);
      for (const [place, decode] of [['pulling', decodeIntent] as const, ['pulled', decodeRecord] as const]) {
        const directory = join(root, 'image_manager', place);
        for (const name of readdirSync(directory).filter((file) => !file.endsWith('.tmp'))) {
          expect(decode(readFileSync(join(directory, name)))).toMatchObject({ ok: true, isCurrent: true });
          found += 1;
        }
      }
      const records = await openPulledRecords(root);
      for (const { imageRef } of await records.listRecords())
        expect((await records.readRecord(imageRef))?.imageRef).toBe(imageRef);
    }
    expect(found).toBeGreaterThan(rounds.length);
  });
});
