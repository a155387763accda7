import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createImageManager, type ImagePullEvent } from 'kubepull/image-manager';
import { createPullerImageService } from 'kubepull/image-service';
import { nodeHasher } from 'kubepull/node';
import { createMemoryStore, writeContent } from 'kubepull/store';
import { buildImage, buildIndex, type LoopbackRegistry } from 'kubepull/testing';
import type { PullEvent } from 'kubepull/puller';
import type { PullStep } from '../../src/puller/events.ts';
import { createTotals, planContents } from '../../src/puller/plan.ts';
import { runsOf } from '../support/property-runs.ts';
import { startRegistry } from '../support/registry.ts';
import { amd64, startRuntime, tryPull } from './downloads-support.ts';

const image = buildImage({
  platform: amd64,
  layers: ['a', 'b', 'c'].map((seed) => ({ randomBytes: 200_000, seed, compression: 'none' })),
});
const blobs = [image.manifest.config, ...image.manifest.layers];
const bytesOf = (contents: readonly { readonly size: number }[]) => contents.reduce((sum, { size }) => sum + size, 0);
const plans = (events: readonly PullEvent[]) => events.flatMap((event) => (event.type === 'plan' ? [event] : []));
const progress = (events: readonly PullEvent[]) => events.flatMap((event) => (event.type === 'blob' ? [event] : []));
const askedForBlobs = ({ requests }: LoopbackRegistry) => requests.filter(({ url }) => url.includes('/blobs/'));

async function start() {
  const registry = await startRegistry();
  registry.push('app', '1', image);
  return { registry, name: `${registry.host}/app:1`, store: createMemoryStore({ createHasher: nodeHasher }) };
}

describe('the plan of a pull', () => {
  it('comes before the first request for a blob, with what the store lacks', async () => {
    const { registry, name, store } = await start();
    const [layer] = image.manifest.layers;
    if (layer === undefined) throw new Error('No layer');
    await writeContent(store, layer, image.blobs.get(layer.digest) ?? Buffer.alloc(0));
    let askedBefore = -1;
    const onEvent = ({ type }: PullEvent) => {
      if (type === 'plan') askedBefore = askedForBlobs(registry).length;
    };
    const { events } = await tryPull(name, { store, onEvent });
    expect(plans(events)).toEqual([
      {
        type: 'plan',
        manifest: expect.objectContaining({ digest: image.descriptor.digest }) as unknown,
        contents: blobs,
        bytes: bytesOf(blobs),
        present: [layer],
        presentBytes: layer.size,
      },
    ]);
    expect(askedBefore).toBe(0);
    expect(askedForBlobs(registry)).toHaveLength(3);
  });

  it('has nothing that is there where there is no store', async () => {
    const plan = await planContents(image.manifest, { store: undefined, signal: undefined });
    expect(plan).toEqual({ contents: blobs, bytes: bytesOf(blobs), present: [], presentBytes: 0 });
  });

  it('asks the store once about what is there', async () => {
    const { name, store } = await start();
    await tryPull(name, { store });
    const asked: string[] = [];
    const has: typeof store.has = (content, call) => {
      asked.push(content.digest);
      return store.has(content, call);
    };
    const { events } = await tryPull(name, { store: { ...store, has } });
    expect(asked.filter((digest) => digest !== image.descriptor.digest).toSorted()).toEqual(
      blobs.map(({ digest }) => digest).toSorted(),
    );
    expect(progress(events).map(({ phase, doneBytes }) => [phase, doneBytes])).toEqual(
      blobs.map(() => ['skipped', bytesOf(blobs)]),
    );
  });

  it('is made for each manifest that is looked at where an index does not say what they are for', async () => {
    const { registry, store } = await start();
    const other = buildImage({ platform: { os: 'linux', architecture: 's390x' }, layers: [{ randomBytes: 10 }] });
    const silent = (built: typeof image) => ({ ...built, descriptor: { ...built.descriptor, platform: undefined } });
    registry.push('app', 'index', buildIndex([silent(other), silent(image)]));
    const { events } = await tryPull(`${registry.host}/app:index`, { store });
    expect(plans(events).map(({ manifest }) => manifest.digest)).toEqual([
      other.descriptor.digest,
      image.descriptor.digest,
    ]);
    expect(progress(events).at(-1)).toMatchObject({ doneBytes: bytesOf(blobs), totalBytes: bytesOf(blobs) });
  });
});

