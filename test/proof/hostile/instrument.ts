// Bundles a program so that it counts what it runs of the library: each statement, function and branch arm as often as it is
// run. By that a fuzzer sees whether an input goes where none went before, and a test whether a long input takes too many steps.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Plugin, transform } from 'esbuild';
import { createInstrumenter } from 'istanbul-lib-instrument';
import { bundleWith } from '../../support/leaks-bundle.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Is counted like the library, to try those who count. */
const WITHIN = `${root}test/proof/hostile/within.ts`;
/** A counter as istanbul writes it. */
const COUNTER = /\bcov_\w+\(\)\.(?:[sf]\[\d+\]|b\[\d+\]\[\d+\])\+\+/g;
/** What it puts in front: the function that keeps the counts by file, and a call of it. */
const PREAMBLE = /^function (cov_\w+)\(\) \{[^]*?\n\}\n\1\(\);\n/;

/**
 * @param program - a path from the root of the project
 * @returns how many places are counted; the program finds the counts in `globalThis.counted`
 */
export async function bundleCounted(program: string, outfile: string): Promise<number> {
  let places = 0;
  const count: Plugin = {
    name: 'count',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (!path.startsWith(`${root}src/`) && path !== WITHIN) return undefined;
        const { code } = await transform(readFileSync(path, 'utf8'), { loader: 'ts', target: 'es2022' });
        const instrumenter = createInstrumenter({ esModules: true, compact: false, coverageVariable: '__counted__' });
        const counted = instrumenter.instrumentSync(code, path);
        const bare = counted.replace(PREAMBLE, '');
        const contents = bare.replaceAll(COUNTER, () => `__count(${(places += 1)})`);
        if (bare === counted || /\bcov_/.test(contents)) throw new Error(`Cannot count in ${path}`);
        return { contents, loader: 'js' };
      });
    },
  };
  await bundleWith(program, outfile, { plugins: [count], banner: BANNER });
  return places;
}

/** Counts, and which of them are not 0; a run that takes more steps than it may is ended. */
const BANNER = `
const __counted = { counts: new Uint32Array(1 << 17), places: new Uint32Array(1 << 17), length: 0, steps: 0, most: Infinity };
globalThis.counted = __counted;
function __count(place) {
  if (__counted.counts[place]++ === 0) __counted.places[__counted.length++] = place;
  if (++__counted.steps > __counted.most) { __counted.most = Infinity; throw new Error('it takes too many steps'); }
}`;
