import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../packaging/entries.mjs';
import { startCounting, stepsOf } from './steps.ts';

const FILE = new URL('steps.json', import.meta.url);
/** Set to write the counts anew. */
const isWriting = process.env['KUBEPULL_BENCH_STEPS'] !== undefined;
/** How many times the steps that are written down a call may take: another V8 counts a little differently. */
const MOST = 1.15;

/** What takes seconds to build; a smaller side of the same shows the same growth. */
const LARGEST = '100,000';

const counter = await startCounting((url) => url.includes(`${root}src/`));
const { importTopics } = await import('../../bench/topics.mjs');
const topics = await importTopics();
const committed = JSON.parse(readFileSync(FILE, 'utf8')) as Readonly<Record<string, number>>;
const counted: Record<string, number> = {};

/** Those whose calls are the library's alone, without chance and without the event loop between. */
const pure = topics.filter(({ name, cases }) => cases !== undefined && name !== 'image-manager');
const calls = pure.flatMap(({ name, cases }) =>
  (cases?.() ?? []).flatMap((compared) =>
    Object.entries(compared.sides)
      .filter(([side]) => side.startsWith('kubepull') && !side.endsWith(LARGEST))
      .map(([side, call]) => [`${name}: ${compared.name}: ${side}`, call] as const),
  ),
);

afterAll(() => {
  if (isWriting) writeFileSync(FILE, `${JSON.stringify(counted, null, 2)}\n`);
});

describe('the calls that are benchmarked', () => {
  it.each(calls)('take no more steps than before: %s', async (name, call) => {
    await call();
    const steps = await counter.count(call);
    counted[name] = steps;
    expect(steps).toBeGreaterThan(0);
    if (!isWriting) expect(steps / (committed[name] ?? Number.NaN)).toBeLessThanOrEqual(MOST);
  });

  it('are those whose steps are written down', () => {
    expect(calls.map(([name]) => name).toSorted()).toEqual(Object.keys(isWriting ? counted : committed).toSorted());
  });

  it('come from a topic in each file, under its own name', () => {
    expect(new Set(topics.map(({ name }) => name)).size).toBe(topics.length);
  });
});

describe('a step', () => {
  it('is a character of a function as often as it is run', () => {
    const loop = { startOffset: 10, endOffset: 20, count: 5 };
    const never = { startOffset: 30, endOffset: 40, count: 0 };
    expect(stepsOf([{ startOffset: 0, endOffset: 100, count: 1 }, loop, never])).toBe(80 + 50);
  });
});
