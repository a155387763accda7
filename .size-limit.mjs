// What each entry adds to a bundle, minified and gzipped, with its dependencies. The build has to run first.
import { listEntries, NODE_ENTRIES } from './test/packaging/entries.mjs';

/**
 * Kibibytes: what was measured and 5 %, to see growth. docs/decisions/0005 has the goals beside it.
 *
 * @type {Record<string, number>}
 */
const BUDGETS = {
  index: 51.3,
  admission: 14.0,
  backoff: 2.2,
  cli: 213.9,
  clock: 1.3,
  cloud: 19.1,
  'credential-provider': 16.1,
  cri: 7.2,
  digest: 1.4,
  distribution: 31.2,
  'docker-config': 7.5,
  errors: 1.3,
  explain: 21.2,
  failures: 29.7,
  'image-access': 7.0,
  'image-gc': 5.2,
  'image-manager': 29.5,
  'image-service': 42.7,
  kubernetes: 3.5,
  metrics: 3.3,
  mirrors: 15.0,
  keyring: 7.2,
  lint: 34.0,
  match: 3.9,
  node: 136.5,
  oci: 9.1,
  pin: 6.6,
  platform: 5.2,
  preflight: 53.7,
  'pull-policy': 6.9,
  'pull-secrets': 18.1,
  puller: 36.5,
  reference: 5.0,
  rules: 15.6,
  store: 13.5,
  testing: 19.0,
  tracing: 1.4,
};

/** What is used together: the names of each entry, `*` for all of them. */
const GROUPS = {
  'keyring, docker-config, match': { names: { keyring: '*', 'docker-config': '*', match: '*' }, limit: 13.0 },
  'a pull over fetch into memory': {
    names: { puller: '{ pullImage }', distribution: '{ createFetchTransport }', store: '{ createMemoryStore }' },
    limit: 40.3,
  },
  createImageManager: { names: { 'image-manager': '{ createImageManager }' }, limit: 28.5 },
};

/** With the packages that the others leave out: undici, and the optional peers. */
const WHOLE = {
  'node with undici': { names: { node: '*' }, limit: 310 },
  'cli with undici': { names: { cli: '*' }, limit: 387 },
  'cri with gRPC': { names: { cri: '*' }, limit: 122.5 },
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
 * @param {boolean} [isWhole] whether nothing is left out but what Node has
 */
async function checkOf(name, names, limit, isWhole = false) {
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
      ...(isWhole ? { external: [] } : {}),
    }),
  };
}

export default await Promise.all([
  // Types alone have no size.
  ...listEntries()
    .filter((entry) => entry in BUDGETS)
    .map((entry) => checkOf(entry, { [entry]: '*' }, BUDGETS[entry] ?? 0)),
  ...Object.entries(GROUPS).map(([name, { names, limit }]) => checkOf(name, names, limit)),
  ...Object.entries(WHOLE).map(([name, { names, limit }]) => checkOf(name, names, limit, true)),
]);
