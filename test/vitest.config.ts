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
  testTimeout: 20_000,
};

export default defineConfig({
  root,
  resolve: { alias },
  test: {
    reporters: process.env['CI'] === undefined ? ['default'] : ['default'],
    projects: [
      { extends: true, test: { ...shared, name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/real/**'] } },
      { extends: true, test: { ...shared, name: 'real', include: ['test/real/**/*.test.ts'], testTimeout: 120_000 } },
    ],
    benchmark: { include: ['bench/**/*.bench.ts'] },
  },
});
