import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addUp, lanesOf, PROOFS, sheetOf } from '../proof/proofs.mjs';

const files = [...new Set(PROOFS.flatMap((proof) => proof.files))];
const all = new Map(PROOFS.map((proof) => [proof.figure, 'goal' in proof ? proof.goal : proof.bound]));
const passed = new Map(files.map((file) => [file, 0]));
const failing = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.startsWith('FAIL'));

describe('npm run proof', () => {
  it('knows each figure that a test gives, and each is given in the files that it names', () => {
    for (const proof of PROOFS) {
      const call = 'goal' in proof ? 'countFor' : 'measureFor';
      for (const file of proof.files) expect(existsSync(file), file).toBe(true);
      for (const file of proof.by === undefined ? proof.files : [proof.by]) {
        expect(readFileSync(file, 'utf8'), `${file} has "${proof.figure}"`).toMatch(
          new RegExp(`${call}\\(\\s*'${proof.figure.replaceAll(/[()+]/g, String.raw`\$&`)}'`, 'u'),
        );
      }
    }
    const given = [...files, ...PROOFS.flatMap(({ by }) => by ?? [])].flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(/(?:count|measure)For\(\s*'([^']+)'/g),
    ]);
    expect(new Set(given.map(([, figure]) => figure))).toEqual(new Set(all.keys()));
  });

  it('adds up what the tests counted, and keeps the largest of what they measured', () => {
    const text = [
      { figure: 'a', count: 1 },
      { figure: 'b', value: 5 },
      { figure: 'a', count: 2 },
      { figure: 'b', value: 4 },
    ];
    expect(addUp(text.map((line) => `${JSON.stringify(line)}\n`).join(''))).toEqual(
      new Map([
        ['a', 3],
        ['b', 5],
      ]),
    );
  });

  it('runs each file once in a full run, and alone what measures', () => {
    const given = files.filter((file) => file.startsWith('test/proof/'));
    const { beside, alone } = lanesOf(given);
    expect([...beside.flat(), ...alone].toSorted()).toEqual(given.toSorted());
    const measuring = PROOFS.filter((proof) => 'bound' in proof).flatMap((proof) => proof.files);
    expect(beside.flat().filter((file) => measuring.includes(file))).toEqual([]);
    expect(beside.length).toBeGreaterThan(1);
  });

  it('says ok where every goal is reached, no bound is passed and no test failed', () => {
    const { lines, ok } = sheetOf(all, passed, true);
    expect(ok).toBe(true);
    expect(lines).toHaveLength(PROOFS.length);
    expect(lines).toContain('ok       8000 results of the real Go code (goal 8000)');
  });

  it.each(PROOFS.map(({ figure }) => figure))('fails past the aim of a full run: %s', (figure) => {
    const proof = PROOFS.find((one) => one.figure === figure);
    const off = (all.get(figure) ?? 0) + (proof !== undefined && 'goal' in proof ? -1 : 1);
    const spoilt = new Map([...all, [figure, off]]);
    const { lines, ok } = sheetOf(spoilt, passed, true);
    expect([ok, failing(lines).length]).toEqual([false, 1]);
    const judgedAlways = proof !== undefined && 'bound' in proof && proof.idle !== true;
    expect(sheetOf(spoilt, passed, false).ok).toBe(!judgedAlways);
    // Real servers are not run in a fast one.
    const isReal = proof?.files.some((file) => file.startsWith('test/real/'));
    expect(sheetOf(new Map([...all].filter(([name]) => name !== figure)), passed, false).ok).toBe(isReal);
  });

  it('fails where a test failed, and where a file did not run', () => {
    const file = 'test/puller/bombs.test.ts';
    const failed = sheetOf(all, new Map([...passed, [file, 2]]), true);
    expect(failed.ok).toBe(false);
    expect(failing(failed.lines)).toContain('FAIL       17 bombs that took less than 32 MiB (goal 17); 2 tests failed');
    const missing = sheetOf(all, new Map([...passed].filter(([name]) => name !== file)), true);
    expect([missing.ok, missing.lines.some((line) => line.includes(`${file} did not run`))]).toEqual([false, true]);
  });
});
