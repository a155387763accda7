import { join } from 'node:path';
import { describe, it } from 'vitest';
import { openOciLayout } from 'kubepull/node';
import { storeConformance } from 'kubepull/testing';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('openOciLayout', () => {
  const checks = storeConformance(async () => {
    const directory = join(tempDir().path, 'layout');
    return { store: await openOciLayout(directory), cleanup: () => assertLayoutValid(directory) };
  });

  it.each(checks.map(({ name, run }) => [name, run] as const))('%s, and stays valid', async (_, run) => run());
});
