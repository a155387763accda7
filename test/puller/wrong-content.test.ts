import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ImageStore } from 'kubepull/store';
import type { FaultAction } from 'kubepull/testing';
import { assertInvariants } from '../support/invariants.ts';
import { sweepOf } from '../support/sweeps.ts';
import { tempDir } from '../support/temp-dir.ts';
import {
  LAYER_BYTES,
  openStore,
  retryOffsets,
  type Scene,
  startScene,
  CARRIED_STORES,
  LAYOUTS,
  tryPull,
} from './downloads-support.ts';

/** A copy, so that a test can spoil it. */
const bytesOf = ({ image, layer }: Scene): Uint8Array => Uint8Array.from(image.blobs.get(layer.digest) ?? []);

/** Makes a layer of 512 KiB: the layout keeps whole blocks of what came. */
const WHOLE_BLOCKS = 512 * 1024 - 1536;

/** What an earlier pull left behind. */
async function leavePartial(store: ImageStore, { layer }: Scene, bytes: Uint8Array): Promise<void> {
  const writer = await store.ingest(layer);
  await writer.write(bytes);
  await writer.abort();
}

describe.each(CARRIED_STORES)('wrong bytes of the right length, into the %s store [B01]', (kind) => {
  it.each(['first', 'middle', 'last'] as const)('are asked for once more when the %s is wrong', async (place) => {
    const scene = await startScene();
    const { registry, name, layer, path } = scene;
    const offset = { first: 0, middle: layer.size / 2, last: layer.size - 1 }[place];
    registry.fault({ path, times: 1, action: { kind: 'flip', offset } });
    const store = await openStore(kind);
    const { events, error } = await tryPull(name, { store });
    expect(error).toBeUndefined();
    expect(retryOffsets(events)).toEqual([0]);
    expect(scene.ranges()).toEqual([undefined, undefined]);
    await assertInvariants({ stores: [{ store, names: [name] }] });
  });

  it.each(['first', 'middle', 'last'] as const)('are final when the %s is wrong again', async (place) => {
    const scene = await startScene();
    const { registry, name, layer, path } = scene;
    const offset = { first: 0, middle: layer.size / 2, last: layer.size - 1 }[place];
    registry.fault({ path, action: { kind: 'flip', offset } });
    const store = await openStore(kind);
    const { error } = await tryPull(name, { store });
    expect(error).toMatchObject({ code: 'ERR_CONTENT_MISMATCH', expected: { digest: layer.digest } });
    expect(scene.ranges()).toEqual([undefined, undefined]);
    expect(await store.has(layer)).toBe(false);
    expect(await store.resolve(name)).toBeUndefined();
  });

  it('are final, too, when there are more of them than the descriptor says [M05]', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, action: { kind: 'extend', bytes: 1 } });
    const store = await openStore(kind);
    const { error } = await tryPull(scene.name, { store });
    expect(error).toMatchObject({ code: 'ERR_CONTENT_MISMATCH', actual: { digest: undefined } });
    expect(scene.ranges()).toHaveLength(2);
  });
});

describe.each(CARRIED_STORES)('an end that looks like success, into the %s store [B02]', (kind) => {
  it.each(['close', 'chunked', 'length'] as const)('is a cut, with framing by %s', async (framing) => {
    const scene = await startScene({ bytes: 200_000 });
    scene.registry.fault({ path: scene.path, times: 1, action: { kind: 'truncate', afterBytes: 5000, framing } });
    const store = await openStore(kind);
    const { error } = await tryPull(scene.name, { store });
    expect(error).toBeUndefined();
    expect(scene.ranges()).toEqual([undefined, 'bytes=5000-']);
    await assertInvariants({ stores: [{ store, names: [scene.name] }] });
  });
});

const total = LAYER_BYTES;
const header = (name: string, value?: string): FaultAction => ({ kind: 'header', name, value });
const LIES: Readonly<Record<string, FaultAction>> = {
  'a 200 with everything': { kind: 'range-lie', lie: 'full' },
  'another start': { kind: 'range-lie', lie: 'start' },
  'another end': { kind: 'range-lie', lie: 'end' },
  'another total': { kind: 'range-lie', lie: 'total' },
  'bytes from further on': { kind: 'range-lie', lie: 'shift' },
  'several parts': { kind: 'range-lie', lie: 'multipart' },
  'no Content-Range': header('content-range'),
  'a range of */*': header('content-range', '*/*'),
  'a range without bounds': header('content-range', `bytes */${total}`),
  'a range of no known total': header('content-range', `bytes 0-${total - 1}/*`),
  'a range that is no text of one': header('content-range', 'bytes'),
  'a changed ETag': header('etag', '"other"'),
  'a weak ETag': header('etag', 'W/"weak"'),
  'no ETag': header('etag'),
  'the same ETag and other bytes': { kind: 'flip', offset: total - 1 },
  'fewer bytes than the range says': { kind: 'truncate', afterBytes: 10, framing: 'close' },
  'more bytes than the range says': { kind: 'extend', bytes: 1000 },
  'bytes after the answer': { kind: 'extend', bytes: 1000, framing: 'unchanged' },
};

