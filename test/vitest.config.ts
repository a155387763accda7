import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

const alias = [
  { find: /^kubepull$/, replacement: `${root}src/index.ts` },
  { find: /^kubepull\/([\w-]+)$/, replacement: `${root}src/$1/index.ts` },
];

const shared = {
  setupFiles: ['test/support/setup.ts'],
  globalSetup: ['test/support/global-setup.ts'],
  // Nothing is timed by these: they only end what hangs, also where other work slows the machine down.
  testTimeout: 300_000,
  hookTimeout: 300_000,
};

/** Set by .ci/run, which adds up the results of several runs. */
const resultsFile = process.env['KUBEPULL_TEST_RESULTS'];

export default defineConfig({
  root,
  resolve: { alias },
  test: {
    reporters: resultsFile === undefined ? ['default'] : ['default', ['json', { outputFile: resultsFile }]],
    projects: [
      { extends: true, test: { ...shared, name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/real/**'] } },
      { extends: true, test: { ...shared, name: 'real', include: ['test/real/**/*.test.ts'] } },
    ],
    coverage: { include: ['src/**/*.ts'], reporter: ['text'], reportsDirectory: 'coverage' },
    benchmark: { include: ['bench/**/*.bench.ts'] },
  },
});
