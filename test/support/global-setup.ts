import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { countFor } from './figures.ts';
import { propertyPage } from './property-runs.ts';
import { SEED_VARIABLE } from './sweeps.ts';

/** Where `npm run properties` wants its page; only the sums are printed otherwise. */
const propertiesPage = process.env['KUBEPULL_TEST_PROPERTIES'];

/**
 * Draws the seed by which sweeps choose. Collects what the canary hook and the properties of every test file have counted;
 * prints the sums in the end. Every project of a run calls it, and all of them count together.
 */
export default async function setup(): Promise<(() => void) | undefined> {
  if (process.env['KUBEPULL_TEST_CANARY_TOTALS'] !== undefined) return undefined;
  const seed = (process.env[SEED_VARIABLE] ??= String(randomInt(2 ** 32)));
  const directory = mkdtempSync(join(tmpdir(), 'kubepull-canary-'));
  const file = join(directory, 'totals');
  writeFileSync(file, '');
  process.env['KUBEPULL_TEST_CANARY_TOTALS'] = file;
  const runsFile = join(directory, 'property-runs');
  writeFileSync(runsFile, '');
  process.env['KUBEPULL_TEST_PROPERTY_RUNS'] = runsFile;
  process.env['KUBEPULL_TEST_BLOB_WORKER'] = await buildWorker(join(directory, 'blob-worker.mjs'));
  return () => {
    const rows = readFileSync(file, 'utf8').trim().split('\n').filter(Boolean);
    const sum = (column: number): number => rows.reduce((total, row) => total + Number(row.split(' ')[column] ?? 0), 0);
    console.log(`\ncanary hook: ${sum(0)} places scanned for ${sum(1)} secrets in ${rows.length} test files`);
    countFor('places that were searched for secrets, and had none', sum(0));
    const { summary, text } = propertyPage(readFileSync(runsFile, 'utf8'));
    console.log(`properties: ${summary}`);
    if (process.env['CI'] === undefined) console.log(`sweeps: a part, chosen by ${SEED_VARIABLE}=${seed}`);
    if (propertiesPage !== undefined) writeFileSync(propertiesPage, text);
    rmSync(directory, { recursive: true, force: true });
  };
}

/** The program of the threads that bring blobs, which a thread cannot load from its source. */
async function buildWorker(outfile: string): Promise<string> {
  const entry = fileURLToPath(new URL('../../src/node/transport/blob-worker.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
  return outfile;
}
