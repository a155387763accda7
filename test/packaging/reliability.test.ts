import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import picomatch from 'picomatch';
import { describe, expect, it } from 'vitest';
import { MODULES, readEquivalents, resultOf, tableOf, type Report } from '../proof/mutants.mjs';
import { aimOf, blockOf, rowsOf, SHORT, sheetRows, shortSheetOf } from '../proof/page.mjs';
import { PROOFS } from '../proof/proofs.mjs';
import { root } from './entries.mjs';

const page = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('the score sheet', () => {
  it('of the README is what the page has', () => {
    const block = blockOf(readme, 'score sheet');
    expect(rowsOf(block)).toEqual(rowsOf(shortSheetOf(page)));
  });

  it('of the README has figures that are proved', () => {
    const figures = PROOFS.map(({ figure }) => figure);
    for (const [, figure] of SHORT) expect(figures).toContain(figure);
  });

  it('of the page has claims that are proved, each with its goal', () => {
    const aims = new Map(PROOFS.map((proof) => [proof.figure, aimOf(proof)]));
    for (const [figure = '', , aim] of rowsOf(blockOf(page, 'sheet'))) expect(aims.get(figure), figure).toBe(aim);
  });

  it('has a row for each claim, with what was measured', () => {
    const [first] = PROOFS;
    const rows = sheetRows(new Map([[first?.figure ?? '', 12_345.678]]));
    expect(rows.map(([figure]) => figure)).toEqual(PROOFS.map(({ figure }) => figure));
    expect(rows[0]?.[1]).toBe('12,345.68');
    expect(rows[1]?.[1]).toBe('not measured');
  });
});

describe('npm run mutation', () => {
  const files = ['src', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => `${folder}/${String(name)}`),
  );

  it.each(Object.entries(MODULES))('has sources and tests of %s', (_, { mutate, tests }) => {
    for (const pattern of [...mutate, ...tests].filter((one) => !one.startsWith('!')))
      expect(
        files.some((file) => picomatch.isMatch(file, pattern)),
        pattern,
      ).toBe(true);
  });

  it('has a reason for each change without effect, whose line is still there', () => {
    for (const { file, line, reason } of readEquivalents()) {
      const lines = readFileSync(join(root, file), 'utf8').split('\n');
      expect(
        lines.map((text) => text.trim()),
        `${file}: ${line}`,
      ).toContain(line);
      expect(reason.length, `${file}: ${line}`).toBeGreaterThan(20);
    }
  });

  it('has the modules of the page, each with its goal', () => {
    for (const [name = '', , , , , goal] of rowsOf(blockOf(page, 'mutants')))
      expect(`${MODULES[name]?.goal} %`, name).toBe(goal);
  });

  const mutant = (line: number, status: string, replacement: string) => ({
    status,
    replacement,
    mutatorName: 'x',
    location: { start: { line, column: 1 }, end: { line, column: 2 } },
  });
  const reportOf = (mutants: Report['files'][string]['mutants']): Report => ({
    files: { 'src/match/a.ts': { source: 'first\n  second\n', mutants } },
  });
  const killed = Array.from({ length: 97 }, () => mutant(1, 'Killed', 'k'));

  it('counts what was noticed, and names what was not', () => {
    const survivors = [mutant(1, 'Survived', 's'), mutant(2, 'NoCoverage', 'n'), mutant(2, 'Timeout', 't')];
    const result = resultOf('match', reportOf([...killed, ...survivors, mutant(1, 'Ignored', 'i')]), []);
    expect(tableOf([result])).toEqual([['match', '100', '98', '0', '98.0 %', '90 %']]);
    expect(result.lines).toEqual([
      'src/match/a.ts:1:1 Survived x\n  - first\n  + s',
      'src/match/a.ts:2:1 NoCoverage x\n  - second\n  + n',
      'ok   match: 98 of 100 noticed, 0 without effect, 98.0 % (goal 90)',
    ]);
  });

  it('leaves out what has no effect, of which there may be no more than 3 %', () => {
    const without = [{ file: 'src/match/a.ts', line: 'second', change: 's', reason: 'It does the same.' }];
    const few = resultOf(
      'match',
      reportOf([...killed, mutant(2, 'Survived', 's'), mutant(1, 'Survived', 's')]),
      without,
    );
    expect([few.explained, few.ok, few.lines.length]).toEqual([1, true, 2]);
    const many = resultOf(
      'match',
      reportOf([...killed, ...Array.from({ length: 4 }, () => mutant(2, 'Survived', 's'))]),
      without,
    );
    expect([many.explained, many.score, many.ok]).toEqual([4, 100, false]);
  });

  it('fails below the goal', () => {
    const survivors = Array.from({ length: 20 }, () => mutant(1, 'Survived', 's'));
    expect(resultOf('match', reportOf([...killed, ...survivors]), []).ok).toBe(false);
  });
});
