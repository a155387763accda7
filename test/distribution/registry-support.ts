import { onTestFinished } from 'vitest';
import { createRegistrySession, type RegistrySession, type RegistrySessionOptions } from 'kubepull/distribution';
import { createUndiciTransport, nodeHasher } from 'kubepull/node';
import { type ImageReference, parseReference } from 'kubepull/reference';
import type { LoopbackRegistry } from 'kubepull/testing';

/** A session with a loopback registry over real connections, that are closed with the test. */
export function connectTo(
  { origin }: LoopbackRegistry,
  options: Partial<RegistrySessionOptions> = {},
): RegistrySession {
  const { transport, close } = createUndiciTransport();
  onTestFinished(close);
  return createRegistrySession({ transport, origin, createHasher: nodeHasher, ...options });
}

/** An image in a loopback registry. */
export function imageIn({ host }: LoopbackRegistry, name: string): ImageReference {
  return parseReference(`${host}/${name}`);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
