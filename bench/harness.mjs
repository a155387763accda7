// What every topic is measured with: all sides in turn, round by round, so that a change of the machine's speed meets all of
// them alike; medians, spread and the ratio within each round; and how much of the machine something else took meanwhile.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * A goal for one side: its median itself, or what it is to another side (`to`), or what it takes more (`minus`).
 *
 * @typedef {{ side: string, to?: string, minus?: string, most: number }} Goal
 */

/**
 * What is compared: the same work by several sides, by name. A side whose name begins with `kubepull` is ours.
 *
 * @typedef {object} Case
 * @property {string} name
 * @property {Record<string, () => unknown>} sides
 * @property {readonly Goal[]} [goals]
 * @property {number} [rounds] where a call takes long
 */

/** @typedef {Record<string, readonly number[]>} Samples by side, one a round */
/** @typedef {{ name: string, median: number, low: number, high: number }} SideResult */
/** @typedef {{ side: string, than: string, most: number, value: number, unit: string, met: boolean }} GoalResult */
/** @typedef {{ name: string, unit: string, rounds: number, sides: SideResult[], goals: GoalResult[] }} Row */
/** @typedef {{ quick: boolean, rounds: number, batchMs: number, watch: (pid: number) => void }} Settings */

/**
 * A topic has cases that are calls in this process, or measures in its own way.
 *
 * @typedef {object} Topic
 * @property {string} name
 * @property {string} about
 * @property {() => readonly Case[]} [cases]
 * @property {(settings: Settings) => Promise<readonly Row[]>} [measure]
 */

const peers = createRequire(new URL('peers/package.json', import.meta.url));

/**
 * A package that is compared with, or nothing where `bench/peers` is not installed.
 *
 * @param {string} name
 * @returns {any}
 */
export function loadPeer(name) {
  try {
    return peers(name);
  } catch {
    return undefined;
  }
}

/**
 * Sides that are there only together with their peer.
 *
 * @param {any} peer from `loadPeer`
 * @param {(peer: any) => Record<string, () => unknown>} sides
 */
export function sidesOf(peer, sides) {
  return peer === undefined ? {} : sides(peer);
}

/** Keeps a result, so that a call is not optimised away. */
const kept = { result: /** @type {unknown} */ (undefined) };

/**
 * Milliseconds that a number of calls take.
 *
 * @param {() => unknown} call
 * @param {number} count
 */
async function timeOf(call, count) {
  const started = performance.now();
  for (let at = 0; at < count; at += 1) {
    const result = call();
    kept.result = result instanceof Promise ? await result : result;
  }
  return performance.now() - started;
}

/**
 * How many calls fill a batch.
 *
 * @param {() => unknown} call
 * @param {number} batchMs
 */
async function countOf(call, batchMs) {
  await call();
  for (let count = 1; ; count *= 2) {
    const ms = await timeOf(call, count);
    if (ms >= batchMs / 2) return Math.max(1, Math.round((count * batchMs) / ms));
  }
}

/**
 * Measures a case: microseconds a call.
 *
 * @param {Case} compared
 * @param {Settings} settings
 * @returns {Promise<Row>}
 */
export async function measureCase({ name, sides, goals = [], rounds: most = Infinity }, settings) {
  const counts = /** @type {Record<string, number>} */ ({});
  for (const [side, call] of Object.entries(sides)) counts[side] = await countOf(call, settings.batchMs);
  const rounds = Math.min(most, settings.rounds);
  const samples = await inTurn(Object.keys(sides), rounds, async (side) => {
    const count = counts[side] ?? 1;
    return ((await timeOf(sides[side] ?? (() => undefined), count)) * 1000) / count;
  });
  return toRow(name, 'µs', samples, goals);
}

/**
 * Measures every side once a round, another one first each time; the first round warms up and does not count.
 *
 * @param {readonly string[]} sides
 * @param {number} rounds
 * @param {(side: string) => Promise<number>} measure
 * @returns {Promise<Samples>}
 */
export async function inTurn(sides, rounds, measure) {
  const samples = /** @type {Record<string, number[]>} */ (Object.fromEntries(sides.map((side) => [side, []])));
  for (let round = 0; round <= rounds; round += 1) {
    for (let turn = 0; turn < sides.length; turn += 1) {
      const side = sides[(round + turn) % sides.length] ?? '';
      const sample = await measure(side);
      if (round > 0) samples[side]?.push(sample);
    }
  }
  return samples;
}

/**
 * Medians, spread and goals of what was measured.
 *
 * @param {string} name
 * @param {string} unit
 * @param {Samples} samples
 * @param {readonly Goal[]} goals those whose sides were not measured are left out
 * @returns {Row}
 */
export function toRow(name, unit, samples, goals = []) {
  const sides = Object.entries(samples).map(([side, all]) => ({
    name: side,
    median: rounded(median(all)),
    low: rounded(Math.min(...all)),
    high: rounded(Math.max(...all)),
  }));
  const results = goals.flatMap((goal) => toGoalResult(goal, unit, samples) ?? []);
  return { name, unit, rounds: Object.values(samples)[0]?.length ?? 0, sides, goals: results };
}

/**
 * @param {Goal} goal
 * @param {string} unit
 * @param {Samples} samples
 * @returns {GoalResult | undefined}
 */
function toGoalResult({ side, to, minus, most }, unit, samples) {
  const own = samples[side];
  const other = samples[to ?? minus ?? side];
  if (own === undefined || other === undefined) return undefined;
  const each = own.map((sample, round) => {
    const compared = other[round] ?? Number.NaN;
    return to === undefined ? sample - (minus === undefined ? 0 : compared) : sample / compared;
  });
  const value = rounded(median(each));
  const than = to === undefined ? (minus === undefined ? 'itself' : `more than ${minus}`) : `times ${to}`;
  return { side, than, most, value, unit: to === undefined ? ` ${unit}` : '×', met: value <= most };
}

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toPrecision(3));
}

/**
 * Watches what else the machine does. `end()` gives the share of all processors that other programs took, and that a host took
 * away, from 0 to 1; nothing where the system does not say.
 *
 * @returns {{ watch: (pid: number) => void, end: () => number | undefined }}
 */
export function watchLoad() {
  const pids = new Set([process.pid]);
  const before = readTicks(pids);
  return {
    // A server of the bench is the bench's own load; what ran before counts little.
    watch: (pid) => void pids.add(pid),
    end() {
      const after = readTicks(pids);
      if (before === undefined || after === undefined || after.all === before.all) return undefined;
      const others = after.busy - before.busy - (after.own - before.own);
      return Math.max(0, Number((others / (after.all - before.all)).toFixed(2)));
    },
  };
}

/** @param {ReadonlySet<number>} pids */
function readTicks(pids) {
  try {
    const ticks = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').map(Number);
    const all = ticks.slice(0, 8).reduce((sum, value) => sum + value, 0);
    const own = [...pids].reduce((sum, pid) => sum + readOwnTicks(pid), 0);
    return { all, busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), own };
  } catch {
    return undefined;
  }
}

/**
 * What a process and its children that ended took.
 *
 * @param {number} pid
 */
function readOwnTicks(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
      .map(Number);
    return fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
  } catch {
    return 0;
  }
}
