import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';
import { CHECKS, runChecks, type VectorFile } from './checks.ts';
import { runFolder } from './run.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const read = (name: string): VectorFile => JSON.parse(readFileSync(join(folder, name), 'utf8')) as VectorFile;

/** The rows of the threat model that a file proves. */
const ROWS: ReadonlyMap<string, string> = new Map([
  ['auth-decode.json', ' [C04 C05]'],
  ['glob.json', ' [C03]'],
  ['keyring.json', ' [C06 C12]'],
  ['platforms.json', ' [M10]'],
  ['reference.json', ' [C07 C09]'],
  ['urls-match.json', ' [A26]'],
]);

describe.each([...CHECKS])('%s', (name, check) => {
  const file = read(name);

  it(`gives what Go gives in ${file.cases.length} cases${ROWS.get(name) ?? ''}`, () => {
    expect(runChecks(check, file)).toEqual([]);
    expect(file.cases.length).toBeGreaterThan(100);
  });

  it('notices a case whose result is spoilt', () => {
    const flip = (value: unknown): unknown => {
      if (typeof value === 'boolean') return !value;
      if (typeof value === 'number') return value + 1;
      return typeof value === 'string' ? `${value}x` : value;
    };
    const [place, vector = {}] = [0, file.cases[0]];
    const results = ['ok', 'matched', 'allowed', 'valid', 'found', 'err', 'username'].filter((key) => key in vector);
    const spoilt =
      results.length > 0
        ? { ...vector, ...Object.fromEntries(results.map((key) => [key, flip(vector[key])])) }
        : { ...vector, ops: [{ ...(vector['ops'] as object[])[0], want: -1 }] };
    expect(runChecks(check, { cases: [spoilt] }).map(({ index }) => index)).toEqual([place]);
  });
});

describe('runFolder', () => {
  it('knows every vector file', () => {
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
    expect(names.toSorted()).toEqual([...CHECKS.keys()].toSorted());
  });

  it('reports the cases of each file', () => {
    const { path } = tempDir();
    for (const name of ['glob.json', 'image-name.json']) copyFileSync(join(folder, name), join(path, name));
    const lines = ['glob.json: 1510 cases, 0 differ', 'image-name.json: 694 cases, 0 differ'];
    expect(runFolder(path)).toEqual({ lines, ok: true });
  });

  it('fails on a file that it does not know, on a spoilt one, and on an empty folder', () => {
    const { path } = tempDir();
    expect(runFolder(path)).toEqual({ lines: [`${path}: no vector files`], ok: false });
    copyFileSync(join(folder, 'glob.json'), join(path, 'globs.json'));
    expect(runFolder(path)).toEqual({ lines: ['globs.json: unknown file'], ok: false });
    const { cases } = read('glob.json');
    writeFileSync(join(path, 'glob.json'), JSON.stringify({ cases: cases.map((one) => ({ ...one, matched: 'spoilt', err: 'x' })) }));
    const { lines, ok } = runFolder(path);
    expect(ok).toBe(false);
    expect(lines[0]).toMatch(/^glob\.json: 1510 cases, [1-9]\d* differ$/u);
    expect(lines[1]).toContain('case ');
  });
});
