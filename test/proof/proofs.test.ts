import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addUp, PROOFS, sheetOf } from './proofs.mjs';

const files = [...new Set(PROOFS.flatMap((proof) => proof.files))];
const all = new Map(PROOFS.map(({ figure, goal }) => [figure, goal]));
const passed = new Map(files.map((file) => [file, 0]));

describe('npm run proof', () => {
  it('knows each figure that a test counts, and each is counted in the files that it names', () => {
    for (const { figure, files: places } of PROOFS) {
      for (const file of places) {
        expect(existsSync(file), file).toBe(true);
        expect(readFileSync(file, 'utf8'), `${file} counts for "${figure}"`).toContain(`countFor('${figure}'`);
      }
    }
    const counted = files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/countFor\(\s*'([^']+)'/g)]);
    expect(new Set(counted.map(([, figure]) => figure))).toEqual(new Set(all.keys()));
  });

  it('adds up what the tests wrote', () => {
    expect(addUp('["a",1]\n["b",5]\n["a",2]\n')).toEqual(
      new Map([
        ['a', 3],
        ['b', 5],
      ]),
    );
  });

  it('says ok where every goal is reached and no test failed', () => {
    const { lines, ok } = sheetOf(all, passed, true);
    expect(ok).toBe(true);
    expect(lines).toHaveLength(PROOFS.length);
    expect(lines.at(-1)).toBe('ok     8000 results of the real Go code (goal 8000)');
  });

  it.each(PROOFS.map(({ figure }) => figure))('fails below the goal of a full run: %s', (figure) => {
    const less = new Map([...all, [figure, (all.get(figure) ?? 0) - 1]]);
    const { lines, ok } = sheetOf(less, passed, true);
    expect([ok, lines.filter((line) => line.startsWith('FAIL')).length]).toEqual([false, 1]);
    expect(sheetOf(less, passed, false).ok).toBe(true);
    expect(sheetOf(new Map([...all, [figure, 0]]), passed, false).ok).toBe(false);
  });

  it('fails where a test failed, and where a file did not run', () => {
    const file = 'test/puller/bombs.test.ts';
    const failed = sheetOf(all, new Map([...passed, [file, 2]]), true);
    expect(failed.ok).toBe(false);
    expect(failed.lines.filter((line) => line.startsWith('FAIL'))).toEqual([
      'FAIL     17 bombs that took less than 32 MiB (goal 17); 2 tests failed',
    ]);
    const missing = sheetOf(all, new Map([...passed].filter(([name]) => name !== file)), true);
    expect([missing.ok, missing.lines.some((line) => line.endsWith(`${file} did not run`))]).toEqual([false, true]);
  });
});
