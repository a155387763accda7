import { describe, it } from 'vitest';
import { nodeHasher } from 'kubepull/node';
import { createMemoryStore } from 'kubepull/store';
import { testManagedStore, testStore } from 'kubepull/testing';

describe('createMemoryStore', () => {
  const create = async () => ({ store: createMemoryStore({ createHasher: nodeHasher }) });
  const checks = [...testStore(create), ...testManagedStore(create)];

  it.each(checks.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => run());
});
