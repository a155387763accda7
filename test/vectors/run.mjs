// `npm run vectors -- [DIR]`: bundles the runner, but not the library, which it uses as it was built.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
const outfile = `${root}temp/vectors.mjs`;
await build({
  entryPoints: [`${root}test/vectors/run.ts`],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  external: ['kubepull', 'kubepull/*'],
  logLevel: 'error',
});
const { runFolder } = await import(pathToFileURL(outfile).href);
const folder = process.argv[2] ?? `${root}test/vectors`;
try {
  const { lines, ok } = await runFolder(folder);
  for (const line of lines) console.log(line);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  console.error(`Cannot run the vectors of ${folder}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
