import { describe, it } from 'vitest';
import { nodeHasher } from 'kubepull/node';
import { createMemoryStore } from 'kubepull/store';
import { storeConformance } from 'kubepull/testing';

describe('createMemoryStore', () => {
  const checks = storeConformance(async () => ({ store: createMemoryStore({ createHasher: nodeHasher }) }));

  it.each(checks.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => run());
});