describe('the progress of a pull', () => {
  it('grows to all bytes of the plan, also past a cut', async () => {
    const { registry, name, store } = await start();
    registry.fault({
      path: new RegExp(image.manifest.layers[1]?.digest ?? '!'),
      times: 2,
      action: { kind: 'cut', afterBytes: 70_000 },
    });
    const { events } = await tryPull(name, { store });
    const done = progress(events).map(({ doneBytes }) => doneBytes);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.at(-1)).toBe(bytesOf(blobs));
    expect(new Set(progress(events).map(({ totalBytes }) => totalBytes))).toEqual(new Set([bytesOf(blobs)]));
  });

  it('sums up the newest bytes of each blob, whatever the order', () => {
    const step = fc.record({ at: fc.nat({ max: 3 }), bytes: fc.nat({ max: 1000 }) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const plan = { type: 'plan', manifest: image.descriptor, contents: blobs, bytes: bytesOf(blobs) } as const;
        const withTotals = createTotals();
        withTotals({ ...plan, present: [], presentBytes: 0 });
        const newest = new Map<number, number>();
        for (const { at, bytes } of steps) {
          newest.set(at, bytes);
          const event: PullStep = { type: 'blob', descriptor: blobs[at] ?? image.descriptor, phase: 'progress', bytes };
          const doneBytes = [...newest.values()].reduce((sum, size) => sum + size, 0);
          expect(withTotals(event)).toEqual({ ...event, doneBytes, totalBytes: bytesOf(blobs) });
        }
      }),
      runsOf('turns'),
    );
  });
});

describe('an image manager', () => {
  const pod = (name: string) => ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
    spec: { containers: [{ name: 'app', image: name }] },
  });

  it('tells the plan and the progress of its pulls, with the image and the pod', async () => {
    const { registry, name, store } = await start();
    const images = createPullerImageService({ runtime: startRuntime(), store, plainHttp: [registry.host] });
    const told: ImagePullEvent[] = [];
    const onPullEvent = (event: ImagePullEvent) => void told.push(event);
    const manager = createImageManager({ images, createHasher: nodeHasher, onPullEvent });
    await manager.ensureContainerImage({ pod: pod(name), container: 'app' });
    expect(new Set(told.map(({ image: of, sandbox }) => `${of} ${sandbox?.namespace}/${sandbox?.name}`))).toEqual(
      new Set([`${name} shop/web`]),
    );
    const events = told.map(({ event }) => event);
    expect(plans(events)).toMatchObject([{ bytes: bytesOf(blobs), presentBytes: 0 }]);
    expect(progress(events).at(-1)?.doneBytes).toBe(bytesOf(blobs));
  });

  it('asks its own verify, besides that of the service, and no layer after a refusal', async () => {
    const { registry, name, store } = await start();
    const asked: string[] = [];
    const judge = (who: string, answer: string | undefined) => async () => {
      asked.push(who);
      return answer;
    };
    const options = { runtime: startRuntime(), store, plainHttp: [registry.host], verify: judge('service', undefined) };
    const manager = createImageManager({
      images: createPullerImageService(options),
      createHasher: nodeHasher,
      verify: judge('manager', 'not ours'),
    });
    expect(await manager.ensureContainerImage({ pod: pod(name), container: 'app' })).toMatchObject({
      reason: 'SignatureValidationFailed',
      message: expect.stringContaining('not ours') as string,
    });
    expect(asked).toEqual(['service', 'manager']);
    expect(askedForBlobs(registry)).toEqual([]);
  });

  it('is not made with verify for a runtime that would not ask it', async () => {
    const { registry, store } = await start();
    const service = createPullerImageService({ runtime: startRuntime(), store, plainHttp: [registry.host] });
    const images = { ...service, verifies: undefined };
    expect(() => createImageManager({ images, createHasher: nodeHasher, verify: () => undefined })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error,
    );
  });
});