/** All three for one of them: the others differ in who brings the bytes, and not in what is made of the answer. */
const RESUMES = [
  { kind: 'memory', resumes: [1, 2, 3], here: 12 },
  { kind: 'layout, read by sockets', resumes: [2], here: 4 },
  { kind: 'layout, read by threads', resumes: [2], here: 4 },
] as const;

describe.each(RESUMES)('an answer to a range, for the store $kind [B03]', ({ kind, resumes, here }) => {
  const rows = Object.entries(LIES).flatMap(([what, action]) => resumes.map((resume) => ({ what, action, resume })));

  it.each(sweepOf(rows, here))('with $what does no harm at resume $resume', async ({ action, resume }) => {
    const scene = await startScene();
    const { registry, path, name } = scene;
    registry.fault({ path, times: resume, action: { kind: 'cut', afterBytes: 40_000 } });
    registry.fault({ path, nth: resume + 1, times: 1, action });
    const store = await openStore(kind);
    const { error } = await tryPull(name, { store });
    expect(error).toBeUndefined();
    expect(scene.ranges()[resume]).toMatch(/^bytes=[1-9]\d*-$/);
    await assertInvariants({ stores: [{ store, names: [name] }] });
  });

  it('is taken when it is what was asked for, and only the rest is sent', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, times: 2, action: { kind: 'cut', afterBytes: 40_000 } });
    const store = await openStore(kind);
    const { events } = await tryPull(scene.name, { store });
    const offsets = retryOffsets(events);
    expect(scene.ranges()).toEqual([undefined, ...offsets.map((offset) => `bytes=${offset}-`)]);
    expect(offsets).toEqual([40_000, 80_000]);
  });
});

describe.each(CARRIED_STORES)('416, into the %s store [B04]', (kind) => {
  it('starts over, and does not wait for a body that its length promises', async () => {
    const scene = await startScene();
    const { registry, path, name } = scene;
    const bytes = `HTTP/1.1 416 Requested Range Not Satisfiable\r\nContent-Length: ${total}\r\n\r\n{"errors":[]}`;
    registry.fault({ path, times: 1, action: { kind: 'cut', afterBytes: 40_000 } });
    registry.fault({ path, nth: 2, times: 1, action: { kind: 'raw', bytes, after: 'open' } });
    const store = await openStore(kind);
    const { error } = await tryPull(name, { store });
    expect(error).toBeUndefined();
    expect(scene.ranges()).toEqual([undefined, 'bytes=40000-', undefined]);
    await assertInvariants({ stores: [{ store, names: [name] }] });
  });
});

describe.each(LAYOUTS)('a part that is whole, for the %s [B04]', (kind) => {
  it('is verified, and nothing is asked for', async () => {
    const scene = await startScene({ bytes: WHOLE_BLOCKS });
    const store = await openStore(kind);
    await leavePartial(store, scene, bytesOf(scene));
    const { error, events } = await tryPull(scene.name, { store });
    expect([error, retryOffsets(events), scene.ranges()]).toEqual([undefined, [], []]);
    await assertInvariants({ stores: [{ store, names: [scene.name] }] });
  });

  it('is asked for from the start when it is wrong [B05]', async () => {
    const scene = await startScene({ bytes: WHOLE_BLOCKS });
    const store = await openStore(kind);
    await leavePartial(
      store,
      scene,
      bytesOf(scene).map((byte) => byte ^ 1),
    );
    const { error, events } = await tryPull(scene.name, { store });
    expect([error, retryOffsets(events), scene.ranges()]).toEqual([undefined, [0], [undefined]]);
    await assertInvariants({ stores: [{ store, names: [scene.name] }] });
  });
});

describe.each(LAYOUTS)('a poisoned part, for the %s [B05]', (kind) => {
  it('costs one clean download, in the same pull', async () => {
    const scene = await startScene({ bytes: WHOLE_BLOCKS });
    const store = await openStore(kind);
    await leavePartial(store, scene, bytesOf(scene).subarray(0, 300_000).fill(7));
    const { error } = await tryPull(scene.name, { store });
    expect(error).toBeUndefined();
    expect(scene.ranges()).toEqual([expect.stringMatching(/^bytes=[1-9]\d+-$/), undefined]);
    await assertInvariants({ stores: [{ store, names: [scene.name] }] });
  });

  it('is not left behind for the next pull', async () => {
    const scene = await startScene();
    const { path: root } = tempDir();
    const fault = scene.registry.fault({ path: scene.path, action: { kind: 'flip', offset: 5 } });
    const directory = join(root, 'layout');
    const { error } = await tryPull(scene.name, { store: await openStore(kind, directory) });
    expect(error).toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    const ingest = await readdir(join(directory, 'ingest')).catch(() => []);
    expect(ingest.filter((name) => name.includes(scene.layer.digest.slice(7)))).toEqual([]);
    fault.remove();
    const store = await openStore(kind, directory);
    const again = await tryPull(scene.name, { store });
    expect(again.error).toBeUndefined();
    expect(scene.ranges().at(-1)).toBeUndefined();
    await assertInvariants({ stores: [{ store, names: [scene.name] }], layouts: [directory] });
  });
});
