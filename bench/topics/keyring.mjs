// A look-up in keyrings of ten to 100,000 entries: what is asked for is one entry, however many there are.
import { createSecret } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { parseImageName } from 'kubepull/reference';

const SIZES = [10, 1000, 100_000];

const password = createSecret('bench');
const credential = { username: 'u', password, identityToken: undefined, registryToken: undefined, email: undefined };
const source = /** @type {const} */ ({ kind: 'inline' });

/** Each shape of a keyring: its entry at a place, and an image that asks for the middle one. */
const SHAPES = {
  'literal hosts, a hit': {
    /** @param {number} at */
    key: (at) => (at % 10 === 9 ? `*.g${at}.example` : `r${at}.example/team`),
    /** @param {number} size */
    image: (size) => `r${(size / 2) | 0}.example/team/app`,
  },
  'literal hosts, a miss': {
    /** @param {number} at */
    key: (at) => (at % 10 === 9 ? `*.g${at}.example` : `r${at}.example/team`),
    image: () => 'elsewhere.example/team/app',
  },
  'globs of a whole label': {
    /** @param {number} at */
    key: (at) => `*.g${at}.example`,
    /** @param {number} size */
    image: (size) => `x.g${(size / 2) | 0}.example/team/app`,
  },
  'worst: paths on one host': {
    /** @param {number} at */
    key: (at) => `registry.example/team-${at}/app`,
    /** @param {number} size */
    image: (size) => `registry.example/team-${(size / 2) | 0}/app`,
  },
  'worst: globs inside one label': {
    /** @param {number} at */
    key: (at) => `a*-${at}.example`,
    /** @param {number} size */
    image: (size) => `abc-${(size / 2) | 0}.example/app`,
  },
  'worst: globs at many places': {
    /** @param {number} at */
    key: (at) => labels(at, '*').join('.'),
    /** @param {number} size */
    image: (size) => `${labels((size / 2) | 0, 'x').join('.')}/app`,
  },
};

/**
 * A host of eight labels, some of which are stars, and a name of its own.
 *
 * @param {number} at
 * @param {string} star
 */
function labels(at, star) {
  const places = Array.from({ length: 6 }, (_, place) => ((at >> place) & 1 ? star : `l${place}`));
  return [...places, `n${at}`, 'example'];
}

/** @param {number} size */
const sideOf = (size) => `kubepull, ${size.toLocaleString('en')}`;

/**
 * A look-up in a keyring that the first call builds.
 *
 * @param {(at: number) => string} key
 * @param {(size: number) => string} image
 * @param {number} size
 */
function lookup(key, image, size) {
  const name = parseImageName(image(size));
  /** @type {ReturnType<typeof createKeyring>[]} */
  const built = [];
  return () => {
    built[0] ??= createKeyring(Array.from({ length: size }, (_, at) => ({ pattern: key(at), credential, source })));
    return built[0].lookup(name).candidates.length;
  };
}

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'keyring',
  about: 'A look-up of one image, by the number of entries. The goal is how it grows.',
  cases: () =>
    Object.entries(SHAPES).map(([name, { key, image }]) => ({
      name,
      sides: Object.fromEntries(SIZES.map((size) => [sideOf(size), lookup(key, image, size)])),
      goals: [{ side: sideOf(100_000), to: sideOf(10), most: 3 }],
    })),
};
