// What each entry adds to a bundle, minified and gzipped, with its dependencies. The build has to run first.
import { listEntries, NODE_ENTRIES } from './test/packaging/entries.mjs';

/**
 * Kibibytes. Never raised to fit what has grown: what is above its limit is to be made smaller.
 *
 * @type {Record<string, number>}
 */
const BUDGETS = {
  index: 43.4,
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
  'image-access': 7.1,
  'image-gc': 5.2,
  'image-manager': 25.9,
  'image-service': 36.1,
  metrics: 3.4,
  mirrors: 14.7,
  keyring: 4.9,
  lint: 25.3,
  match: 2.9,
  node: 121.2,
  oci: 7.5,
  platform: 4.1,
  'pull-policy': 7.2,
  'pull-secrets': 9.0,
  puller: 31.8,
  reference: 4.2,
  rules: 12.0,
  store: 10.7,
  testing: 18.4,
  tracing: 1.5,
};

/** What is used together: the names of each entry, `*` for all of them. */
const GROUPS = {
  'keyring, docker-config, match': { names: { keyring: '*', 'docker-config': '*', match: '*' }, limit: 9.4 },
  'a pull over fetch into memory': {
    names: { puller: '{ pullImage }', distribution: '{ createFetchTransport }', store: '{ createMemoryStore }' },
    limit: 26,
  },
  createImageManager: { names: { 'image-manager': '{ createImageManager }' }, limit: 20 },
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
