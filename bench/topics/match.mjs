// Credential keys against images, beside picomatch with the host's dots turned into slashes: the same globs, without ports, paths
// and the URL syntax that a key may have.
import { matchGlob, matchImage, matchImages, matchTarget, parsePattern, toTarget } from 'kubepull/match';
import { parseImageName } from 'kubepull/reference';
import { loadPeer, sidesOf } from '../harness.mjs';
import { readInputs } from '../inputs.mjs';

const KEY = '*.dkr.ecr.*.amazonaws.com';
const HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com';
const IMAGE = `${HOST}/team/app`;
const PEER = 'picomatch, compiled';

/** The same key and image taken apart before. */
function compiled() {
  const [pattern, image] = [parsePattern(KEY), toTarget(parseImageName(IMAGE))];
  if (pattern === undefined || image === undefined) throw new Error('The key and the image can be read');
  return () => matchTarget(pattern, image);
}

/** @param {string} glob */
function toPath(glob) {
  return glob.replaceAll('.', '/');
}

const many = '*.'.repeat(999);
const globs = readInputs('glob.json', ['pattern', 'name']);
const keys = readInputs('urls-match.json', ['glob', 'target']);

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'match',
  about: 'Whether a credential key matches an image, beside picomatch on the host alone.',
  cases: () => [
    {
      name: 'a glob of six labels, key and image as text',
      sides: {
        kubepull: () => matchImage(KEY, parseImageName(IMAGE)),
        ...sidesOf(loadPeer('picomatch'), (picomatch) => {
          const isMatch = picomatch(toPath(KEY));
          return { [PEER]: () => isMatch(toPath(IMAGE.slice(0, IMAGE.indexOf('/')))) };
        }),
      },
      goals: [{ side: 'kubepull', to: PEER, most: 1.5 }],
    },
    {
      name: 'the same, both taken apart before',
      sides: {
        kubepull: compiled(),
        ...sidesOf(loadPeer('picomatch'), (picomatch) => {
          const [isMatch, path] = [picomatch(toPath(KEY)), toPath(HOST)];
          return { [PEER]: () => isMatch(path) };
        }),
      },
      goals: [{ side: 'kubepull', to: PEER, most: 2 }],
    },
    {
      name: 'the smallest: a literal key',
      sides: { kubepull: () => matchImage('registry.example', parseImageName('registry.example/app')) },
    },
    {
      name: 'the worst glob: 30 stars over 255 characters',
      sides: { kubepull: () => matchGlob(`${'*a'.repeat(30)}b`, 'a'.repeat(255)) },
    },
    {
      name: 'the worst key: 1,000 labels',
      sides: { kubepull: () => matchImage(`${many}a`, { domain: `${'a.'.repeat(999)}b`, path: 'x' }) },
    },
    {
      name: 'every pair of the vectors of globs',
      sides: { kubepull: () => globs.map(([pattern = '', name = '']) => matchGlob(pattern, name)) },
    },
    {
      name: 'every pair of the vectors of keys',
      sides: {
        kubepull: () => keys.map(([glob = '', target = '']) => matchImages([glob], { domain: '', path: target })),
      },
    },
  ],
};
