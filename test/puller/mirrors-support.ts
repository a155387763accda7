import { onTestFinished } from 'vitest';
import { systemClock } from 'kubepull/clock';
import { createMirrorEndpoint, type RegistryEndpoint, createUpstreamEndpoint } from 'kubepull/mirrors';
import { createSecret, type DockerConfigEntry } from 'kubepull/docker-config';
import { createNodeRuntime, nodeHasher, type NodeRuntimeOptions } from 'kubepull/node';
import { pullImageEvents, type PulledImage, type PullEvent, type PullOptions } from 'kubepull/puller';
import type { ImageReference } from 'kubepull/reference';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, type BuiltImage, type LoopbackRegistry } from 'kubepull/testing';

export const amd64 = { os: 'linux', architecture: 'amd64' } as const;

/** An image of its own for every seed. */
export function imageOf(seed: string): BuiltImage {
  return buildImage({
    platform: amd64,
    layers: [{ files: { 'etc/motd': `for ${seed}\n` } }, { randomBytes: 40_000, seed }],
  });
}

export function entryFor(pattern: string, password: string): DockerConfigEntry {
  return {
    pattern,
    source: { kind: 'secret', namespace: 'default', name: `for-${pattern}`, uid: undefined },
    credential: {
      username: 'u',
      password: createSecret(password),
      identityToken: undefined,
      registryToken: undefined,
      email: undefined,
    },
  };
}

/** The mirrors in order, then the image's own registry over plain HTTP. */
export function through(
  mirrors: readonly (LoopbackRegistry | string)[],
  options: Parameters<typeof createMirrorEndpoint>[2] = {},
): (ref: ImageReference) => readonly RegistryEndpoint[] {
  return (ref) => [
    ...mirrors.map((mirror) => createMirrorEndpoint(typeof mirror === 'string' ? mirror : mirror.origin, ref, options)),
    createUpstreamEndpoint(ref, { plainHttp: true }),
  ];
}

export interface Followed {
  readonly pulled: PulledImage;
  readonly events: readonly PullEvent[];
  /** The pauses that it would have made, in milliseconds. */
  readonly slept: readonly number[];
}

/** Pulls into a store of its own, without pauses between retries. */
export async function pull(
  image: string,
  options: Partial<PullOptions>,
  connect: NodeRuntimeOptions = {},
): Promise<Followed> {
  const slept: number[] = [];
  const clock = { ...systemClock, sleep: async (ms: number) => void slept.push(ms) };
  const runtime = createNodeRuntime({ ...connect, platform: amd64, clock });
  onTestFinished(() => runtime.close());
  const store = createMemoryStore({ createHasher: nodeHasher });
  const events: PullEvent[] = [];
  for await (const event of pullImageEvents(image, { runtime, store, ...options })) events.push(event);
  const last = events.at(-1);
  if (last?.type !== 'pulled') throw new Error('No image');
  return { pulled: last.image, events, slept };
}

/** The endpoint events, one line each. */
export function endpointRows(events: readonly PullEvent[]): readonly string[] {
  return events.flatMap((event) =>
    event.type === 'endpoint' ? [`${event.purpose} ${event.endpoint.origin} ${event.outcome}`] : [],
  );
}
