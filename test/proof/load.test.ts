import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { buildImage } from 'kubepull/testing';
import { countFor, measureFor, proofRuns } from '../support/figures.ts';
import { bundle } from '../support/leaks-bundle.ts';
import { least } from '../support/least.ts';
import { serve } from '../support/servers.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A pull takes a hundred times as long as a look-up. */
const roundsOf = (scenario: string): number =>
  proofRuns({ fast: scenario.startsWith('pulls') ? 300 : 1000, full: 10_000 });
const MAX_MIB = 1;

const SCENARIOS = [
  'look-ups in a keyring',
  'look-ups in the keyring of a node',
  'look-ups with a plugin',
  'explanations',
  'lint of pods and configs',
  'tokens',
  'failures that are backed off',
  'images that a manager fails to bring',
  'pulls into memory',
  'pulls into a layout',
] as const;

interface Told {
  readonly grownMib: number;
  readonly moreFds: number;
  readonly leftFds: number;
  readonly timers: number;
  readonly listeners: number;
}

async function startServer(): Promise<string> {
  const image = buildImage({ platform: { os: 'linux', architecture: 'amd64' }, layers: [{ randomBytes: 2000 }] });
  const { port } = await serve(({ url = '' }, response) => {
    const digest = /sha256:[a-f\d]{64}$/.exec(url)?.[0] ?? image.descriptor.digest;
    const found = image.contents.find(({ descriptor }) => descriptor.digest === digest);
    response.writeHead(found === undefined ? 404 : 200, {
      'content-type': found?.descriptor.mediaType ?? 'text/plain',
    });
    response.end(found?.bytes);
  });
  return `127.0.0.1:${port}`;
}

describe('thousands of calls with one signal [B16]', () => {
  it.each(SCENARIOS)('leave nothing: %s', { timeout: 3_600_000 }, async (scenario) => {
    const rounds = roundsOf(scenario);
    const [host, program] = [await startServer(), join(tempDir().path, 'load.mjs')];
    await bundle('load-child.ts', program);
    const grown = await least(MAX_MIB, async () => {
      const args = ['--expose-gc', program, scenario, String(rounds), host];
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
      const { grownMib, ...left } = JSON.parse(stdout) as Told;
      expect(left).toEqual({ moreFds: 0, leftFds: 0, timers: 0, listeners: 0 });
      expect(stderr).toBe('');
      return grownMib;
    });
    expect(grown).toBeLessThan(MAX_MIB);
    countFor('look-ups and pulls with one signal', rounds);
    measureFor('growth of the heap after 10,000 look-ups or pulls', grown);
  });
});
