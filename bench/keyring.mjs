// Time of a keyring look-up by the number of entries, 9 of 10 with a literal host; run after `npm run build`.
// All sizes are measured in turn, round by round, so that a change of the machine's speed meets all of them alike.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring } from 'kubepull/keyring';
import { createSecret } from 'kubepull/docker-config';
import { openNodeKeyring } from 'kubepull/node';
import { parseImageName } from 'kubepull/reference';

const SIZES = [10, 100, 1_000, 10_000, 100_000];
const ROUNDS = 15;
const LOOKUPS = 2_000;

const password = createSecret('bench');
const credential = { username: 'u', password, identityToken: undefined, registryToken: undefined, email: undefined };
const source = /** @type {const} */ ({ kind: 'inline' });

/**
 * Entry `at` of a keyring: literal hosts with a path, and globs that differ in their number of labels.
 *
 * @param {number} at
 */
function entry(at) {
  const glob = `*.g${at}.${'x.'.repeat(at % 5)}example`;
  return { pattern: at % 10 === 9 ? glob : `r${at}.example/team`, credential, source };
}

const keyrings = SIZES.map((size) => createKeyring(Array.from({ length: size }, (_, at) => entry(at))));
const images = {
  hit: SIZES.map((size) => `r${Math.floor(size / 20) * 10}.example/team/app`),
  'hit by glob': SIZES.map(() => 'a.g9.x.x.x.x.example/team/app'),
  miss: SIZES.map(() => 'elsewhere.example/team/app'),
};

/**
 * Microseconds a look-up.
 *
 * @param {import('kubepull/keyring').StaticKeyring} keyring
 * @param {import('kubepull/reference').ImageName} image
 */
function time(keyring, image) {
  const started = performance.now();
  for (let count = 0; count < LOOKUPS; count += 1) keyring.lookup(image);
  return ((performance.now() - started) * 1000) / LOOKUPS;
}

/** @param {readonly number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

for (const [name, targets] of Object.entries(images)) {
  /** @type {number[][]} */
  const samples = SIZES.map(() => []);
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [at, keyring] of keyrings.entries()) {
      const sample = time(keyring, parseImageName(targets[at] ?? ''));
      if (round > 0) samples[at]?.push(sample);
    }
  }
  const medians = samples.map(median);
  const row = SIZES.map((size, at) => `${size}: ${medians[at]?.toFixed(2)} µs`).join(', ');
  const growth = (medians[3] ?? 0) / (medians[0] ?? 1);
  console.log(`${name.padEnd(12)} ${row}; 10,000 to 10 entries: ${growth.toFixed(2)}×`);
}

// A node's files as kubelet reads them, beside the same entries in memory. What is rejected is asked for by neither.
const directory = mkdtempSync(join(tmpdir(), 'keyring-'));
try {
  const entries = Array.from({ length: 10_000 }, (_, at) => entry(at));
  const auths = Object.fromEntries(entries.map(({ pattern }) => [pattern, { username: 'u', password: 'bench' }]));
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ auths }));
  const memory = createKeyring(entries);
  const node = await openNodeKeyring({ rootDir: directory, home: directory, workingDir: directory });
  const image = parseImageName('r5000.example/team/app');
  await node.lookup(image);
  /** @type {[number[], number[]]} */
  const samples = [[], []];
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [at, keyring] of [memory, node].entries()) {
      const started = performance.now();
      for (let count = 0; count < LOOKUPS; count += 1) await keyring.lookup(image);
      samples[at]?.push(((performance.now() - started) * 1000) / LOOKUPS);
    }
  }
  const [inMemory, onNode] = samples.map(median);
  const ratio = (onNode ?? 0) / (inMemory ?? 1);
  console.log(
    `of a node, 10,000 entries: ${onNode?.toFixed(2)} µs, in memory ${inMemory?.toFixed(2)} µs; ${ratio.toFixed(2)}×`,
  );
} finally {
  rmSync(directory, { recursive: true });
}
