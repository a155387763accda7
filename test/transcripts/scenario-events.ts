import { align, type Comparison } from './comparison.ts';
import type { NotedEvent } from './kubelet.ts';
import { MAX_EVENTS, MERGED, sameText, type Shown, withoutDurations } from './tolerance.ts';

/** An event of a transcript: alike ones are one, with their number and times. */
export interface TranscriptEvent extends NotedEvent {
  readonly count?: number;
  /** Since the first event. */
  readonly firstSecond?: number;
  readonly lastSecond?: number;
}

/** An event of a replay, and when it was, in milliseconds. */
export interface TimedEvent extends NotedEvent {
  readonly t: number;
}

/** Alike events, in the place of the first. */
export interface EventGroup extends NotedEvent {
  /** `undefined` where a file does not count. */
  readonly count: number | undefined;
  readonly firstSecond: number;
  readonly lastSecond: number;
}

/**
 * The events of each pod of a transcript. One that was made before under the same name stands first; nothing of it is alike
 * to what came later.
 */
export function eventsByPod(events: readonly TranscriptEvent[]): readonly (readonly TranscriptEvent[])[] {
  const start = events.findIndex((event, index) => {
    const before = events.slice(0, index);
    const end = Math.max(0, ...before.map(({ lastSecond = 0 }) => lastSecond));
    return (event.firstSecond ?? 0) > end && before.some((other) => isAlike(event, other));
  });
  return start < 0 ? [sinceFirst(events)] : [sinceFirst(events.slice(0, start)), ...eventsByPod(events.slice(start))];
}

function sinceFirst(events: readonly TranscriptEvent[]): readonly TranscriptEvent[] {
  const begin = events[0]?.firstSecond ?? 0;
  return events.map((event) => {
    const { firstSecond = 0, lastSecond = firstSecond } = event;
    return { ...event, firstSecond: firstSecond - begin, lastSecond: lastSecond - begin };
  });
}

function isAlike(a: NotedEvent, b: NotedEvent): boolean {
  return (
    a.fieldPath === b.fieldPath &&
    a.type === b.type &&
    a.reason === b.reason &&
    withoutDurations(a.message) === withoutDurations(b.message)
  );
}

/** Whether the API server would have counted one instead of keeping two. */
function sameRecord(a: NotedEvent, b: NotedEvent): boolean {
  return isAlike(a, b) && a.message === b.message;
}

/** Puts together what differs in nothing but how long a pull took. */
export function group(events: readonly TranscriptEvent[]): readonly EventGroup[] {
  const groups: EventGroup[] = [];
  for (const { count, firstSecond = 0, lastSecond = firstSecond, ...event } of events) {
    const at = groups.findIndex((one) => isAlike(one, event));
    const before = groups[at];
    const message = withoutDurations(event.message);
    if (before === undefined) groups.push({ ...event, message, count, firstSecond, lastSecond });
    else groups[at] = { ...before, count: (before.count ?? 1) + (count ?? 1), lastSecond };
  }
  return groups;
}

/** The same of a replay. */
export function groupTimed(events: readonly TimedEvent[]): readonly EventGroup[] {
  const begin = events[0]?.t ?? 0;
  const seconds = events.map(({ t, ...event }) => ({ ...event, firstSecond: (t - begin) / 1000, count: 1 }));
  return group(seconds);
}

/** Whether two events are the same; a merged one stands for the last of those that it was made of. */
export function sameEvent(want: NotedEvent, got: NotedEvent, shown: Shown): boolean {
  const isMerged = want.message.startsWith(MERGED);
  const message = isMerged ? want.message.slice(MERGED.length) : want.message;
  return (
    want.type === got.type &&
    want.reason === got.reason &&
    want.fieldPath === got.fieldPath &&
    sameText(withoutDurations(message), withoutDurations(got.message), shown)
  );
}

/** At every sync that does not pull. */
export function repeatsInBackOff({ reason, message }: NotedEvent): boolean {
  return reason === 'BackOff' || message === 'Error: ImagePullBackOff';
}

/** What is known of a replay beside its events. */
export interface EventContext {
  readonly shown: Shown;
  /** So many events came before the last sync, in the midst of which a transcript may end. */
  readonly settled: number;
  /** How many containers were made and started: those events went to the same recorder. */
  readonly started: number;
  /** Whether syncs of a pod in back-off have no call beside them, so that nobody knows how many there were. */
  readonly hasSilentSyncs: boolean;
}

/** Kinds of events, their order, their numbers and times. */
export function compareEvents(
  comparison: Comparison,
  step: string,
  wanted: readonly TranscriptEvent[],
  events: readonly TimedEvent[],
  context: EventContext,
): void {
  const { shown, settled, started } = context;
  const before = groupTimed(events.slice(0, settled));
  const got = groupTimed(events);
  const isFull = events.length + 2 * started > MAX_EVENTS;
  const pods = eventsByPod(wanted);
  for (const [index, pod] of pods.entries()) {
    const isLast = index === pods.length - 1;
    const twice = pod.find((event, at) => pod.slice(0, at).some((other) => sameRecord(event, other)));
    if (twice !== undefined) comparison.note(step, false, twice, undefined);
    for (const [want, found] of align(group(pod), got, (one, other) => sameEvent(one, other, shown))) {
      if (want === undefined) {
        if (found !== undefined && !mayBeMissing(found, got, before, context))
          comparison.note(step, false, want, found);
        continue;
      }
      const least = before.find((one) => found !== undefined && isAlike(one, found))?.count ?? 0;
      // Of the calls for an earlier pod nothing is known.
      const holds = found !== undefined && (!isLast || sameCount(want, found, isFull ? 0 : least, context));
      comparison.note(step, holds, want, found);
    }
  }
}

/** The recorder lets so many events of a pod and a type through; a transcript may end in the midst of a sync. */
function mayBeMissing(
  event: EventGroup,
  all: readonly EventGroup[],
  before: readonly EventGroup[],
  { started }: EventContext,
): boolean {
  if (!before.some((one) => isAlike(one, event))) return true;
  const ofType = all.slice(0, all.indexOf(event)).filter(({ type }) => type === event.type);
  const earlier = ofType.reduce((sum, { count = 1 }) => sum + count, 0) + (event.type === 'Normal' ? 2 * started : 0);
  return earlier >= MAX_EVENTS;
}

/** So far times may be apart: those of a transcript are whole seconds, of clocks of two programs. */
const CLOSE_SECONDS = 3;

/** The recorder drops some, and makes nothing up. Where no calls tell of syncs, neither numbers nor times are known. */
function sameCount(want: EventGroup, got: EventGroup, least: number, { hasSilentSyncs }: EventContext): boolean {
  if (want.count === undefined || want.message.startsWith(MERGED)) return true;
  if (hasSilentSyncs && repeatsInBackOff(want)) return true;
  const count = got.count ?? 1;
  const isEqual = want.count === count;
  const isClose = Math.abs(want.lastSecond - got.lastSecond) <= CLOSE_SECONDS;
  return want.count >= least && (isEqual ? isClose || hasSilentSyncs : want.count < count && !isClose);
}
