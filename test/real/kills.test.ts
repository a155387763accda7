// A registry that is killed again and again while one image is pulled from it: each layer goes on where it broke off.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNodeRuntime, openOciLayout } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { countFor } from '../support/figures.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir } from '../support/temp-dir.ts';
import { run } from './servers.ts';
import { type RealRegistry, startRegistryServer } from './servers-registry.ts';

const KILLS = 20;
const MIB = 1024 * 1024;
const LAYERS = 5;
const LAYER_BYTES = 8 * MIB;
const platform = { os: 'linux', architecture: 'amd64' };
const image = buildImage({
  platform,
  layers: Array.from({ length: LAYERS }, (_, at) => ({ randomBytes: LAYER_BYTES, seed: `kills ${at}` })),
});

/** Leads to a registry, and kills and restarts it whenever some more bytes have come from it. */
async function startDeadlyWay(
  registry: RealRegistry,
): Promise<{ readonly host: string; readonly kills: () => number }> {
  const stepBytes = Math.floor((LAYERS * LAYER_BYTES) / (KILLS + 1));
  const sockets = new Set<Socket>();
  let [passed, kills] = [0, 0];
  let killing = Promise.resolve();
  const killAndRestart = async (): Promise<void> => {
    await registry.kill();
    await registry.restart();
  };
  const lead = async (client: Socket): Promise<void> => {
    sockets.add(client);
    client.on('error', () => undefined);
    client.on('close', () => sockets.delete(client));
    // Who comes while it is gone waits, as behind a balancer.
    await killing;
    const behind = connect(Number(registry.host.split(':')[1]), '127.0.0.1');
    behind.on('error', () => client.destroy());
    behind.on('close', () => client.destroy());
    client.on('close', () => behind.destroy());
    client.pipe(behind);
    behind.on('data', (bytes: Buffer) => {
      passed += bytes.length;
      if (!client.write(bytes)) behind.pause();
      if (passed < stepBytes * (kills + 1) || kills === KILLS) return;
      kills += 1;
      behind.destroy();
      killing = killAndRestart();
    });
    client.on('drain', () => behind.resume());
  };
  const server = createServer((client) => void lead(client)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await killing;
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, kills: () => kills };
}

async function startSeededRegistry(): Promise<RealRegistry> {
  const { path } = tempDir();
  const store = await openOciLayout(path);
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  await store.tag('latest', image.descriptor);
  const registry = await startRegistryServer({});
  await copyWithSkopeo(`oci:${path}:latest`, `docker://${registry.host}/team/app:1`);
  return registry;
}

async function copyWithSkopeo(from: string, to: string): Promise<void> {
  await run('skopeo', 'copy', '--preserve-digests', '--src-tls-verify=false', '--dest-tls-verify=false', from, to);
}

const blobsOf = (layout: string): readonly string[] => readdirSync(join(layout, 'blobs/sha256')).toSorted();

describe('a registry that is killed and restarted 20 times during one pull', () => {
  it.each([
    ['over the transport', {}],
    ['by the carrier, in threads', { minCarriedBytes: 0 }],
    ['by the carrier, in the thread of the caller', { minCarriedBytes: 0, workers: 0 }],
  ])('gives the image that skopeo takes, %s', async (_, carrying) => {
    const registry = await startSeededRegistry();
    const { host, kills } = await startDeadlyWay(registry);
    const { path } = tempDir();
    const store = await openOciLayout(join(path, 'ours'));
    const runtime = createNodeRuntime({ ...carrying, platform });
    onTestFinished(() => runtime.close());
    await pullImage(`${host}/team/app:1`, { runtime, store, plainHttp: [host], maxParallelDownloads: 1 });
    expect(kills()).toBe(KILLS);
    await assertLayoutValid(join(path, 'ours'));
    await copyWithSkopeo(`docker://${registry.host}/team/app:1`, `oci:${join(path, 'theirs')}:1`);
    expect(blobsOf(join(path, 'ours'))).toEqual(blobsOf(join(path, 'theirs')));
    countFor('kills of a real registry during pulls that brought the right image', kills());
  });
});
