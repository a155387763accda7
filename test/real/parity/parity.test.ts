import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { expect, it, onTestFinished } from 'vitest';
import { startCriContainerd } from '../../support/cri-containerd.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { CHALLENGES } from './challenges.ts';
import { placeFiles, readWithContainerd, readWithKubepull, readWithSkopeo } from './file-tools.ts';
import { ARCHIVES, type FileInput, LAYOUTS } from './files.ts';
import { INDEXES } from './indexes.ts';
import type { Input } from './kit.ts';
import { MANIFESTS } from './manifests.ts';
import { REASONS } from './reasons.ts';
import { startScriptedRegistry } from './servers.ts';
import { differenceOf, pageOf, type Row } from './table.ts';
import { connectToContainerd, pullWithContainerd, pullWithKubepull, pullWithSkopeo } from './tools.ts';
import { REDIRECTS, TRANSFERS } from './transfers.ts';

const PAGE = 'docs/parity.md';
/** Inputs that are tried at once. */
const AT_ONCE = 4;

const PULLED: readonly (readonly [string, readonly Input[]])[] = [
  ['Manifests', MANIFESTS],
  ['Indexes', INDEXES],
  ['Challenges', CHALLENGES],
  ['Redirects', REDIRECTS],
  ['Encodings and transfers', TRANSFERS],
];
const READ: readonly (readonly [string, readonly FileInput[]])[] = [
  ['Layouts', LAYOUTS],
  ['Archives', ARCHIVES],
];

/** Some at once, in order. */
async function mapSome<T, R>(items: readonly T[], call: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await call(items[at] as T);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

it('pulls what containerd pulls, but for what the threat model refuses', async () => {
  const { path: directory } = tempDir();
  const registry = await startScriptedRegistry(PULLED.flatMap(([, inputs]) => inputs));
  onTestFinished(() => registry.close());
  const hosts = registry.inputs.flatMap(({ place }) => [place.registry, place.other, place.tokens]);
  const { endpoint } = await startCriContainerd(hosts);
  const service = connectToContainerd(endpoint);
  onTestFinished(() => service.close());
  await expect.poll(() => service.imageFsInfo().then(() => 'ready', String), { timeout: 60_000 }).toBe('ready');
  const pulled = await mapSome(registry.inputs, async (input): Promise<Row> => {
    const [containerd, skopeo, kubepull] = await Promise.all([
      pullWithContainerd(service, input),
      pullWithSkopeo(input, directory),
      pullWithKubepull(input),
    ]);
    return { id: input.input.id, what: input.input.what, containerd, skopeo, kubepull };
  });
  const address = endpoint.replace('unix://', '');
  const read = await mapSome(
    READ.flatMap(([, inputs]) => inputs),
    async (input): Promise<Row> => {
      const placed = placeFiles(input, directory);
      const [containerd, skopeo, kubepull] = await Promise.all([
        readWithContainerd(address, placed),
        readWithSkopeo(placed, directory),
        readWithKubepull(placed),
      ]);
      return { id: input.id, what: input.what, containerd, skopeo, kubepull };
    },
  );
  const rows = new Map([...pulled, ...read].map((row) => [row.id, row]));
  const groups = [...PULLED, ...READ].map(([title, inputs]) => ({
    title,
    rows: inputs.map(({ id }) => rows.get(id) ?? expect.fail(id)),
  }));
  const page = await format(pageOf(groups, REASONS), { ...(await resolveConfig(PAGE)), parser: 'markdown' });
  const target = process.env['KUBEPULL_TEST_PARITY'];
  if (target !== undefined) writeFileSync(join(import.meta.dirname, '../../..', target), page);
  expect(rows.size).toBeGreaterThanOrEqual(200);
  const unexplained = [...rows.values()].filter(
    (row) => differenceOf(row) !== undefined && REASONS[row.id] === undefined,
  );
  expect(unexplained).toEqual([]);
  const needless = Object.keys(REASONS).filter(
    (id) => rows.get(id) === undefined || differenceOf(rows.get(id) as Row) === undefined,
  );
  expect(needless).toEqual([]);
  expect(page).toBe(readFileSync(PAGE, 'utf8'));
}, 600_000);
