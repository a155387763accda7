import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { countFor } from '../support/figures.ts';
import { amountOf } from '../support/property-runs.ts';
import { tempDir } from '../support/temp-dir.ts';
import type { VectorCase } from './check.ts';
import { CHECKS, runChecks, type VectorFile } from './checks.ts';
import { casesOf, runCases, runFolder } from './run.ts';

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
    countFor('results of the real Go code', file.cases.length);
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

describe('docs/conformance.md', () => {
  const page = readFileSync(fileURLToPath(new URL('../../docs/conformance.md', import.meta.url)), 'utf8');

  it('has a row for every file, with as many cases as the file has', () => {
    const shown = [...page.matchAll(/^\|.*\| (`[^|]*\.json`) +\| +([\d, ]+?) +\|$/gm)].flatMap(([, names = '', counts = '']) => {
      const cases = counts.split(', ');
      return [...names.matchAll(/`([\w-]+\.json)`/g)].map(([, name = ''], at) => [name, cases[at]] as const);
    });
    const real = [...CHECKS.keys()].map((name) => [name, read(name).cases.length.toLocaleString('en')] as const);
    expect(new Map(shown)).toEqual(new Map(real));
    const all = [...CHECKS.keys()].reduce((sum, name) => sum + read(name).cases.length, 0);
    expect(page).toContain(`That is ${all.toLocaleString('en')} cases, of which 0 differ.`);
  });

  it('says how many transcripts are replayed', () => {
    const names = readdirSync(fileURLToPath(new URL('../transcripts/', import.meta.url)));
    expect(page).toContain(`the ${names.filter((name) => name.endsWith('.json')).length} files of \`test/transcripts/\``);
  });
});

describe('runFolder', () => {
  it('knows every vector file', () => {
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
    expect(names.toSorted()).toEqual([...CHECKS.keys()].toSorted());
  });

  it('reports the cases of each file', async () => {
    const { path } = tempDir();
    for (const name of ['glob.json', 'image-name.json']) copyFileSync(join(folder, name), join(path, name));
    const lines = ['glob.json: 1510 cases, 0 differ', 'image-name.json: 694 cases, 0 differ'];
    expect(await runFolder(path)).toEqual({ lines, ok: true });
  });

  it('fails on a file that it does not know, on a spoilt one, and on an empty folder', async () => {
    const { path } = tempDir();
    expect(await runFolder(path)).toEqual({ lines: [`${path}: no vector files`], ok: false });
    copyFileSync(join(folder, 'glob.json'), join(path, 'globs.json'));
    expect(await runFolder(path)).toEqual({ lines: ['globs.json: unknown file'], ok: false });
    const { cases } = read('glob.json');
    writeFileSync(join(path, 'glob.json'), JSON.stringify({ cases: cases.map((one) => ({ ...one, matched: 'spoilt', err: 'x' })) }));
    const { lines, ok } = await runFolder(path);
    expect(ok).toBe(false);
    expect(lines[0]).toMatch(/^glob\.json: 1510 cases, [1-9]\d* differ$/u);
    expect(lines[1]).toContain('case ');
  });
});

describe('JSON lines', () => {
  const right = (at: number): VectorCase => ({ pattern: `a*${at}`, name: `a/${at}`, matched: false });
  const wrong = (at: number): VectorCase => ({ ...right(at), matched: true });
  const linesOf = (count: number, of: (at: number) => VectorCase): string =>
    Array.from({ length: count }, (_, at) => `${JSON.stringify(of(at))}\n`).join('');
  const problemOf = async (content: string | Uint8Array): Promise<string | undefined> => {
    const { path } = tempDir();
    writeFileSync(join(path, 'glob.jsonl'), content);
    const { lines, ok } = await runFolder(path);
    expect(ok).toBe(false);
    return lines[0];
  };

  it('give what the same cases give as one document', async () => {
    const { path } = tempDir();
    const names = ['backoff.json', 'glob.json', 'platforms.json'];
    for (const name of names) {
      const { cases } = read(name);
      const lines = cases.map((one) => JSON.stringify(one)).join('\r\n');
      writeFileSync(join(path, `${name}l`), `{"description":"what it is"}\n${lines}`);
    }
    const want = names.map((name) => `${name}l: ${read(name).cases.length} cases, 0 differ`);
    expect(await runFolder(path)).toEqual({ lines: want, ok: true });
  });

  it('are run in files of any number, each by its first name', async () => {
    const { path } = tempDir();
    writeFileSync(join(path, 'glob.1.jsonl'), linesOf(3, right));
    writeFileSync(join(path, 'glob.go1.26.jsonl'), linesOf(5, (at) => (at === 4 ? wrong(at) : right(at))));
    const { lines, ok } = await runFolder(path);
    expect(ok).toBe(false);
    expect(lines).toEqual([
      'glob.1.jsonl: 3 cases, 0 differ',
      'glob.go1.26.jsonl: 5 cases, 1 differ',
      expect.stringContaining('  case 4: {"pattern":"a*4"') as string,
    ]);
  });

  it('that hold no case, or none that can be read, fail by the number of their line', async () => {
    expect(await problemOf('')).toBe('glob.jsonl: 0 cases, 0 differ');
    expect(await problemOf(`${linesOf(2, right)}{"pattern":`)).toBe('glob.jsonl: cannot be read: line 3 is not JSON');
    expect(await problemOf(`${linesOf(1, right)}\n[1]\n`)).toBe('glob.jsonl: cannot be read: line 3 is not an object');
    expect(await problemOf(Uint8Array.of(0x22, 0xff, 0x22))).toMatch(/^glob\.jsonl: cannot be read: .*not valid/);
    expect(await problemOf('x'.repeat(17 * 1024 * 1024))).toMatch(/: a line is longer than 16777216 characters$/);
  });

  it('of any number are held one piece at a time, and so are those that differ', async () => {
    const check = CHECKS.get('glob.json') ?? expect.fail();
    const pieces = amountOf({ here: 200, inCi: 20_000 });
    const perPiece = 50;
    // Cut anywhere, so that most pieces end within a line; and a letter of two bytes is cut, too.
    const bytes = Buffer.from(linesOf(perPiece, (at) => ({ ...wrong(at), note: 'é' })));
    let [given, run, ahead] = [0, 0, 0];
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let piece = 0; piece < pieces; piece += 1) {
        for (const [from, to] of [
          [0, 1001],
          [1001, undefined],
        ] as const) {
          ahead = Math.max(ahead, given - run);
          yield bytes.subarray(from, to);
        }
        given += perPiece;
      }
    }
    const counted: typeof check = (vector) => {
      run += 1;
      return check(vector);
    };
    const { lines, ok } = await runCases('glob.jsonl', counted, casesOf(source()));
    expect(ok).toBe(false);
    expect(lines[0]).toBe(`glob.jsonl: ${pieces * perPiece} cases, ${pieces * perPiece} differ`);
    expect(lines).toHaveLength(4);
    // No piece is taken before the cases of the one before it have been run.
    expect(ahead).toBe(0);
  });
});
