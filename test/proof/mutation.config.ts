// The tests of one module, as `npm run mutation` runs them for every change that it makes to the module.
import { defineConfig } from 'vitest/config';
import { alias, root } from '../vitest.config.ts';

export default defineConfig({
  root,
  resolve: { alias: [...alias] },
  test: {
    include: JSON.parse(process.env['KUBEPULL_TEST_MUTATION'] ?? '[]') as string[],
    setupFiles: ['test/support/setup.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    isolate: false,
  },
});
