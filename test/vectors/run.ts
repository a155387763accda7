// `npm run vectors -- [DIR]`: every vector file of a folder through the public API, beside the results of the real Go. `NAME.json`
// is a document with its cases; `NAME.jsonl`, or `NAME.ANYTHING.jsonl`, has a case in each line and may be of any size: what it
// takes of memory is a line.
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKS, findDifference, type Difference, type VectorFile } from './checks.ts';
import type { Check, VectorCase } from './check.ts';

const SHOWN = 3;
const MAX_LINE_LENGTH = 16 * 1024 * 1024;

export interface Report {
  readonly lines: readonly string[];
  readonly ok: boolean;
}

/** Runs the files of a folder; gives the lines of the report, and whether all holds. */
export async function runFolder(folder: string): Promise<Report> {
  const names = readdirSync(folder)
    .filter((name) => /\.jsonl?$/.test(name))
    .toSorted();
  if (names.length === 0) return { lines: [`${folder}: no vector files`], ok: false };
  const reports: Report[] = [];
  for (const name of names) reports.push(await runFile(folder, name));
  return { lines: reports.flatMap(({ lines }) => lines), ok: reports.every(({ ok }) => ok) };
}

async function runFile(folder: string, name: string): Promise<Report> {
  const isStream = name.endsWith('.jsonl');
  const check = CHECKS.get(isStream ? name.replace(/\..*$/, '.json') : name);
  if (check === undefined) return { lines: [`${name}: unknown file`], ok: false };
  const path = join(folder, name);
  try {
    if (isStream) return await runCases(name, check, casesOf(createReadStream(path)));
    return await runCases(name, check, (JSON.parse(readFileSync(path, 'utf8')) as VectorFile).cases);
  } catch (error) {
    return { lines: [`${name}: cannot be read: ${error instanceof Error ? error.message : String(error)}`], ok: false };
  }
}

/** Runs cases one after the other, and keeps none but the first that differ. */
export async function runCases(
  name: string,
  check: Check,
  cases: Iterable<VectorCase> | AsyncIterable<VectorCase>,
): Promise<Report> {
  let [count, differing] = [0, 0];
  const shown: string[] = [];
  for await (const vector of cases) {
    const difference = findDifference(check, vector, count);
    count += 1;
    if (difference === undefined) continue;
    differing += 1;
    if (differing <= SHOWN) shown.push(describe(difference));
  }
  return { lines: [`${name}: ${count} cases, ${differing} differ`, ...shown], ok: differing === 0 && count > 0 };
}

/** The cases of JSON lines. Empty lines are passed over, and so is a first line that only says what the file is. */
export async function* casesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<VectorCase> {
  let number = 0;
  for await (const line of linesOf(pieces)) {
    number += 1;
    if (line.trim() === '') continue;
    const vector = parseCase(line, number);
    if (number > 1 || vector['description'] === undefined) yield vector;
  }
}

function parseCase(line: string, number: number): VectorCase {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`line ${number} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`line ${number} is not an object`);
  return value as VectorCase;
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const piece of pieces) {
    const [first = '', ...others] = decoder.decode(piece, { stream: true }).split('\n');
    rest += first;
    for (const other of others) {
      yield rest;
      rest = other;
    }
    if (rest.length > MAX_LINE_LENGTH) throw new Error(`a line is longer than ${MAX_LINE_LENGTH} characters`);
  }
  yield rest + decoder.decode();
}

function describe({ index, vector, want, got }: Difference): string {
  const cut = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, 300);
  return `  case ${index}: ${cut(vector)}\n    want ${cut(want)}\n    got  ${cut(got)}`;
}
