// Prints what each entry of the built package adds to a bundle that uses all of it, and the modules that it brings: a leak
// shows there.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { listEntries, NODE_ENTRIES, root, sourceOf, specifierOf } from '../test/packaging/entries.mjs';

/** @param {string} entry */
async function measure(entry) {
  const names = Object.keys(await import(specifierOf(entry))).join(', ');
  const { outputFiles, metafile } = await build({
    stdin: { contents: `import { ${names} } from './${sourceOf(entry)}'; console.log(${names});`, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: NODE_ENTRIES.includes(entry) ? 'node' : 'browser',
    external: ['undici', '@grpc/*'],
    target: 'es2022',
    metafile: true,
    write: false,
    outfile: 'out.js',
    logLevel: 'error',
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const used = inputs
    .filter(([path, { bytesInOutput }]) => bytesInOutput > 0 && path !== '<stdin>')
    .map(([path]) => moduleOf(path));
  return { entry, minified: code.length, gzipped: gzipSync(code, { level: 9 }).length, modules: [...new Set(used)] };
}

/** @param {string} path */
function moduleOf(path) {
  return /^src\/([\w-]+)\//.exec(path)?.[1] ?? /node_modules\/((?:@[\w-]+\/)?[\w-]+)/.exec(path)?.[1] ?? path;
}

console.log('| Entry | Minified, B | Gzipped, B | Modules |\n| --- | ---: | ---: | --- |');
for (const entry of listEntries()) {
  const { minified, gzipped, modules } = await measure(entry);
  console.log(`| ${entry} | ${minified} | ${gzipped} | ${modules.toSorted().join(', ')} |`);
}
