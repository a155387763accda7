// Names that are given, taken away and looked up at the same time, on a disk whose calls are done when the scheduler says.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoreError } from 'kubepull/errors';
import type { LayoutFileSystem, LayoutOwner, OciLayout } from 'kubepull/node';
import { openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { countFor } from '../../support/figures.ts';
import { createCrashDisk } from '../../support/crash-fs.ts';
import { layoutFaults } from '../../support/layout-check.ts';
import { runsOf } from '../../support/property-runs.ts';
import { runOrders } from '../../support/run-orders.ts';

const ROOT = '/layout';
const REF_NAME = 'org.opencontainers.image.ref.name';
const NAMES = ['app:1', 'app:2'] as const;
const IMAGES = {
  a: buildImage({ layers: [{ files: { is: 'a' } }] }),
  b: buildImage({ layers: [{ files: { is: 'b' } }] }),
  /** Its files cannot be looked at while somebody holds the lock. */
  bad: buildImage({ layers: [{ files: { is: 'bad' } }] }),
};
type Image = keyof typeof IMAGES;
const BAD = IMAGES.bad.descriptor.digest.slice('sha256:'.length);

interface Call {
  readonly do: 'tag' | 'untag' | 'resolve';
  readonly name: (typeof NAMES)[number];
  readonly image: Image;
  /** Which of the stores is asked. */
  readonly store: number;
  /** After how many turns it is aborted, if it is; or when somebody looks at the lock for the last time before the index is replaced. */
  readonly abortAfter: number | 'the last look' | undefined;
}

const call = fc.record<Call>({
  do: fc.constantFrom('tag', 'tag', 'untag', 'resolve'),
  name: fc.constantFrom(...NAMES),
  image: fc.constantFrom('a', 'a', 'b', 'b', 'bad'),
  store: fc.nat(1),
  abortAfter: fc.constantFrom(undefined, undefined, undefined, 0, 3, 9, 'the last look' as const),
});

/** A call as it was seen from outside; or a look at the disk itself, which takes no time. */
interface Event {
  readonly do: Call['do'];
  readonly name: string;
  /** What it gives a name, or what it has found. */
  readonly digest: string | undefined;
  /** Of `untag`: whether there was anything. `undefined` where nobody was told. */
  readonly found: boolean | undefined;
  readonly begin: number;
  /** When its effect has been there, at the latest. */
  readonly end: number;
  /** Whether it may have had no effect: nobody was told that it had. */
  readonly optional: boolean;
}

/** What a name comes to by one call; `'never'` when the call cannot have been seen like this. */
function after(digest: string | undefined, event: Event): string | undefined {
  if (event.do === 'tag') return event.digest;
  if (event.do === 'resolve') return event.digest === digest ? digest : 'never';
  return event.found !== undefined && event.found !== (digest !== undefined) ? 'never' : undefined;
}

/** Whether calls of one name can have been made one after the other, so that each has seen what it has. */
function hasOrder(digest: string | undefined, left: readonly Event[], latest = -1): boolean {
  if (left.every(({ optional }) => optional)) return true;
  const firstEnd = Math.min(...left.map(({ end, optional }) => (optional ? Infinity : end)));
  return left.some((event) => {
    // Nobody comes before one that was over when he began.
    if (event.begin > firstEnd || event.end < latest) return false;
    const next = after(digest, event);
    const rest = left.filter((other) => other !== event);
    return next !== 'never' && hasOrder(next, rest, Math.max(latest, event.begin));
  });
}

/** The disk. It counts what happens, and looks at the names after each change of them. */
function createDisk(s: fc.Scheduler, faults: ReadonlySet<number>) {
  const disk = createCrashDisk();
  const inner = disk.mount();
  const events: Event[] = [];
  const lastLook: (() => void)[] = [];
  /** Changes that have failed: of which process, and when it had got the lock for them. */
  const full: { readonly process: number; readonly lockedAt: number }[] = [];
  const state = { isOn: false, time: 0, renaming: 0, lockedAt: 0, locks: 0, changes: 0 };
  const look = (): void => {
    const text = Buffer.from(disk.files(ROOT).read('index.json')).toString();
    const { manifests } = JSON.parse(text) as { manifests: { digest: string; annotations?: Record<string, string> }[] };
    const begin = (state.time += 1);
    for (const name of NAMES) {
      const digest = manifests.find(({ annotations }) => annotations?.[REF_NAME] === name)?.digest;
      events.push({ do: 'resolve', name, digest, found: undefined, begin, end: begin, optional: false });
    }
  };
  const turn = (what: string): Promise<void> => (state.isOn ? s.schedule(Promise.resolve(), what) : Promise.resolve());
  const ofIndex = (path: string): string | undefined => (path.endsWith('/index.json') ? 'index.json' : undefined);
  const fail = (errno: string): never => {
    throw Object.assign(new Error(`${errno}: injected`), { code: errno });
  };
  const mount = (process: number): LayoutFileSystem => ({
    ...inner,
    async open(path) {
      if (ofIndex(path) !== undefined) await turn(`open ${ofIndex(path)}`);
      return inner.open(path);
    },
    async lstat(path) {
      if (ofIndex(path) !== undefined || path.includes('/ingest/lock')) await turn(`lstat ${path}`);
      if (path.includes('/ingest/lock/')) for (const abort of lastLook.splice(0)) abort();
      if (state.isOn && path.endsWith(BAD) && state.locks > 0) fail('EIO');
      return inner.lstat(path);
    },
    async create(path) {
      await turn('create');
      return inner.create(path);
    },
    async mkdir(path) {
      await turn('mkdir');
      return inner.mkdir(path);
    },
    async unlink(path) {
      await turn('unlink');
      await inner.unlink(path);
      if (path.includes('/ingest/lock/')) state.locks -= 1;
    },
    async rename(from, to) {
      if (ofIndex(to) === undefined) {
        await turn(`rename to ${to}`);
        await inner.rename(from, to);
        if (!to.endsWith('/ingest/lock')) return;
        state.locks += 1;
        state.lockedAt = state.time += 1;
        return;
      }
      state.renaming += 1;
      try {
        await turn('rename to index.json');
        state.changes += Number(state.isOn);
        if (state.isOn && faults.has(state.changes)) {
          full.push({ process, lockedAt: state.lockedAt });
          fail('ENOSPC');
        }
        await inner.rename(from, to);
        if (state.isOn) look();
      } finally {
        state.renaming -= 1;
      }
    },
  });
  return { disk, mount, lastLook, events, full, state, look };
}

/** One of several processes, all of which live. */
function ownerOf(process: number): LayoutOwner {
  let tokens = 0;
  return {
    createToken: () => `${'0'.repeat(16)}-${process + 1}-1-${String((tokens += 1)).padStart(36, '0')}`,
    stateOf: async () => 'alive',
  };
}

/** What was seen of one call; `undefined` for what has failed, and so has no effect. */
function eventOf(
  { do: what, name, image }: Call,
  times: { readonly begin: number; readonly end: number },
  outcome: PromiseSettledResult<unknown>,
  isAborted: boolean,
): Event | undefined {
  if (outcome.status === 'rejected' && (!isAborted || what === 'resolve')) return undefined;
  const { descriptor } = IMAGES[image];
  const value = outcome.status === 'fulfilled' ? outcome.value : undefined;
  const digest = what === 'tag' ? descriptor.digest : (value as { readonly digest?: string } | undefined)?.digest;
  const found = typeof value === 'boolean' ? value : undefined;
  return { do: what, name, digest, found, ...times, optional: outcome.status === 'rejected' };
}

describe('names that are given and taken away at the same time, by one process or two', () => {
  it('are as the calls leave them one after the other, and a call that fails or is aborted takes none along', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(call, { minLength: 1, maxLength: 9 }),
        fc.constantFrom(1, 2),
        fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 1 }),
        fc.boolean(),
        async (s, calls, processes, faults, isLate) => {
          const { disk, mount, lastLook, events, full, state, look } = createDisk(s, new Set(faults));
          const clock = { ...createFakeClock(), sleep: () => s.schedule(Promise.resolve(), 'sleep') };
          // By a late clock all files are old, so that what was read of them is kept.
          const now = (): number => Date.now() + (isLate ? 60_000 : 0);
          const open = (at: number): Promise<OciLayout> =>
            openOciLayout(ROOT, { fs: mount(at), owner: ownerOf(at), clock: { ...clock, now } });
          const stores: OciLayout[] = [];
          for (let at = 0; at < processes; at += 1) stores.push(await open(at));
          for (const { contents } of Object.values(IMAGES))
            for (const { descriptor, bytes } of contents) await writeContent(stores[0]!, descriptor, bytes);
          await stores[0]!.tag('app:1', IMAGES.a.descriptor);
          state.isOn = true;
          look();

          const outcomes = calls.map((): PromiseSettledResult<unknown> | undefined => undefined);
          let broken: unknown;
          calls.forEach((wanted, at) => {
            const { do: what, name, image, abortAfter } = wanted;
            const process = wanted.store % processes;
            const store = stores[process]!;
            const controller = new AbortController();
            const { signal } = controller;
            let begin = -1;
            const settle = (outcome: PromiseSettledResult<unknown>): void => {
              outcomes[at] = outcome;
              const isAborted = outcome.status === 'rejected' && signal.aborted && outcome.reason === signal.reason;
              // What took its place when it was aborted still does; otherwise it never will.
              const end = isAborted && state.renaming > 0 ? Infinity : (state.time += 1);
              const event = eventOf(wanted, { begin, end }, outcome, isAborted);
              if (event !== undefined) events.push(event);
              if (isAborted) look();
              if (outcome.status === 'rejected' && !isAborted) {
                // Of its own files, or of the one file for all that were wanted when the lock was there.
                const isOfGroup = full.some((group) => group.process === process && group.lockedAt > begin);
                const errnos = [what === 'tag' && image === 'bad' ? 'EIO' : '', isOfGroup ? 'ENOSPC' : ''];
                expect(outcome.reason).toMatchObject({ code: 'ERR_STORE' });
                expect(errnos).toContain((outcome.reason as StoreError).errno);
              }
            };
            const make = async (): Promise<unknown> => {
              await s.schedule(Promise.resolve(), `begin ${at}`);
              begin = state.time += 1;
              if (what === 'tag') return store.tag(name, IMAGES[image].descriptor, { signal });
              return store[what](name, { signal });
            };
            make()
              .then(
                (value) => settle({ status: 'fulfilled', value }),
                (reason: unknown) => settle({ status: 'rejected', reason }),
              )
              .catch((error: unknown) => void (broken ??= error));
            const abort = (): void => {
              if (begin >= 0 && outcomes[at] === undefined) controller.abort(`enough of ${at}`);
            };
            const abortLater = async (turns: number): Promise<void> => {
              for (let left = turns; left >= 0; left -= 1) await s.schedule(Promise.resolve(), `abort of ${at}`);
              abort();
            };
            if (abortAfter === 'the last look') lastLook.push(abort);
            else if (abortAfter !== undefined) void abortLater(abortAfter);
          });
          await runOrders(s);
          if (broken !== undefined) throw broken;
          expect(outcomes.filter((outcome) => outcome === undefined)).toEqual([]);
          state.isOn = false;
          for (const store of stores) await store.close();
          look();

          const before = (name: string): string | undefined =>
            name === 'app:1' ? IMAGES.a.descriptor.digest : undefined;
          for (const name of NAMES) {
            const own = events.filter((event) => event.name === name);
            if (!hasOrder(before(name), own)) expect(own, `no order of the calls for ${name}`).toEqual([]);
          }
          const last = events.slice(-NAMES.length).flatMap(({ name, digest }) => (digest === undefined ? [] : [name]));
          for (const store of stores) expect((await store.names()).toSorted()).toEqual(last);
          expect(layoutFaults(disk.files(ROOT), {})).toEqual([]);
        },
      ),
      runsOf('disks'),
    );
    countFor('laws of what runs at the same time, in any order');
  });
});
