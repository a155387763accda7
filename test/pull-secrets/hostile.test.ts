import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  applyPullSecretUpdate,
  createPullSecret,
  mergePullSecrets,
  type PullSecretEntry,
  validateSecret,
} from 'kubepull/pull-secrets';
import { createKit, ensure } from '../image-manager/fake-images.ts';
import { HOSTILE, PLAIN, secretOf } from '../support/hostile-secrets.ts';
import { bundle } from '../support/leaks-bundle.ts';
import { growth, least, turnsOf } from '../support/least.ts';
import { sweepOf } from '../support/sweeps.ts';
import { tempDir } from '../support/temp-dir.ts';
import { jsonSecret } from './support.ts';

const merge = (secret: object) => (): unknown => {
  try {
    return mergePullSecrets([secret]);
  } catch (error) {
    return error;
  }
};

/** Those of which a reader could keep the most. */
const HEAVY = [
  'objects in a list',
  'entries of all fields',
  'members of an entry',
  'helpers',
  'bytes that are not UTF-8',
];

describe('a secret of the size that the API server admits', () => {
  const plain = merge(secretOf(PLAIN));

  // A text of that size has to be decoded and looked at in any case, which takes some 3 ms on a machine with nothing else to do.
  it.each(sweepOf(Object.entries(HOSTILE), 3))(
    'costs a small multiple of what one long text costs, with %s',
    (_, document) => {
      const secrets = ['dockerconfigjson', 'dockercfg'].map((type) => secretOf(document, type));
      for (const secret of secrets) expect(growth(25, plain, merge(secret))).toBeLessThan(25);
      const validate = (): unknown => validateSecret(secretOf(document));
      expect(growth(25, () => validateSecret(secretOf(PLAIN)), validate)).toBeLessThan(25);
    },
  );

  it('takes at most 32 MiB, whatever is in it', async () => {
    const program = join(tempDir().path, 'secrets.mjs');
    await bundle('secrets-child.ts', program);
    for (const name of sweepOf(HEAVY, 1)) {
      // What is garbage at once is given back at once, so that the peak is what was needed.
      const args = ['--max-semi-space-size=1', program, name];
      const grown = async (): Promise<number> => Number((await promisify(execFile)(process.execPath, args)).stdout);
      expect(await least(32, grown), name).toBeLessThan(32);
    }
  });

  it('lets others have their turn between it and the next', async () => {
    const pullSecrets = Array.from({ length: 20 }, () => secretOf(HOSTILE['zeros in an entry'] ?? ''));
    expect(await turnsOf(ensure(createKit(), 'Always', { pullSecrets }))).toBeGreaterThanOrEqual(19);
    expect(await turnsOf(ensure(createKit(), 'Always', { pullSecrets: pullSecrets.slice(0, 1) }))).toBeLessThan(5);
  });
});

describe('mergePullSecrets', () => {
  it('reads 10,000 secrets [C10]', () => {
    const secrets = Array.from({ length: 10_000 }, (_, index) => jsonSecret(`s${index}`, { [`h${index}.io`]: 'u' }));
    expect(mergePullSecrets(secrets).entries.length).toBe(10_000);
  });
});

describe('applyPullSecretUpdate', () => {
  it('takes a time that grows with the registries, and not with their square', () => {
    const entriesOf = (count: number): Readonly<Record<string, PullSecretEntry>> =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`r${at}.example`, { auth: 'dTpw' }]));
    const [few, many] = [entriesOf(300), entriesOf(3_000)];
    const ratio = growth(
      40,
      () => applyPullSecretUpdate(createPullSecret({ name: 'creds', entries: few }), { set: few }),
      () => applyPullSecretUpdate(createPullSecret({ name: 'creds', entries: many }), { set: many }),
    );
    expect(ratio).toBeLessThan(40);
  });
});
