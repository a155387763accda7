// Builds the playground: one page, one script, one style sheet, and nothing that comes from elsewhere.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * Writes the playground into a folder.
 *
 * @param {string} outDir such as `docs/site/playground`
 */
export async function buildPlayground(outDir) {
  mkdirSync(outDir, { recursive: true });
  await build({
    entryPoints: { playground: join(here, 'main.ts') },
    outdir: outDir,
    bundle: true,
    minify: true,
    // A script that is no module also runs when the page is opened as a file.
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    tsconfig: join(here, '../../test/tsconfig.json'),
    logLevel: 'warning',
  });
  await build({
    entryPoints: { playground: join(here, 'style.css') },
    outdir: outDir,
    minify: true,
    target: 'es2022',
    logLevel: 'warning',
  });
  cpSync(join(here, 'index.html'), join(outDir, 'index.html'));
}
