import { defineConfig, type Options } from 'tsup';
import { readdirSync, readFileSync } from 'node:fs';
import { listEntries, sourceOf } from './test/packaging/entries.mjs';

/** What the command line loads when it is needed: each by the name of its file. */
function listLazyParts(): Record<string, string> {
  const texts = readdirSync('src/cli').map((file) => readFileSync(`src/cli/${file}`, 'utf8'));
  const names = texts.flatMap((text) =>
    [...text.matchAll(/import\('\.\/([\w-]+)\.js'\)/g)].map(([, name = '']) => name),
  );
  return Object.fromEntries(names.map((name) => [name, `src/cli/${name}.ts`]));
}

/** Keeps these parts files of their own, and what is for Node in the entry that is there already. */
const leaveOut: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'leave-out',
  setup(context) {
    context.onResolve({ filter: /^\.\.\/node\/index\.js$/ }, () => ({ path: '../node.js', external: true }));
    context.onResolve({ filter: /^\.\// }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

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
    entry: {
      ...Object.fromEntries(listEntries().map((entry) => [entry, sourceOf(entry)])),
      // The program of a thread; nobody imports it.
      'blob-worker': 'src/node/transport/blob-worker.ts',
    },
    splitting: true,
    sourcemap: true,
    // The package ships src beside dist, so the maps need not repeat it.
    esbuildOptions(options) {
      options.sourcesContent = false;
    },
    // The examples are the other half's, which runs at the same time.
    clean: ['!bin/**', '!examples/**'],
  },
  {
    ...shared,
    name: 'program',
    entry: { kubepull: 'src/cli/bin.ts', ...listLazyParts() },
    outDir: 'dist/bin',
    // A program starts faster from one file for each command than from the many that the entries share.
    splitting: false,
    esbuildPlugins: [leaveOut],
    clean: true,
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
