import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Makes one file of a program of this folder and the library's sources, so that a plain Node runs it. */
export function bundle(program: string, outfile: string): Promise<void> {
  return bundleWith(`test/support/${program}`, outfile);
}

/** The same of any program, by its path from the root of the project. */
export async function bundleWith(
  program: string,
  outfile: string,
  { plugins = [], banner = '' }: { readonly plugins?: Plugin[]; readonly banner?: string } = {},
): Promise<void> {
  const folders = readdirSync(`${root}src`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  await build({
    entryPoints: [`${root}${program}`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    mainFields: ['module', 'main'],
    alias: Object.fromEntries(folders.map(({ name }) => [`kubepull/${name}`, `${root}src/${name}/index.ts`])),
    plugins,
    banner: {
      js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);${banner}`,
    },
  });
}
