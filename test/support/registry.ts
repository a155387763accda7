import { onTestFinished } from 'vitest';
import { createLoopbackRegistry, type LoopbackRegistry, type LoopbackRegistryOptions } from 'kubepull/testing';
import { observeRequests } from './canary.ts';

/** A loopback registry that closes with the test; a planted secret that it gets and must not see fails the test. */
export async function startRegistry(options: LoopbackRegistryOptions = {}): Promise<LoopbackRegistry> {
  const registry = await createLoopbackRegistry(options);
  observeRequests(registry.origin, () => registry.requests);
  onTestFinished(() => registry.close());
  return registry;
}
