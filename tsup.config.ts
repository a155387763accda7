import { defineConfig, type Options } from 'tsup';
import { listEntries, sourceOf } from './test/packaging/entries.mjs';

const shared: Options = {
  format: 'esm',
  target: ['es2022', 'node20'],
  platform: 'node',
  removeNodeProtocol: false,
};

export default defineConfig([
  {
    ...shared,
    name: 'library',
    entry: Object.fromEntries(listEntries().map((entry) => [entry, sourceOf(entry)])),
    splitting: true,
    sourcemap: true,
    // The package ships src beside dist, so the maps need not repeat it.
    esbuildOptions(options) {
      options.sourcesContent = false;
    },
    // The examples are the other half's, which runs at the same time.
    clean: ['!examples/**'],
  },
  {
    ...shared,
    name: 'examples',
    entry: ['docs/examples/**/*.ts'],
    outDir: 'dist/examples',
    // File by file, so that they use the package as a user does: through its own exports.
    bundle: false,
    clean: true,
  },
]);
