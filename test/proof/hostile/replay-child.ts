// Run by corpus.test.ts in a process of its own, bundled: replays the corpus, also grown, and says what is wrong and what it took.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { grow, leastMs, type Line, type Run, runOnce } from './engine.ts';
import { FAULTY, FAULTY_INPUTS } from './faulty.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

/** `faulty` in place of a directory replays readers that are wrong; else which half of the readers it is. */
const [directory = '', half = '0'] = process.argv.slice(2);
const isFaulty = directory === 'faulty';
const targets = isFaulty
  ? Object.entries(FAULTY).map(([name, run]): Target => ({ name, run, words: [] }))
  : TARGETS.filter((_, at) => at % 2 === Number(half));

/** What twice the length may take, of what it takes by its power. */
const MORE = 1.3;
/** What any input may take for each character, however small it was before; and at least. */
const SLACK = { stepsEach: 150, steps: 4000, bytesEach: 200, bytes: 256 * 1024, ms: 2 };
const TRIES = 8;
/** How many of a target's dearest grown inputs are timed. */
const TIMED = 2;

interface Finding {
  readonly target: string;
  readonly input: string;
  readonly what: string;
}

interface Measured extends Run {
  readonly ms: number;
  readonly bytes: number;
}

/** An input, and which of the ways it grew in. */
interface Grown {
  readonly input: string;
  readonly variant: number;
  readonly ms: number;
}

const findings: Finding[] = [];
const figures = { inputs: 0, grown: 0, cpuMs: 0, grownCpuMs: 0, slowest: '', slowestGrown: '' };
/** What is being read, for the case that it ends the process or never ends. */
let current = '';
process.on('exit', () => {
  if (current !== '') console.error(`ended by ${current.slice(0, 500)}`);
});

for (const target of targets) {
  const inputs = isFaulty ? FAULTY_INPUTS : readLines(target);
  const dear: Grown[] = [];
  for (const input of inputs) {
    current = `${target.name}: ${JSON.stringify(input)}`;
    figures.inputs += 1;
    const { finding } = await runOnce(target, input, true);
    if (finding !== undefined) findings.push({ target: target.name, input, what: finding });
    const ms = await leastMs(target, input, 5);
    if (ms > figures.cpuMs) Object.assign(figures, { cpuMs: ms, slowest: current.slice(0, 200) });
    dear.push(...(await replayGrown(target, input)));
  }
  for (const { input, variant } of dear.toSorted((a, b) => b.ms - a.ms).slice(0, TIMED))
    await timeGrowth(target, input, variant);
  current = '';
}
console.log(JSON.stringify({ findings, figures }));

function readLines({ name, corpus = name }: Target): readonly string[] {
  const lines = readFileSync(join(directory, `${corpus}.jsonl`), 'utf8')
    .split('\n')
    .filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as Line).input);
}

async function replayGrown(target: Target, input: string): Promise<readonly Grown[]> {
  const dear: Grown[] = [];
  const [tens, twenties] = [grow(input, 10), grow(input, 20)];
  const most = MORE * 2 ** (target.degree ?? 1);
  for (const [variant, ten] of tens.entries()) {
    const twenty = twenties[variant] ?? '';
    current = `${target.name}, grown: ${JSON.stringify(input)}`;
    figures.grown += 1;
    const bytes = SLACK.bytes + SLACK.bytesEach * twenty.length;
    const steps = SLACK.steps + SLACK.stepsEach * twenty.length;
    let [fault, ms]: [string | undefined, number] = [undefined, Infinity];
    // Other work of the engine takes memory, too: what takes too much by itself does so each time.
    for (let tries = 0; tries < TRIES; tries += 1) {
      const [small, large] = [await measure(target, ten), await measure(target, twenty)];
      ms = Math.min(ms, small.ms);
      fault = small.finding ?? large.finding;
      if (large.steps > most * small.steps + steps) fault ??= `steps grow from ${small.steps} to ${large.steps}`;
      if (fault !== undefined || large.bytes <= most * small.bytes + bytes) break;
      if (tries === TRIES - 1) fault = `memory grows from ${small.bytes} to ${large.bytes}`;
    }
    if (ms > figures.grownCpuMs) ms = Math.min(ms, await leastMs(target, ten, 5));
    if (ms > figures.grownCpuMs) Object.assign(figures, { grownCpuMs: ms, slowestGrown: current.slice(0, 200) });
    if (fault !== undefined) findings.push({ target: target.name, input: ten.slice(0, 2000), what: `grown: ${fault}` });
    dear.push({ input, variant, ms });
  }
  return dear;
}

/** The processor time of what is not the library's own code does not show in steps: that of patterns and of other libraries. */
async function timeGrowth(target: Target, input: string, variant: number): Promise<void> {
  const [ten = '', eighty = ''] = [10, 80].map((times) => grow(input, times)[variant]);
  current = `${target.name}, timed: ${JSON.stringify(input)}`;
  let best = [Infinity, Infinity] as readonly [number, number];
  for (let tries = 0; tries < TRIES; tries += 1) {
    best = [Math.min(best[0], await leastMs(target, ten, 3)), Math.min(best[1], await leastMs(target, eighty, 1))];
    if (best[1] <= 2 * 8 ** (target.degree ?? 1) * best[0] + SLACK.ms) return;
  }
  findings.push({
    target: target.name,
    input: ten.slice(0, 2000),
    what: `its time grows from ${best[0]} to ${best[1]} ms`,
  });
}

/** Steps, and the processor time and the bytes that are taken: the young generation has room for all that one run takes. */
async function measure(target: Target, input: string): Promise<Measured> {
  const [bytes, start] = [taken(), process.cpuUsage()];
  const run = await runOnce(target, input, false);
  const { user, system } = process.cpuUsage(start);
  return { ...run, ms: (user + system) / 1000, bytes: Math.max(0, taken() - bytes) };
}

function taken(): number {
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  return used + external;
}
