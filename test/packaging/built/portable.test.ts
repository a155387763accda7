import { join } from 'node:path';
import { build, type BuildResult, type Plugin } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { runScript } from '../child.ts';
import { listEntries, NODE_ENTRIES, root, sourceOf, specifierOf } from '../entries.mjs';

const portable = listEntries().filter((entry) => !NODE_ENTRIES.includes(entry));

/** The URLs of all that Node loads for an import, from the built package. */
async function loadedBy(specifier: string): Promise<readonly string[]> {
  const hook = `--import=${new URL('log-imports.mjs', import.meta.url).href}`;
  const out = await runScript(`import '${specifier}';`, root, [hook]);
  return out.split('\n').flatMap((line) => (line.startsWith('loaded ') ? [line.slice('loaded '.length)] : []));
}

const isForeign = (url: string): boolean => url.startsWith('node:') || url.includes('/undici/');

/** Bundles for a browser, without leave to keep any import. */
function bundle(entry: string): Promise<BuildResult<{ metafile: true }>> {
  return build({
    entryPoints: [join(root, sourceOf(entry))],
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    write: false,
    logLevel: 'silent',
    plugins: [refuseBuiltIns],
  });
}

const refuseBuiltIns: Plugin = {
  name: 'refuse-built-ins',
  setup(context) {
    context.onResolve({ filter: /^(node:|undici)/ }, ({ path, importer }) => ({
      errors: [{ text: `${importer} imports ${path}` }],
    }));
  },
};

describe("import 'kubepull'", () => {
  it('loads neither undici nor any built-in of Node', async () => {
    const loaded = await loadedBy('kubepull');
    expect(loaded.some((url) => url.endsWith('/dist/index.js'))).toBe(true);
    expect(loaded.filter(isForeign)).toEqual([]);
  });

  it('would be caught: kubepull/node loads built-ins, and undici is seen where it is loaded', async () => {
    expect((await loadedBy(specifierOf('node'))).some((url) => url.startsWith('node:'))).toBe(true);
    expect((await loadedBy('undici')).some((url) => url.includes('/undici/'))).toBe(true);
  });
});

describe("import 'kubepull/node'", () => {
  it('loads no dependency: undici comes with the first request, a parser of files with the first file', async () => {
    const loaded = await loadedBy(specifierOf('node'));
    expect(loaded.filter((url) => /node_modules\/(?:undici|yaml|smol-toml|jsonc-parser)\//.test(url))).toEqual([]);
  });
});

describe('a browser bundle', () => {
  it.each(portable)('holds everything that it needs: %s', async (entry) => {
    const { metafile } = await bundle(entry);
    const external = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
    expect(external).toEqual([]);
    expect(
      Object.keys(metafile.inputs).filter(
        (path) => !/^(src|node_modules\/(?:picomatch|aws4fetch|rfc6902))\//.test(path),
      ),
    ).toEqual([]);
  });

  it('would be caught: the Node adapters do not bundle', async () => {
    await expect(bundle('node')).rejects.toThrow('imports node:');
  });
});
