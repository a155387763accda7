import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './child.ts';
import { root } from './entries.mjs';

const SUITES = ['test/docker-config', 'test/keyring'];
/** Without those that sign a query: undici's own debug output has the paths of requests, as SECURITY.md says. */
const WIRE_SUITES = [
  'test/distribution/auth/auth.test.ts',
  'test/distribution/transport/wire.test.ts',
  'test/node/docker/keyring.test.ts',
  'test/puller/mirrors-credentials.test.ts',
];
const folder = mkdtempSync(join(tmpdir(), 'kubepull-hook-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly failureMessages: readonly string[] }[];
  }[];
}

/** Runs suites that handle secrets in a process of their own. */
async function runSuites(env: Readonly<Record<string, string>>, suites = SUITES): Promise<Report> {
  const results = join(folder, `${Object.keys(env).join('-')}.json`);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const config = ['--config', 'test/vitest.config.ts', '--project', 'unit', '--exclude', '**/*.property.test.ts'];
  const reporter = ['--reporter=json', `--outputFile=${results}`];
  const { stderr } = await run(process.execPath, [vitest, 'run', ...config, ...reporter, ...suites], { env });
  if (!existsSync(results)) throw new Error(`No results:\n${stderr}`);
  return JSON.parse(readFileSync(results, 'utf8')) as Report;
}

const canaryHits = ({ testResults }: Report): number =>
  testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ failureMessages }) => failureMessages.some((text) => text.includes('canary: '))).length;

describe('the canary hook', () => {
  let whole: Report;
  let bare: Report;

  beforeAll(async () => {
    [whole, bare] = await Promise.all([runSuites({}), runSuites({ KUBEPULL_TEST_WITHOUT_REDACTION: '1' })]);
  });

  it('finds nothing while secrets are redacted', () => {
    expect(whole.numPassedTests).toBeGreaterThan(10);
    expect([whole.numFailedTests, canaryHits(whole)]).toEqual([0, 0]);
  });

  it('fails both suites when the redaction is taken away, and for that reason only', () => {
    expect(canaryHits(bare)).toBeGreaterThanOrEqual(SUITES.length);
    expect(bare.numFailedTests).toBe(canaryHits(bare));
  });

  it('finds nothing in what Node prints with NODE_DEBUG=* [L08]', async () => {
    const debugged = await runSuites({ NODE_DEBUG: '*' }, WIRE_SUITES);
    expect(debugged.numPassedTests).toBeGreaterThan(200);
    expect([debugged.numFailedTests, canaryHits(debugged)]).toEqual([0, 0]);
  });
});
