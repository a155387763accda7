import { mkdirSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { build } from 'esbuild';
import { rolldown } from 'rolldown';
import { type Plugin, rollup } from 'rollup';
import { describe, expect, it } from 'vitest';
import webpack from 'webpack';
import { tempDir } from '../../support/temp-dir.ts';
import { run } from '../child.ts';
import { NODE_ENTRIES, root, specifierOf } from '../entries.mjs';

/** Starts an entry: what it loads later is loaded, too. */
const programOf = (entry: string): string => `
  import * as entry from '${specifierOf(entry)}';
  const start = async () => {
    if ('createNodeRuntime' in entry) {
      const runtime = entry.createNodeRuntime({ workers: 0, proxy: 'none' });
      const request = { method: 'GET', url: 'http://127.0.0.1:1/v2/', headers: {} };
      await runtime.transport(request).catch(({ code, phase }) => console.log(code, phase));
      await runtime.close();
    }
    console.log('started', Object.keys(entry).length > 0);
  };
  void start();
`;

/** Makes one program of a file and all that it imports; gives its path. */
type Bundle = (input: string, directory: string) => Promise<string>;

/** What esbuild needs for modules in which CommonJS is bundled, by its own advice. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
const shared = { absWorkingDir: root, bundle: true, platform: 'node', target: 'node20', logLevel: 'silent' } as const;
const builtIns = [...builtinModules, ...builtinModules.map((name) => `node:${name}`)];

/** For `package.json` of gRPC. */
const json: Plugin = {
  name: 'json',
  transform: (code, id) => (id.endsWith('.json') ? { code: `export default ${code}`, map: null } : null),
};

const BUNDLERS: Readonly<Record<string, Bundle>> = {
  async 'esbuild, as modules'(input, directory) {
    const outdir = join(directory, 'out');
    const banner = { js: REQUIRE };
    const out = { '.js': '.mjs' };
    await build({ ...shared, entryPoints: [input], outdir, outExtension: out, format: 'esm', splitting: true, banner });
    return join(outdir, 'program.mjs');
  },
  async 'esbuild, as CommonJS'(input, directory) {
    const outfile = join(directory, 'program.cjs');
    await build({ ...shared, entryPoints: [input], outfile, format: 'cjs' });
    return outfile;
  },
  async rollup(input, directory) {
    const plugins = [json, nodeResolve({ preferBuiltins: true }), (commonjs as unknown as typeof commonjs.default)()];
    const made = await rollup({ input, external: builtIns, plugins, onwarn: () => undefined });
    await made.write({ dir: join(directory, 'out'), format: 'es', entryFileNames: '[name].mjs' });
    return join(directory, 'out', 'program.mjs');
  },
  async rolldown(input, directory) {
    const made = await rolldown({ input, platform: 'node', logLevel: 'silent' });
    await made.write({ dir: join(directory, 'out'), format: 'esm', entryFileNames: '[name].mjs' });
    return join(directory, 'out', 'program.mjs');
  },
  async webpack(input, directory) {
    const path = join(directory, 'out');
    const compiler = webpack({
      mode: 'none',
      target: 'node20',
      entry: input,
      output: { path, filename: 'program.cjs' },
      context: root,
    });
    await new Promise<void>((resolve, reject) => {
      compiler.run((error, stats) => {
        if (error !== null || stats === undefined || stats.hasErrors()) reject(error ?? new Error(stats?.toString()));
        else compiler.close(() => resolve());
      });
    });
    return join(path, 'program.cjs');
  },
};

/** A folder in the package, so that its name is found, but for what runs. */
function prepare(entry: string): { readonly input: string; readonly directory: string } {
  const directory = tempDir().path;
  const inputs = join(root, 'dist', 'programs', entry);
  mkdirSync(inputs, { recursive: true });
  const input = join(inputs, 'program.mjs');
  writeFileSync(input, programOf(entry));
  return { input, directory };
}

describe.each(Object.entries(BUNDLERS))('a program that %s has bundled', (_, bundle) => {
  it.each(NODE_ENTRIES)('starts, without any other file: kubepull/%s', async (entry) => {
    const { input, directory } = prepare(entry);
    const program = await bundle(input, directory);
    const { stdout, stderr, exitCode } = await run(process.execPath, [program], { cwd: directory });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toContain('started true');
    if (entry === 'node') expect(stdout).toContain('ERR_TRANSPORT connect');
  });
});
