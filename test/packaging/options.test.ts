import { describe, expect, it } from 'vitest';
import { tables } from './inputs/tables.ts';
import { tryInputs } from './inputs/wrong-inputs.ts';
import { listEntries } from './entries.mjs';

const entries = listEntries().filter((entry) => tables[entry] !== undefined);

type Callable = (...args: readonly unknown[]) => unknown;

/** Plugs over the platform, which fail as the platform fails: with an error number that the layout reads. */
const PLUGS = ['nodeFileSystem'];

/** The functions of an entry, and those of its objects. Classes are left out: they are errors, which this library makes. */
async function functionsOf(entry: string): Promise<ReadonlyMap<string, Callable>> {
  const names = (await import(`../../src/${entry}/index.ts`)) as Readonly<Record<string, unknown>>;
  const found = Object.entries(names).flatMap(([name, value]): readonly (readonly [string, unknown])[] => {
    if (typeof value !== 'object' || value === null || PLUGS.includes(name)) return [[name, value]];
    return Object.entries(value).map(([method, member]: [string, unknown]) => [`${name}.${method}`, member]);
  });
  return new Map(found.filter((one): one is [string, Callable] => typeof one[1] === 'function' && !isClass(one[1])));
}

function isClass(value: unknown): boolean {
  return String(value).startsWith('class ');
}

describe.each(entries)('every function of kubepull/%s', (entry) => {
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
