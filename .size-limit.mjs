// What each entry adds to a bundle, minified and gzipped, with its dependencies. The build has to run first.
import { listEntries, NODE_ENTRIES } from './test/packaging/entries.mjs';

/**
 * Kibibytes: what was measured and 5 %, to see growth. docs/decisions/0005 has the goals beside it.
 *
 * @type {Record<string, number>}
 */
const BUDGETS = {
  index: 43.6,
  backoff: 2.1,
  clock: 1.3,
  cloud: 17.3,
  'credential-provider': 14.4,
  cri: 6.9,
  digest: 1.4,
  distribution: 27.1,
  'docker-config': 7.1,
  errors: 1.0,
  explain: 19.7,
  'image-access': 6.8,
  'image-gc': 5.2,
  'image-manager': 26.5,
  'image-service': 38.3,
  metrics: 3.3,
  mirrors: 14.6,
  keyring: 6.1,
  lint: 28.1,
  match: 3.1,
  node: 121.3,
  oci: 8.7,
  platform: 5.1,
  'pull-policy': 6.9,
  'pull-secrets': 11.0,
  puller: 33.9,
  reference: 4.9,
  rules: 13.4,
  store: 12.7,
  testing: 19.0,
  tracing: 1.4,
};

/** What is used together: the names of each entry, `*` for all of them. */
const GROUPS = {
  'keyring, docker-config, match': { names: { keyring: '*', 'docker-config': '*', match: '*' }, limit: 11.4 },
  'a pull over fetch into memory': {
    names: { puller: '{ pullImage }', distribution: '{ createFetchTransport }', store: '{ createMemoryStore }' },
    limit: 37.9,
  },
  createImageManager: { names: { 'image-manager': '{ createImageManager }' }, limit: 25.7 },
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
