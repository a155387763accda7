import { canonical } from '../support/canonical.ts';

/** A step that came out otherwise than in the transcript. `want` is the transcript's, `got` ours. */
export interface Difference {
  readonly step: string;
  readonly want: unknown;
  readonly got: unknown;
}

/** What came of a replay: how many steps of the transcript were compared, and which differ. */
export interface Replay {
  readonly steps: number;
  readonly differences: readonly Difference[];
}

/** Collects the steps of a replay. */
export interface Comparison extends Replay {
  /** One step: equal as JSON, or a difference. */
  equal(step: string, want: unknown, got: unknown): void;
  /** One step that was compared elsewhere. */
  note(step: string, holds: boolean, want: unknown, got: unknown): void;
  /** Two lists, a step for each item that is wanted; what is there without being wanted differs too. */
  list<W, G>(step: string, want: readonly W[], got: readonly G[], equal?: (want: W, got: G) => boolean): void;
}

const sameJson = (want: unknown, got: unknown): boolean => canonical(want) === canonical(got);

export function createComparison(): Comparison {
  const differences: Difference[] = [];
  let steps = 0;
  const note = (step: string, holds: boolean, want: unknown, got: unknown): void => {
    steps += 1;
    if (!holds) differences.push({ step, want, got });
  };
  return {
    differences,
    get steps() {
      return steps;
    },
    note,
    equal: (step, want, got) => note(step, sameJson(want, got), want, got),
    list(step, want, got, equal = sameJson) {
      for (const [wanted, found] of align(want, got, equal)) {
        if (wanted === undefined) differences.push({ step, want: undefined, got: found });
        else note(step, found !== undefined, wanted, found);
      }
    },
  };
}

type Pair<W, G> = readonly [want: W | undefined, got: G | undefined];

/** The longest common subsequence of two lists, with what stands between: as few items as can be are left alone. */
export function align<W, G>(
  want: readonly W[],
  got: readonly G[],
  equal: (want: W, got: G) => boolean,
): readonly Pair<W, G>[] {
  const width = got.length + 1;
  const lengths = new Uint32Array((want.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = want.length - 1; i >= 0; i -= 1) {
    for (let j = got.length - 1; j >= 0; j -= 1) {
      const same = equal(want[i] as W, got[j] as G);
      lengths[i * width + j] = same ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: Pair<W, G>[] = [];
  let [i, j] = [0, 0];
  while (i < want.length || j < got.length) {
    if (i < want.length && j < got.length && equal(want[i] as W, got[j] as G)) pairs.push([want[i++], got[j++]]);
    else if (j >= got.length || (i < want.length && at(i + 1, j) >= at(i, j + 1))) pairs.push([want[i++], undefined]);
    else pairs.push([undefined, got[j++]]);
  }
  return pairs;
}
