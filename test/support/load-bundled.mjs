import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Loads a TypeScript file of the tests outside of a test, for the scripts that write pages anew.
 *
 * @param {string} path from the project's root
 * @returns {Promise<any>} what the file exports
 */
export async function loadBundled(path) {
  const directory = mkdtempSync(join(tmpdir(), 'kubepull-page-'));
  const outfile = join(directory, 'bundle.mjs');
  const folders = readdirSync(`${root}src`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  try {
    await build({
      entryPoints: [`${root}${path}`],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      alias: Object.fromEntries(folders.map(({ name }) => [`kubepull/${name}`, `${root}src/${name}/index.ts`])),
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      logLevel: 'error',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
