// Run by fuzz.test.ts in a process of its own, bundled: makes new input of what it has, keeps what goes where none went before,
// and says what it found. The same seed makes the same inputs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomFrom } from '../../support/random-from.ts';
import { counted, leastMs, type Line, runOnce } from './engine.ts';
import { mutate, type Random } from './mutate.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';
import { failWithin } from './within.ts';

/** For how long each target is fed: that many inputs, or that many seconds. */
interface Budget {
  readonly inputs: number;
  readonly seconds: number;
}

const [directory = '', seedText = '1', inputs = '1000', seconds = '0', only = ''] = process.argv.slice(2);
const budget: Budget = { inputs: Number(inputs), seconds: Number(seconds) };
const FAULTY_START = 'a text';
const MOST_FINDINGS = 5;

let current = '';
process.on('exit', () => {
  if (current !== '') console.error(`ended by ${current.slice(0, 4000)}`);
});

/** A reader with a fault that no chance input meets: what it runs on the way shows the fuzzer where that leads to. */
const faulty: Target = { name: 'faulty', words: [], run: failWithin };
const chosen = only === '' ? TARGETS : [...TARGETS, faulty].filter(({ name }) => only.split(',').includes(name));
const reports = [];
for (const target of chosen) reports.push(await fuzz(target, randomFrom(Number(seedText) + hashOf(target.name))));
current = '';
console.log(JSON.stringify(reports));

async function fuzz(target: Target, random: Random) {
  const seen = new Uint8Array(1 << 17);
  const kept: string[] = [];
  const findings = new Map<string, { readonly input: string; readonly what: string }>();
  const slow = { us: 0, input: '' };
  let runs = 0;
  let places = 0;
  /** Whether it went where none went before, or more often. */
  const isNew = (): boolean => {
    let found = false;
    for (let at = 0; at < counted.length; at += 1) {
      const place = counted.places[at] ?? 0;
      const bit = 1 << classOf(counted.counts[place] ?? 0);
      const before = seen[place] ?? 0;
      if ((before & bit) !== 0) continue;
      if (before === 0) places += 1;
      seen[place] = before | bit;
      found = true;
    }
    return found;
  };
  const run = async (input: string, isPlaced: boolean): Promise<void> => {
    current = `${target.name}: ${JSON.stringify(input)}`;
    const start = process.cpuUsage();
    const started = runOnce(target, input, isPlaced);
    const { finding } = started instanceof Promise ? await started : started;
    const { user, system } = process.cpuUsage(start);
    runs += 1;
    if (user + system > slow.us) Object.assign(slow, { us: user + system, input });
    if (isNew()) kept.push(input);
    if (finding === undefined || findings.size >= MOST_FINDINGS) return;
    const what = finding.replaceAll(/file:\S+/g, '').slice(0, 1000);
    const id = what
      .split('\n', 2)
      .join()
      .replaceAll(/"(?:[^"\\]|\\.)*"|\d+/g, '');
    if (!findings.has(id)) findings.set(id, { input: await shorten(target, input, isPlaced), what });
  };
  const lines = target === faulty ? [FAULTY_START] : readLines(target);
  for (const input of lines) await run(input, false);
  const known = { runs, places, kept: kept.length };
  slow.us = 0;
  const until = performance.now() + budget.seconds * 1000;
  for (let made = 0; made < budget.inputs || performance.now() < until; made += 1) {
    // Those that were found last lead on, more often than not.
    const back = Math.floor(random() * random() * kept.length);
    const from = kept[kept.length - 1 - back] ?? '';
    const input = mutate(from, target.words, kept, random);
    await run(input, false);
  }
  // What else the machine did counted, too: the slowest is asked again.
  const cpuMs = await leastMs(target, slow.input, 5);
  return {
    target: target.name,
    cpuMs,
    runs: runs - known.runs,
    places,
    newPlaces: places - known.places,
    kept: kept.slice(known.kept),
    findings: [...findings.values()],
  };
}

function readLines({ name, corpus = name }: Target): readonly string[] {
  const lines = readFileSync(join(directory, `${corpus}.jsonl`), 'utf8')
    .split('\n')
    .filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as Line).input);
}

/** How often, in classes: a loop that runs once more is no news, one that runs many times more is. */
function classOf(count: number): number {
  return count < 4 ? count - 1 : count < 8 ? 3 : count < 16 ? 4 : count < 32 ? 5 : count < 128 ? 6 : 7;
}

/** The input without all that it does without. */
async function shorten(target: Target, input: string, isPlaced: boolean): Promise<string> {
  const kindOf = (finding: string | undefined): string => finding?.split(/[:\n]/, 2).join() ?? '';
  const wanted = kindOf((await runOnce(target, input, isPlaced)).finding);
  let short = input;
  for (let width = Math.ceil(input.length / 2); width >= 1; width = width === 1 ? 0 : Math.ceil(width / 2))
    for (let at = 0; at < short.length;) {
      const shorter = short.slice(0, at) + short.slice(at + width);
      if (kindOf((await runOnce(target, shorter, isPlaced)).finding) === wanted) short = shorter;
      else at += width;
    }
  return short;
}

function hashOf(text: string): number {
  return Array.from(text).reduce((sum, character) => Math.imul(sum, 31) + (character.codePointAt(0) ?? 0), 7);
}
