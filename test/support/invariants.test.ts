import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Digest, getDigestHex } from 'kubepull/digest';
import type { Descriptor } from 'kubepull/oci';
import type { ImageStore } from 'kubepull/store';
import { buildImage, buildIndex, createFakeClock } from 'kubepull/testing';
import { canary, scan } from './canary.ts';
import { assertInvariants, countingSignal, startWatch } from './invariants.ts';
import { startRegistry } from './registry.ts';
import { tempDir } from './temp-dir.ts';

const built = buildIndex([buildImage({ layers: [{ files: { 'etc/motd': 'hello\n' } }] })]);
const layer = built.contents[0]!.descriptor;

/** A store that has what the map has, right or wrong. */
function storeOf(blobs: ReadonlyMap<Digest, Uint8Array>): ImageStore {
  return {
    has: async ({ digest }) => blobs.has(digest),
    async *read({ digest }) {
      const bytes = blobs.get(digest);
      if (bytes === undefined) throw new Error('not there');
      yield bytes.subarray(0, 10);
      yield bytes.subarray(10);
    },
    resolve: async (name) => (name === 'app' ? built.descriptor : undefined),
    ingest: () => Promise.reject(new Error('read only')),
    tag: () => Promise.reject(new Error('read only')),
  };
}

const without = (digest: Digest): Map<Digest, Uint8Array> => {
  const blobs = new Map(built.blobs);
  blobs.delete(digest);
  return blobs;
};
const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte));
const tampered = new Map(built.blobs).set(layer.digest, flipped(built.blobs.get(layer.digest) ?? new Uint8Array()));
const contents = built.contents.map(({ descriptor }) => descriptor);

describe('assertInvariants: stores', () => {
  it('accepts a store whose contents are right', async () => {
    await assertInvariants({ stores: [{ store: storeOf(built.blobs), names: ['app'], contents }] });
    await assertInvariants({ stores: [{ store: storeOf(without(layer.digest)), contents }] });
  });

  const wrongSize: Descriptor = { ...layer, size: layer.size + 1 };
  it.each([
    ['I1: sha256:', { store: storeOf(tampered), contents }],
    ['I1: sha256:', { store: storeOf(tampered), names: ['app'] }],
    [`has ${layer.size} bytes, not ${wrongSize.size}`, { store: storeOf(built.blobs), contents: [wrongSize] }],
    ['is named and not there', { store: storeOf(without(layer.digest)), names: ['app'] }],
    ['I6: the store has no other', { store: storeOf(built.blobs), names: ['other'] }],
  ])('finds: %s', async (message, subject) => {
    await expect(assertInvariants({ stores: [subject] })).rejects.toThrow(message);
  });
});

