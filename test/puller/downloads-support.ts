import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from 'kubepull/clock';
import { createNodeRuntime, nodeHasher, openOciLayout } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import { type PulledImage, pullImageEvents, type PullEvent, type PullOptions } from 'kubepull/puller';
import { createMemoryStore, type ImageStore } from 'kubepull/store';
import { buildImage, type BuiltImage, type LoopbackRegistry, type LoopbackRegistryOptions } from 'kubepull/testing';
import { startRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

export const amd64 = { os: 'linux', architecture: 'amd64' } as const;
export const LAYER_BYTES = 300_000;

/** A registry with one image, whose one layer is what the test is about. */
export interface Scene {
  readonly registry: LoopbackRegistry;
  readonly image: BuiltImage;
  readonly name: string;
  readonly layer: Descriptor;
  /** The path of the layer. */
  readonly path: RegExp;
  /** The ranges that were asked for of the layer, in order; `undefined` for all of it. */
  ranges(): readonly (string | undefined)[];
}

export async function startScene(options: LoopbackRegistryOptions & { bytes?: number } = {}): Promise<Scene> {
  const { bytes = LAYER_BYTES, ...rest } = options;
  const registry = await startRegistry(rest);
  const image = buildImage({ platform: amd64, layers: [{ randomBytes: bytes, compression: 'none' }] });
  registry.push('team/app', '1', image);
  const [layer] = image.manifest.layers;
  if (layer === undefined) throw new Error('No layer');
  const path = new RegExp(`/blobs/${layer.digest}`);
  return {
    registry,
    image,
    name: `${registry.host}/team/app:1`,
    layer,
    path,
    ranges: () =>
      registry.requests
        .filter(({ method, url }) => method === 'GET' && path.test(url))
        .map(({ headers }) => headers['range']),
  };
}

export const STORES = ['memory', 'layout'] as const;

/** The stores by what brings their bytes: the transport, or a carrier in this thread or in others. */
export const CARRIED_STORES = [...STORES, 'layout, read by sockets', 'layout, read by threads'] as const;

/** Those of them that keep files. */
export const LAYOUTS = ['layout', 'layout, read by sockets', 'layout, read by threads'] as const;

const WORKERS = { 'layout, read by sockets': 0, 'layout, read by threads': 2 } as const;
const workersOf = new WeakMap<ImageStore, number>();

export async function openStore(
  kind: (typeof CARRIED_STORES)[number],
  directory: string = join(tempDir().path, 'layout'),
): Promise<ImageStore> {
  if (kind === 'memory') return createMemoryStore({ createHasher: nodeHasher });
  const store = await openOciLayout(directory);
  if (kind !== 'layout') workersOf.set(store, WORKERS[kind]);
  return store;
}

export interface Outcome {
  readonly pulled: PulledImage | undefined;
  readonly error: unknown;
  readonly events: readonly PullEvent[];
}

/** Pulls over plain HTTP and without pauses, and never throws. */
export async function tryPull(
  name: string,
  options: Omit<PullOptions, 'runtime'> & { runtime?: PullOptions['runtime']; onEvent?: (event: PullEvent) => void },
): Promise<Outcome> {
  const { runtime = startRuntime(workersOf.get(options.store)), onEvent, ...rest } = options;
  const events: PullEvent[] = [];
  try {
    const plainHttp = [name.slice(0, name.indexOf('/'))];
    for await (const event of pullImageEvents(name, { runtime, plainHttp, ...rest })) {
      events.push(event);
      onEvent?.(event);
    }
  } catch (error) {
    return { pulled: undefined, error, events };
  }
  const last = events.at(-1);
  return { pulled: last?.type === 'pulled' ? last.image : undefined, error: undefined, events };
}

/**
 * A runtime whose clock does not wait.
 *
 * @param workers - those of its carrier, which then brings whatever a store lets it; none for the transport alone
 */
export function startRuntime(workers?: number): ReturnType<typeof createNodeRuntime> {
  const carrier = workers === undefined ? {} : { workers, minCarriedBytes: 0 };
  const clock = { ...systemClock, sleep: async () => undefined };
  const runtime = createNodeRuntime({ platform: amd64, clock, ...carrier });
  onTestFinished(() => runtime.close());
  return runtime;
}

/** What the retries started from. */
export function retryOffsets(events: readonly PullEvent[]): readonly number[] {
  return events.flatMap((event) => (event.type === 'retry' && event.offset !== undefined ? [event.offset] : []));
}
