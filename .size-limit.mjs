// What each entry adds to a bundle, minified and gzipped, with its dependencies. The build has to run first.
import { listEntries, NODE_ENTRIES } from './test/packaging/entries.mjs';

/**
 * Kibibytes: what was measured, and 15 %.
 *
 * @type {Record<string, number>}
 */
const BUDGETS = {
  index: 109.0,
  backoff: 1.3,
  clock: 0.3,
  cloud: 14.7,
  'credential-provider': 12.6,
  cri: 6.1,
  digest: 0.9,
  distribution: 23.9,
  'docker-config': 5.9,
  errors: 0.9,
  explain: 15.6,
  'image-access': 4.5,
  'image-gc': 4.0,
  'image-manager': 25.0,
  'image-service': 36.0,
  kubernetes: 0.2,
  metrics: 2.5,
  mirrors: 13.5,
  keyring: 4.9,
  lint: 25.3,
  match: 2.9,
  node: 122.0,
  oci: 7.5,
  platform: 4.1,
  'pull-policy': 7.5,
  'pull-secrets': 9.0,
  puller: 32.1,
  reference: 4.2,
  rules: 12.0,
  store: 10.7,
  testing: 18.4,
  tracing: 2.5,
};

/** What is used together, and all that a program needs which never pulls. */
const GROUPS = {
  'keyring, docker-config, match': { entries: ['keyring', 'docker-config', 'match'], limit: 9.4 },
  'index without puller': { entries: listEntries().filter(isCore), limit: 90.4 },
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
  return `{ ${[...new Set(names.flat())].join(', ')} }`;
}

/**
 * What is measured: an import of every name, for a browser, or for Node where that is needed.
 *
 * @param {string} name
 * @param {readonly string[]} entries
 * @param {number} limit
 */
async function checkOf(name, entries, limit) {
  const onNode = entries.some((entry) => NODE_ENTRIES.includes(entry));
  return {
    name,
    path: entries.length === 1 ? `dist/${entries[0]}.js` : 'dist/index.js',
    import: await importOf(entries),
    gzip: true,
    limit: `${limit} KiB`,
    ignore: onNode ? ['undici', 'node:*'] : [],
    /** @param {object} config */
    modifyEsbuildConfig: (config) => ({
      ...config,
      logLevel: 'error',
      ...(onNode ? { platform: 'node', format: 'esm' } : {}),
    }),
  };
}

export default await Promise.all([
  ...listEntries().map((entry) => checkOf(entry, [entry], BUDGETS[entry] ?? 0)),
  ...Object.entries(GROUPS).map(([name, { entries, limit }]) => checkOf(name, entries, limit)),
]);
