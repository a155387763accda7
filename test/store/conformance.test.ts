import { describe, it } from 'vitest';
import { nodeHasher } from 'kubepull/node';
import { createMemoryStore } from 'kubepull/store';
import { managedStoreConformance, storeConformance } from 'kubepull/testing';

describe('createMemoryStore', () => {
  const create = async () => ({ store: createMemoryStore({ createHasher: nodeHasher }) });
  const checks = [...storeConformance(create), ...managedStoreConformance(create)];

  it.each(checks.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => run());
});
