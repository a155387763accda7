// Writes the examples of docs/lint.md anew: `node test/lint/write-examples.mjs`.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'kubepull-examples-'));
const outfile = join(directory, 'examples.mjs');
const folders = readdirSync(`${root}src`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
await build({
  entryPoints: [`${root}test/lint/examples.ts`],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  mainFields: ['module', 'main'],
  alias: Object.fromEntries(folders.map(({ name }) => [`kubepull/${name}`, `${root}src/${name}/index.ts`])),
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'error',
});
const { renderExamples } = await import(pathToFileURL(outfile).href);
rmSync(directory, { recursive: true });
const page = `${root}docs/lint.md`;
const before = readFileSync(page, 'utf8').split('write-examples.mjs`.\n')[0];
writeFileSync(page, `${before}write-examples.mjs\`.\n\n${renderExamples()}\n`);
