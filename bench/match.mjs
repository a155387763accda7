// Matching beside picomatch, which knows no ports and no labels; run after `npm run build`. All are measured in turn, round by
// round, so that a change of the machine's speed meets all of them alike.
import picomatch from 'picomatch/posix.js';
import { matchImage, matchTarget, parsePattern, toTarget } from 'kubepull/match';
import { parseImageName } from 'kubepull/reference';

const ROUNDS = 40;
const CALLS = 5_000;

const key = '*.eu-west.*.registry.corp.example';
const text = 'a1.eu-west.prod.registry.corp.example/team/app';
const image = parseImageName(text);
const pattern = parsePattern(key);
const target = toTarget(image);
if (pattern === undefined || target === undefined) throw new Error('the key and the image are read');
const peer = picomatch(key.replaceAll('.', '/'));
const peerHost = 'a1/eu-west/prod/registry/corp/example';

/** @type {Readonly<Record<string, () => unknown>>} */
const calls = {
  'matchImage, one glob of six labels': () => matchImage(key, image).matched,
  'the same with parseImageName': () => matchImage(key, parseImageName(text)).matched,
  'picomatch, compiled, host taken from the image': () => peer(text.slice(0, text.indexOf('/')).replaceAll('.', '/')),
  'matchTarget, parsed key and image': () => matchTarget(pattern, target).matched,
  'picomatch, compiled, bare': () => peer(peerHost),
};

/** @type {Map<string, number>} */
const best = new Map();
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, call] of Object.entries(calls)) {
    const started = performance.now();
    for (let count = 0; count < CALLS; count += 1) call();
    const nanoseconds = ((performance.now() - started) * 1e6) / CALLS;
    best.set(name, Math.min(best.get(name) ?? Infinity, nanoseconds));
  }
}

/** @param {string} name */
const of = (name) => best.get(name) ?? Number.NaN;
for (const name of Object.keys(calls)) console.log(`${name.padEnd(48)} ${of(name).toFixed(0)} ns`);
for (const [ours, theirs, goal] of /** @type {const} */ ([
  ['matchImage, one glob of six labels', 'picomatch, compiled, host taken from the image', 1.5],
  ['matchTarget, parsed key and image', 'picomatch, compiled, bare', 2],
])) {
  const ratio = of(ours) / of(theirs);
  console.log(`${ours}: ${ratio.toFixed(2)}x, goal ${goal}x: ${ratio <= goal ? 'met' : 'not met'}`);
}