describe('assertInvariants: layouts', () => {
  const blobsOf = (root: string): string => join(root, 'blobs', 'sha256');
  const layerFile = (root: string): string => join(blobsOf(root), getDigestHex(layer.digest));

  function layout(): string {
    const root = tempDir().path;
    mkdirSync(blobsOf(root), { recursive: true });
    for (const [digest, bytes] of built.blobs) writeFileSync(join(blobsOf(root), getDigestHex(digest)), bytes);
    writeFileSync(join(root, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    writeFileSync(join(root, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [built.descriptor] }));
    return root;
  }

  it('accepts a layout that is whole', async () => {
    await assertInvariants({ layouts: [layout()] });
  });

  it.each<readonly [string, (root: string) => void]>([
    ['holds other bytes', (root) => writeFileSync(layerFile(root), 'x')],
    ['is not named by a digest', (root) => writeFileSync(join(blobsOf(root), '.tmp'), '')],
    [
      'is not a regular file',
      (root) => {
        renameSync(layerFile(root), join(root, 'layer'));
        symlinkSync(join(root, 'layer'), layerFile(root));
      },
    ],
    ['is named and not there', (root) => rmSync(layerFile(root))],
    ['has no layout version', (root) => writeFileSync(join(root, 'oci-layout'), '{}')],
    ['I6: there is no', (root) => rmSync(join(root, 'oci-layout'))],
    ['index.json does not parse', (root) => writeFileSync(join(root, 'index.json'), '{"manif')],
    [
      'bytes, not 1',
      (root) => {
        const manifests = [{ ...built.descriptor, size: 1 }];
        writeFileSync(join(root, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
      },
    ],
  ])('finds: %s', async (message, damage) => {
    const root = layout();
    damage(root);
    await expect(assertInvariants({ layouts: [root] })).rejects.toThrow(message);
  });
});

describe('assertInvariants: what is left open', () => {
  it('accepts a test that closes what it opened', async () => {
    const watch = startWatch();
    const registry = await startRegistry();
    await (await fetch(registry.origin, { headers: { connection: 'close' } })).text();
    const handle = await open(tempDir().path);
    const child = spawn('true');
    await once(child, 'close');
    const counting = countingSignal();
    clearTimeout(setTimeout(() => undefined, 60_000));
    const slept = createFakeClock().sleep(1000, { signal: counting.signal });
    counting.abort(new Error('enough'));
    await expect(slept).rejects.toThrow('enough');
    await assertInvariants({ registries: [registry], closeables: [handle], signals: [counting], watch });
    expect(counting.peak).toBe(1);
  });

  it.each<readonly [string, () => Promise<() => unknown>]>([
    [
      'TCPServerWrap',
      async () => {
        const server = createServer().listen(0, '127.0.0.1');
        await once(server, 'listening');
        return () => server.close();
      },
    ],
    [
      '1 timers',
      async () => {
        const timer = setTimeout(() => undefined, 60_000);
        return () => clearTimeout(timer);
      },
    ],
    [
      '1 timers',
      async () => {
        const timer = setInterval(() => undefined, 20).unref();
        return () => clearInterval(timer);
      },
    ],
    [
      'file descriptor of /tmp',
      async () => {
        const handle = await open('/tmp');
        return () => handle.close();
      },
    ],
    [
      'child process',
      async () => {
        const child = spawn('sleep', ['60'], { stdio: 'ignore' });
        return () => child.kill();
      },
    ],
  ])('finds: %s', async (kind, leave) => {
    const watch = startWatch();
    const release = await leave();
    onTestFinished(() => void release());
    await expect(assertInvariants({ watch, graceMs: 100 })).rejects.toThrow(kind);
  });

  it('finds a connection that the client keeps', async () => {
    const registry = await startRegistry();
    const socket = connect(registry.port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    await expect(assertInvariants({ registries: [registry], graceMs: 100 })).rejects.toThrow('1 connections to');
    // A client that is closed first is not to blame.
    const other = await startRegistry();
    const closed = connect(other.port, '127.0.0.1');
    await once(closed, 'connect');
    await assertInvariants({ registries: [other], closeables: [{ close: () => closed.destroy() }] });
  });

  it('closes by asyncDispose as well', async () => {
    let disposed = 0;
    await assertInvariants({ closeables: [{ [Symbol.asyncDispose]: async () => void (disposed += 1) }] });
    expect(disposed).toBe(1);
  });

  it('finds an abort listener that was not removed', async () => {
    const counting = countingSignal();
    const listener = (): void => undefined;
    counting.signal.addEventListener('abort', listener);
    counting.signal.addEventListener('abort', () => undefined, { once: true });
    counting.signal.removeEventListener('abort', listener);
    expect([counting.listeners, counting.peak]).toEqual([1, 2]);
    await expect(assertInvariants({ signals: [counting] })).rejects.toThrow('I5: 1 abort listeners');
  });
});

describe('assertInvariants: prototypes', () => {
  it.each<readonly [string, object, PropertyDescriptor]>([
    ['polluted', Object.prototype, { value: true, configurable: true }],
    ['toString', Object.prototype, { value: () => 'x', configurable: true, writable: true }],
    ['push', Array.prototype, { value: () => 0, configurable: true, writable: true }],
  ])('finds a changed %s', async (name, prototype, property) => {
    const before = Object.getOwnPropertyDescriptor(prototype, name);
    Object.defineProperty(prototype, name, property);
    const outcome = await assertInvariants({}).then(
      () => 'passed',
      (error: unknown) => (error as Error).message,
    );
    if (before === undefined) Reflect.deleteProperty(prototype, name);
    else Object.defineProperty(prototype, name, before);
    expect(outcome).toMatch(/^I8: .*: /);
    expect(outcome.endsWith(name)).toBe(true);
    await assertInvariants({});
  });
});

describe('startRegistry', () => {
  it('has a secret found that reaches a registry which must not see it', async () => {
    const [mine, other] = [await startRegistry(), await startRegistry()];
    const password = canary('password', [mine.origin]);
    const authorization = `Basic ${Buffer.from(`u:${password}`).toString('base64')}`;
    for (const { origin } of [mine, other]) await fetch(origin, { headers: { authorization } });
    const places = scan().map(({ place }) => place);
    expect(places).toEqual([`request to ${other.origin}: GET`]);
  });

  it('closes the registry with the test', async () => {
    const port = { closed: 0 };
    onTestFinished(async () => {
      await expect(fetch(`http://127.0.0.1:${port.closed}`)).rejects.toThrow('fetch failed');
    });
    port.closed = (await startRegistry()).port;
  });
});
