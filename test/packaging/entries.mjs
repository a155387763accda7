// The one list of the package's entries: the build, the checks and the benches all take it from the folders of src.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Entries that may use Node; every other one is portable. */
export const NODE_ENTRIES = ['cli', 'cri', 'node', 'testing'];

/**
 * The entries that exist: `index`, then every folder of src with a public face.
 *
 * @returns {string[]}
 */
export function listEntries() {
  const modules = readdirSync(join(root, 'src'), { withFileTypes: true })
    .filter((folder) => folder.isDirectory() && folder.name !== 'internal')
    .map((folder) => folder.name)
    .filter((name) => existsSync(join(root, 'src', name, 'index.ts')))
    .toSorted();
  return ['index', ...modules];
}

/**
 * @param {string} entry
 * @returns {string} the source of an entry, from the project's root
 */
export function sourceOf(entry) {
  return entry === 'index' ? 'src/index.ts' : `src/${entry}/index.ts`;
}

/**
 * @param {string} entry
 * @returns {string} how a user imports it
 */
export function specifierOf(entry) {
  return entry === 'index' ? 'kubepull' : `kubepull/${entry}`;
}

/**
 * What `exports` in package.json has to say.
 *
 * @param {readonly string[]} entries
 * @returns {Record<string, string | { types: string, default: string }>}
 */
export function exportsOf(entries) {
  const rows = entries.map((entry) => {
    const types = `./dist/types/${entry === 'index' ? 'index' : `${entry}/index`}.d.ts`;
    return [entry === 'index' ? '.' : `./${entry}`, { types, default: `./dist/${entry}.js` }];
  });
  return { ...Object.fromEntries(rows), './package.json': './package.json' };
}
