// Runs a target on an input, in a bundle that counts what is run: what was found, how many steps it took.
import { inspect } from 'node:util';
import { BrokenLaw, SECRET, type Target } from './target.ts';

/** What the bundle counts, see instrument.ts. */
interface Counted {
  readonly counts: Uint32Array;
  readonly places: Uint32Array;
  length: number;
  steps: number;
  most: number;
}

export const counted = (globalThis as unknown as { readonly counted: Counted }).counted;

/** One input of the corpus. */
export interface Line {
  readonly why: string;
  readonly input: string;
}

/** How a run ended. */
export interface Run {
  readonly steps: number;
  /** What is wrong; `undefined` where nothing is. */
  readonly finding: string | undefined;
}

/** Forms of the secret of the corpus. */
const NEEDLES = [SECRET, encodeURIComponent(SECRET), 'VHIwdWI0ZG9y', 'RyMHViNGRvc', 'UcjB1YjRkb3'];
/** What an input may take: some for itself, and more with its length. */
const STEPS = { base: 300_000, each: 2000 };

/**
 * Runs it once. Its answer is a promise only where that of the target is.
 *
 * @param isPlaced - whether the secret, where the input has it, stands where no reader may repeat it
 */
export function runOnce(target: Target, input: string, isPlaced: boolean): Run | Promise<Run> {
  const said: unknown[] = [];
  for (let at = 0; at < counted.length; at += 1) counted.counts[counted.places[at] ?? 0] = 0;
  counted.length = 0;
  counted.steps = 0;
  const most = STEPS.base + STEPS.each * input.length * (target.degree === 2 ? 1 + input.length / 100 : 1);
  counted.most = most;
  // Parts of its other forms, which a mutation may have left, stand for nothing.
  const needles = isPlaced ? NEEDLES : target.silent === true ? [SECRET] : [];
  const watched = needles.some((needle) => input.includes(needle));
  const end = (error?: unknown): Run => {
    const { steps } = counted;
    counted.most = Infinity;
    return { steps, finding: findingOf(error, steps > most, said, needles) };
  };
  try {
    const result = target.run(input, (one) => {
      if (watched) said.push(one);
    });
    return result instanceof Promise ? result.then(() => end(), end) : end();
  } catch (error) {
    return end(error);
  }
}

function findingOf(
  error: unknown,
  isLong: boolean,
  said: readonly unknown[],
  needles: readonly string[],
): string | undefined {
  if (isLong) return 'it takes too many steps';
  if (error instanceof BrokenLaw) return `broken law: ${error.message}`;
  if (error !== undefined) return `thrown: ${error instanceof Error ? (error.stack ?? error.message) : inspect(error)}`;
  for (const one of said) {
    const message = one instanceof Error ? one.message : '';
    const texts = [message, inspect(one, { depth: 8, showHidden: true }), JSON.stringify(one) ?? ''];
    if (texts.some((text) => needles.some((needle) => text.includes(needle)))) return `a secret is told: ${message}`;
  }
  return undefined;
}

/** Milliseconds of the processor, at best; what takes little is not asked again. */
export async function leastMs(target: Target, input: string, tries: number): Promise<number> {
  let best = Infinity;
  for (let at = 0; at < tries && best > 1; at += 1) {
    const start = process.cpuUsage();
    await runOnce(target, input, false);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

/** The input grown in the ways in which input grows, by about so many times its size. */
export function grow(input: string, times: number): readonly string[] {
  const middle = Math.floor(input.length / 2);
  const part = input.slice(Math.floor(input.length / 4), Math.floor((input.length * 3) / 4));
  const whole = input.repeat(times);
  const inner = input.slice(0, middle) + part.repeat(2 * (times - 1)) + input.slice(middle);
  const one = input.slice(0, middle) + input.charAt(middle).repeat(input.length * (times - 1)) + input.slice(middle);
  return [...new Set([whole, inner, one, ...growJson(input, times)])];
}

/** Documents with the lists and objects in them so many times as long. */
function growJson(input: string, times: number): readonly string[] {
  if (!/^\s*[[{]/.test(input)) return [];
  try {
    return [JSON.stringify(longer(JSON.parse(input), times, 0))];
  } catch {
    return [];
  }
}

function longer(value: unknown, times: number, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > 60) return value;
  // One level grows: what grows on each level is more than so many times as large.
  if (Array.isArray(value)) {
    if (value.some((item) => typeof item === 'object' && item !== null) && depth < 3)
      return value.map((item) => longer(item, times, depth + 1));
    return Array.from({ length: times }, () => value).flat();
  }
  const members = Object.entries(value);
  const inner = members.findIndex(([, held]) => typeof held === 'object' && held !== null);
  if (inner >= 0)
    return Object.fromEntries(
      members.map(([key, held], at) => [key, at === inner ? longer(held, times, depth + 1) : held]),
    );
  const more = Array.from({ length: times }, (_, at) =>
    members.map(([key, held]) => [at === 0 ? key : `${key}${at}`, held] as const),
  );
  return Object.fromEntries(more.flat());
}
