// What each entry adds to a bundle, minified and gzipped, with its dependencies. The build has to run first.
import { listEntries, NODE_ENTRIES } from './test/packaging/entries.mjs';

/**
 * Kibibytes: what was measured, and 5 %.
 *
 * @type {Record<string, number>}
 */
const BUDGETS = {
  index: 43.4,
  backoff: 2.2,
  clock: 1.4,
  cloud: 17.3,
  'credential-provider': 14.4,
  cri: 6.9,
  digest: 1.5,
  distribution: 24.9,
  'docker-config': 7.2,
  errors: 1.0,
  explain: 19.9,
  'image-access': 7.1,
  'image-gc': 5.2,
  'image-manager': 25.9,
  'image-service': 36.1,
  metrics: 3.4,
  mirrors: 14.7,
  keyring: 6.1,
  lint: 28.4,
  match: 3.1,
  node: 121.2,
  oci: 8.6,
  platform: 4.7,
  'pull-policy': 7.2,
  'pull-secrets': 11.1,
  puller: 31.8,
  reference: 5.3,
  rules: 13.4,
  store: 12.6,
  testing: 19.0,
  tracing: 1.5,
};

/** What is used together: the names of each entry, `*` for all of them. */
const GROUPS = {
  'keyring, docker-config, match': { names: { keyring: '*', 'docker-config': '*', match: '*' }, limit: 11.4 },
  'a pull over fetch into memory': {
    names: { puller: '{ pullImage }', distribution: '{ createFetchTransport }', store: '{ createMemoryStore }' },
    limit: 35.8,
  },
  createImageManager: { names: { 'image-manager': '{ createImageManager }' }, limit: 25.4 },
};

/** @param {string} entry */
async function namesOf(entry) {
  return `{ ${Object.keys(await import(`./dist/${entry}.js`)).join(', ')} }`;
}

/**
 * What is measured, for a browser, or for Node where that is needed.
 *
 * @param {string} name
 * @param {Readonly<Record<string, string>>} names by entry
 * @param {number} limit
 */
async function checkOf(name, names, limit) {
  const entries = Object.keys(names);
  const onNode = entries.some((entry) => NODE_ENTRIES.includes(entry));
  const imports = entries.map(async (entry) => [
    `dist/${entry}.js`,
    names[entry] === '*' ? await namesOf(entry) : names[entry],
  ]);
  return {
    name,
    path: entries.map((entry) => `dist/${entry}.js`),
    import: Object.fromEntries(await Promise.all(imports)),
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
  // Types alone have no size.
  ...listEntries()
    .filter((entry) => entry in BUDGETS)
    .map((entry) => checkOf(entry, { [entry]: '*' }, BUDGETS[entry] ?? 0)),
  ...Object.entries(GROUPS).map(([name, { names, limit }]) => checkOf(name, names, limit)),
]);
