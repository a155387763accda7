import { canonical } from '../support/canonical.ts';
import { align, type Comparison } from './comparison.ts';
import type { ContainerState, TimedState } from './kubelet.ts';
import { sameText, type Shown } from './tolerance.ts';

/** A state of a transcript. */
export interface TranscriptState extends ContainerState {
  readonly t: number;
  readonly terminated?: string;
  readonly image?: string;
}

/** These come from the rest of kubelet. */
const NOT_OF_IMAGES = ['ContainerCreating', 'PodInitializing', 'CrashLoopBackOff'];

/** Kubelet tells the API server of states every ten seconds or so, and later when it is busy. */
const SEEN_AFTER_MS = 20_000;

/** The states of one container: what was shown was ours too, in that order, and what lasted was shown. */
export function compareStates(
  comparison: Comparison,
  name: string,
  states: { readonly want: readonly TranscriptState[]; readonly got: readonly TimedState[]; readonly end: number },
  shown: Shown,
): void {
  const [first = -1] = states.want.flatMap((state, index) => (isBeforeImages(state) ? [] : [index]));
  const isOrdered = states.want.every(
    (state, index) => (index < first || !isBeforeImages(state)) && state.t >= (states.want[index - 1]?.t ?? 0),
  );
  comparison.note(`order of states of ${name}`, isOrdered && !repeats(states.want), states.want, undefined);
  const want = states.want.filter(
    ({ waiting, terminated }, index) =>
      (waiting === undefined || !NOT_OF_IMAGES.includes(waiting)) &&
      // What has ended was running before, whether that was seen or not.
      !(terminated !== undefined && states.want[index - 1]?.running === true),
  );
  const got = states.got.map((state, index) => ({
    ...state,
    lasts: (states.got[index + 1]?.t ?? states.end) - state.t >= SEEN_AFTER_MS,
  }));
  for (const [wanted, found] of align(want, got, (a, b) => sameState(a, b, shown))) {
    if (wanted !== undefined) comparison.note(`state of ${name}`, found !== undefined, wanted, found);
    else if (found?.lasts === true || (found === got.at(-1) && found?.running === true))
      comparison.note(`state of ${name}`, false, undefined, found);
  }
}

/** The kubelet has not come to the image yet. */
function isBeforeImages({ waiting = '' }: TranscriptState): boolean {
  return waiting === 'ContainerCreating' || waiting === 'PodInitializing';
}

function repeats(states: readonly TranscriptState[]): boolean {
  return states.some((state, index) => canonical({ ...state, t: 0 }) === canonical({ ...states[index - 1], t: 0 }));
}

function sameState(want: TranscriptState, got: ContainerState, shown: Shown): boolean {
  if (want.terminated !== undefined) return got.running === true;
  if (want.running === true)
    return [want.image, want.imageID].every((id) => id === got.imageID) && got.running === true;
  return want.waiting !== undefined && got.waiting !== undefined
    ? sameText(want.waiting, got.waiting, shown) && sameText(want.message ?? '', got.message ?? '', shown)
    : false;
}
