// What each entry adds to a bundle, minified and gzipped, with its dependencies. The build has to run first.
import { listEntries, NODE_ENTRIES } from './test/packaging/entries.mjs';

/** Kibibytes. The groups and `reference` are promised in the README, the others are what was measured and 15 %. */
const BUDGETS = {
  reference: 3,
};

/** What is used together, and what a webhook needs that never pulls. */
const GROUPS = {
  'keyring, docker-config, match': { entries: ['keyring', 'docker-config', 'match'], limit: 6 },
  'index without puller': { entries: listEntries().filter(isCore), limit: 20 },
};

/** @param {string} entry */
function isCore(entry) {
  return ![...NODE_ENTRIES, 'index', 'puller', 'image-manager'].includes(entry);
}

/** @param {string} entry */
async function namesOf(entry) {
  return Object.keys(await import(`./dist/${entry}.js`));
}

/** @param {readonly string[]} entries */
async function importOf(entries) {
  const names = await Promise.all(entries.map(namesOf));
  return `{ ${names.flat().join(', ')} }`;
}

const asNode = {
  ignore: ['undici', 'node:*'],
  /** @param {object} config */
  modifyEsbuildConfig: (config) => ({ ...config, platform: 'node', format: 'esm' }),
};

const ofEntries = listEntries().map(async (entry) => ({
  name: entry,
  path: `dist/${entry}.js`,
  import: await importOf([entry]),
  gzip: true,
  limit: `${BUDGETS[entry] ?? 0} KiB`,
  ...(NODE_ENTRIES.includes(entry) ? asNode : {}),
}));

const ofGroups = Object.entries(GROUPS).map(async ([name, { entries, limit }]) => ({
  name,
  path: 'dist/index.js',
  import: await importOf(entries),
  gzip: true,
  limit: `${limit} KiB`,
}));

export default await Promise.all([...ofEntries, ...ofGroups]);
