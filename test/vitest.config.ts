import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export const root: string = fileURLToPath(new URL('..', import.meta.url));

export const alias: readonly { readonly find: RegExp; readonly replacement: string }[] = [
  { find: /^kubepull$/, replacement: `${root}src/index.ts` },
  { find: /^kubepull\/([\w-]+)$/, replacement: `${root}src/$1/index.ts` },
];

const TESTS = 'test/**/*.test.ts';
const BUILT = 'test/packaging/built/**/*.test.ts';
const ISOLATED = 'test/**/*.isolated.test.ts';
/** What `npm run proof` runs beside the tests of the suite that count for a claim. */
const PROOF = 'test/proof/**/*.test.ts';
/** Programs that take long: a checker of regular expressions, and suites that run in a suite. */
const SLOW = 'test/packaging/{canary-hook,regexps}.test.ts';
const BUILD = 'test/packaging/built/build.ts';

const shared = {
  setupFiles: ['test/support/setup.ts'],
  globalSetup: ['test/support/global-setup.ts'],
  // Nothing is timed by these: they only end what hangs, also where other work slows the machine down.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  // More than there are processors: some of them wait, for a timer, for the disk or for a process.
  maxWorkers: availableParallelism() + 3,
};

/** Set by .ci/run, which adds up the results of several runs. */
const resultsFile = process.env['KUBEPULL_TEST_RESULTS'];

export default defineConfig({
  root,
  resolve: { alias },
  test: {
    // What was transformed once is not transformed again while its text is the same. Not where a change is judged.
    experimental: { fsModuleCache: process.env['CI'] === undefined },
    reporters: resultsFile === undefined ? ['default'] : ['default', ['json', { outputFile: resultsFile }]],
    projects: [
      // One process for many files: most of the time would go into loading the same modules again.
      {
        extends: true,
        test: {
          ...shared,
          name: 'unit',
          include: [TESTS],
          exclude: ['test/real/**', BUILT, SLOW, ISOLATED, PROOF],
          isolate: false,
        },
      },
      // Files that put something else in the place of a module.
      { extends: true, test: { ...shared, name: 'unit-isolated', include: [ISOLATED] } },
      // What was built: bundles, the packed package, the examples as programs. The build runs first. And what takes long.
      {
        extends: true,
        test: { ...shared, name: 'package', include: [BUILT, SLOW], globalSetup: [...shared.globalSetup, BUILD] },
      },
      // Claims of reliability that take long, each file in a process of its own and one after the other: some measure memory.
      { extends: true, test: { ...shared, name: 'proof', include: [PROOF], fileParallelism: false } },
      // Against real servers and tools, which .ci/run installs.
      { extends: true, test: { ...shared, name: 'real', include: ['test/real/**/*.test.ts'] } },
    ],
    coverage: {
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      reportsDirectory: 'coverage',
      thresholds: { lines: 97, branches: 93 },
    },
  },
});
