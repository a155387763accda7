// A node's docker config of 10,000 entries as kubelet reads it, beside the same entries in memory. What is rejected is asked
// for by neither.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDockerConfig } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { openNodeKeyring } from 'kubepull/node';
import { parseImageName } from 'kubepull/reference';
import { measureCase } from '../harness.mjs';
import { dockerConfig } from '../inputs.mjs';

const ENTRIES = 10_000;
const IN_MEMORY = 'kubepull, in memory';
const ON_NODE = 'kubepull, of a node';

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'node-keyring',
  about: 'A look-up in the docker config of a node, to the same in memory.',
  async measure(settings) {
    const directory = mkdtempSync(join(tmpdir(), 'keyring-'));
    try {
      const text = dockerConfig(ENTRIES);
      writeFileSync(join(directory, 'config.json'), text);
      const memory = createKeyring(parseDockerConfig(text).entries);
      const node = await openNodeKeyring({ rootDir: directory, home: directory, workingDir: directory });
      const image = parseImageName('r5000.example.com/team/app');
      const sides = {
        [IN_MEMORY]: async () => memory.lookup(image).candidates.length,
        [ON_NODE]: async () => (await node.lookup(image)).candidates.length,
      };
      const name = `${ENTRIES.toLocaleString('en')} entries, one of ten a glob`;
      return [await measureCase({ name, sides, goals: [{ side: ON_NODE, to: IN_MEMORY, most: 2 }] }, settings)];
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};
