// Counts the steps of a call: the characters of the library's source that are run, each as often as it is run. V8 counts them, so
// they are the same on a slow machine and on a fast one, and a loop that runs once more shows.
import { Session } from 'node:inspector/promises';
import type { Profiler } from 'node:inspector';
import { setFlagsFromString } from 'node:v8';

export interface StepCounter {
  /** The steps of one call. */
  readonly count: (call: () => unknown) => Promise<number>;
}

/** Only what is loaded after this is counted in full: import what is counted when this has begun. */
export async function startCounting(isCounted: (url: string) => boolean): Promise<StepCounter> {
  // Compiled code leaves some counts out, and when it is compiled depends on the time.
  for (const flag of ['--no-opt', '--no-maglev', '--no-sparkplug', '--no-flush-bytecode']) setFlagsFromString(flag);
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  return {
    count: async (call) => {
      await session.post('Profiler.takePreciseCoverage');
      await call();
      const { result } = await session.post('Profiler.takePreciseCoverage');
      return result
        .filter(({ url }) => isCounted(url))
        .flatMap(({ functions }) => functions)
        .reduce((sum, { ranges }) => sum + stepsOf(ranges), 0);
    },
  };
}

/** Ranges stand in each other: what a range has of its own is run as often as its count says. */
export function stepsOf(ranges: readonly Profiler.CoverageRange[]): number {
  const outer: Profiler.CoverageRange[] = [];
  let steps = 0;
  for (const range of ranges.toSorted((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)) {
    while ((outer.at(-1)?.endOffset ?? Infinity) <= range.startOffset) outer.pop();
    const length = range.endOffset - range.startOffset;
    steps += length * (range.count - (outer.at(-1)?.count ?? 0));
    outer.push(range);
  }
  return steps;
}
