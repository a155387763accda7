import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { root } from './entries.mjs';
import { tables } from './inputs/tables.ts';
import { tryInputs } from './inputs/wrong-inputs.ts';

/** Every entry that is published, by its folder; the root is made of the others. */
const published = Object.keys(
  (JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { readonly exports: object }).exports,
)
  .map((path) => path.slice(2))
  .filter((name) => name !== '' && name !== 'package.json');

const ROOT = 'index';

/** Entries that have types only. */
const WITHOUT_FUNCTIONS: readonly string[] = [];

type Callable = (...args: readonly unknown[]) => unknown;

/** Plugs over the platform, which fail as the platform fails: with an error number that the layout reads. */
const PLUGS = ['nodeFileSystem'];

/** The functions of an entry, and those of its objects. Classes are left out: they are errors, which this library makes. */
async function functionsOf(entry: string): Promise<ReadonlyMap<string, Callable>> {
  const names = (await (entry === ROOT
    ? import('../../src/index.ts')
    : import(`../../src/${entry}/index.ts`))) as Readonly<Record<string, unknown>>;
  const found = Object.entries(names).flatMap(([name, value]): readonly (readonly [string, unknown])[] => {
    if (typeof value !== 'object' || value === null || PLUGS.includes(name)) return [[name, value]];
    return Object.entries(value).map(([method, member]: [string, unknown]) => [`${name}.${method}`, member]);
  });
  return new Map(found.filter((one): one is [string, Callable] => typeof one[1] === 'function' && !isClass(one[1])));
}

function isClass(value: unknown): boolean {
  return String(value).startsWith('class ');
}

describe('the tables of good calls', () => {
  it('are of all entries that are published, but of those without functions', async () => {
    expect(Object.keys(tables).toSorted()).toEqual(
      published.filter((entry) => !WITHOUT_FUNCTIONS.includes(entry)).toSorted(),
    );
    for (const entry of WITHOUT_FUNCTIONS) expect([...(await functionsOf(entry)).keys()]).toEqual([]);
  });

  it('are of all functions of the root', async () => {
    const ofEntries = await Promise.all(published.map(functionsOf));
    const known = new Set(ofEntries.flatMap((functions) => [...functions.values()]));
    const ofRoot = [...(await functionsOf(ROOT))].filter(([, call]) => !known.has(call));
    expect(ofRoot.map(([name]) => name)).toEqual([]);
  });
});

describe.each(Object.keys(tables))('every function of kubepull/%s', (entry) => {
  it('stands in the table of good calls, and nothing else does', async () => {
    expect(Object.keys(tables[entry] ?? {}).toSorted()).toEqual([...(await functionsOf(entry)).keys()].toSorted());
  });

  it('answers each wrong argument and option with a coded error', async () => {
    const functions = await functionsOf(entry);
    const faults: string[] = [];
    let tried = 0;
    for (const [name, good] of Object.entries(tables[entry] ?? {})) {
      const call = functions.get(name);
      if (call === undefined) continue;
      const result = await tryInputs(name, call, await good());
      tried += result.tried;
      faults.push(...result.faults);
    }
    console.log(`${entry}: ${functions.size} functions, ${tried} wrong inputs, ${faults.length} without a coded error`);
    expect(faults).toEqual([]);
  });
});
