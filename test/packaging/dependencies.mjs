// What the package brings along: the licenses of its dependencies, as the page docs/dependencies.md and as a bill of materials.
//   node test/packaging/dependencies.mjs --write   writes the page anew
//   node test/packaging/dependencies.mjs --sbom    writes temp/sbom.cdx.json (CycloneDX)
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { root } from './entries.mjs';

/** The licenses that a dependency may have. All of them only ask that their text is kept. */
export const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];

/**
 * @typedef {Record<string, string>} Ranges
 * @typedef {{ version?: string, license?: string, dev?: boolean, dependencies?: Ranges, devDependencies?: Ranges, peerDependencies?: Ranges }} Locked
 * @typedef {{ name: string, version: string, license: string, direct: boolean, place: string }} Dependency
 */

/** @param {string} name */
const readJson = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'));

/** @returns {Record<string, Locked>} the packages of the lock file, by their place in node_modules; '' is this one */
const lockedPackages = () => readJson('package-lock.json').packages;

/**
 * Everything that is installed for some packages, as Node finds it: the folder of the package that asks, then those around it.
 *
 * @param {Readonly<Record<string, Locked>>} locked
 * @param {readonly string[]} names
 * @returns {Dependency[]} by name
 */
export function dependenciesOf(locked, names) {
  /** @type {Map<string, Dependency>} */
  const found = new Map();
  /** @param {string} from @param {string} name */
  const visit = (from, name) => {
    let folder = from;
    while (folder !== '' && locked[`${folder}/node_modules/${name}`] === undefined)
      folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    const at = locked[place];
    if (at === undefined)
      throw new Error(`${name}, which ${from || 'this package'} needs, is not in package-lock.json`);
    if (found.has(place)) return;
    found.set(place, {
      name,
      version: at.version ?? '',
      license: at.license ?? 'none',
      direct: names.includes(name) && folder === '',
      place,
    });
    for (const next of Object.keys(at.dependencies ?? {})) visit(place, next);
  };
  for (const name of names) visit('', name);
  return [...found.values()].toSorted((a, b) => (`${a.name} ${a.place}` < `${b.name} ${b.place}` ? -1 : 1));
}

/** What `npm install kubepull` brings. */
export const requiredDependencies = () =>
  dependenciesOf(lockedPackages(), Object.keys(readJson('package.json').dependencies));

/** What a user of `kubepull/cri` installs besides. */
export const optionalDependencies = () =>
  dependenciesOf(lockedPackages(), Object.keys(readJson('package.json').peerDependencies));

/**
 * @param {readonly Dependency[]} dependencies
 * @returns {string[]} those with another license than the permissive ones
 */
export function licenseFaults(dependencies) {
  return dependencies
    .filter(({ license }) => !PERMISSIVE.includes(license))
    .map(({ name, version, license }) => `${name} ${version}: ${license}`);
}

/** @param {readonly Dependency[]} dependencies */
function table(dependencies) {
  const rows = dependencies.map(
    ({ name, version, license, direct }) => `| \`${name}\` | ${version} | ${license} | ${direct ? 'yes' : 'no'} |`,
  );
  return ['| Package | Version | License | Direct |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** @returns {string} docs/dependencies.md, without the padding of its tables */
export function dependenciesPage() {
  return `# Dependencies

What comes with the package, from \`package-lock.json\`. A test allows these licenses and no others:
${PERMISSIVE.join(', ')}.
\`node test/packaging/dependencies.mjs --write\` writes this page anew. \`npm run sbom\` writes the first table as a CycloneDX
bill of materials into \`temp/sbom.cdx.json\`.

## Installed with kubepull

${table(requiredDependencies())}

## For \`kubepull/cri\` only

Optional peers: they are there only if you install them.

${table(optionalDependencies())}
`;
}

/**
 * The bill of materials of what `npm install kubepull` brings. npm makes it from a copy of the lock file without what is only
 * for development: from the whole file it leaves out each dependency that a tool for development also has as an optional peer.
 *
 * @returns {string}
 */
export function billOfMaterials() {
  const parent = mkdtempSync(join(tmpdir(), 'kubepull-sbom-'));
  try {
    const folder = join(parent, 'kubepull'); // npm names the component after its folder
    const { devDependencies: _tools, overrides: _forced, ...manifest } = readJson('package.json');
    const lock = readJson('package-lock.json');
    /** @type {[string, Locked][]} */
    const packages = Object.entries(lock.packages);
    const kept = packages.filter(([, { dev }]) => dev !== true);
    const { devDependencies: _, ...self } = lock.packages[''];
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    writeFileSync(
      join(folder, 'package-lock.json'),
      JSON.stringify({ ...lock, packages: { ...Object.fromEntries(kept), '': self } }),
    );
    const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--omit', 'dev'];
    return execFileSync('npm', args, { cwd: folder, encoding: 'utf8' });
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  if (argv.includes('--write')) writeFileSync(join(root, 'docs/dependencies.md'), dependenciesPage());
  if (argv.includes('--sbom')) {
    mkdirSync(join(root, 'temp'), { recursive: true });
    writeFileSync(join(root, 'temp/sbom.cdx.json'), billOfMaterials());
  }
}
