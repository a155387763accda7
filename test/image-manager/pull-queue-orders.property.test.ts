// Pods that want their images at the same time, over a runtime whose every answer comes when the scheduler says.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EnsureImageResult, ImageManagerOptions } from 'kubepull/image-manager';
import { createMemoryRecords } from 'kubepull/image-access';
import type { ImageService } from 'kubepull/image-service';
import { countFor } from '../support/figures.ts';
import { untilAbort } from '../../src/internal/until-abort.ts';
import { countingSignal } from '../support/invariants.ts';
import { runsOf } from '../support/property-runs.ts';
import { runOrders } from '../support/run-orders.ts';
import { createKit, GATE_OFF, runtimeImage, secretOf } from './fake-images.ts';

/** What the two fields of a configuration come to, by section 9 of the pull flow. */
const LIMITS: readonly (readonly [Partial<ImageManagerOptions>, number])[] = [
  [{}, 1],
  [{ serializeImagePulls: true }, 1],
  [{ maxParallelImagePulls: 1 }, 1],
  [{ serializeImagePulls: false, maxParallelImagePulls: 1 }, 1],
  [{ maxParallelImagePulls: 2 }, 2],
  [{ serializeImagePulls: false, maxParallelImagePulls: 3 }, 3],
  [{ serializeImagePulls: false }, Infinity],
];
const USERS = ['A', 'B'] as const;

interface Wish {
  /** Many pods want the same image, and each pull of it is made. */
  readonly image: string;
  readonly pullPolicy: 'Always' | 'IfNotPresent';
  /** How many of its two credentials the registry refuses. */
  readonly refused: 0 | 1 | 2;
  readonly aborts: boolean;
  /** Whether the runtime ends an aborted pull at once, or when its time has come. */
  readonly endsAtOnce: boolean;
}

const wish = fc.record<Wish>({
  image: fc.constantFrom('private.example/a:1', 'private.example/b:1', 'private.example/c:1'),
  pullPolicy: fc.constantFrom('Always', 'IfNotPresent'),
  refused: fc.constantFrom(0, 0, 1, 2),
  aborts: fc.integer({ min: 0, max: 3 }).map((odd) => odd === 0),
  endsAtOnce: fc.boolean(),
});

/** What one pod is seen to get. */
interface Seen {
  /** What its own calls of the runtime were, in order. */
  readonly calls: string[];
  /** Whether the runtime has said that the image is there, before any pull of this pod. */
  wasPresent: boolean;
  phase: 'before' | 'pulling' | 'over';
  /** The phase in which it was aborted, if it was before it had its result. */
  abortedIn: Seen['phase'] | undefined;
  outcome: PromiseSettledResult<EnsureImageResult> | undefined;
}

const idOf = (uid: string): string => `sha256:of-${uid}`;

/** The runtime. It tells pods apart by the annotation that each of them has. */
function createRuntime(s: fc.Scheduler, wishes: readonly Wish[], seen: readonly Seen[]) {
  const present = new Set<string>();
  /** The pods whose pulls are under way, from the first credential to the size. */
  const active = new Set<number>();
  const begun: number[] = [];
  let most = 0;
  const images: ImageService = {
    async imageStatus({ image, annotations }, { signal } = {}) {
      const at = Number(annotations['pod']);
      const mine = seen[at]!;
      mine.calls.push('status');
      await s.schedule(Promise.resolve(), `status of ${at}`);
      const isSize = active.delete(at);
      if (signal?.aborted === true) throw new Error('cancelled');
      if (!isSize) mine.wasPresent = present.has(image);
      if (mine.wasPresent) mine.phase = 'over';
      return present.has(image) ? runtimeImage(image, idOf('status')) : undefined;
    },
    async pullImage({ image: { image, annotations }, auth, sandbox }, { signal } = {}) {
      const at = Number(annotations['pod']);
      const [mine, { refused, endsAtOnce }] = [seen[at]!, wishes[at]!];
      const user = auth?.credential.username ?? 'nobody';
      mine.calls.push(`pull ${sandbox?.uid} ${user}`);
      if (!active.has(at)) begun.push(at);
      active.add(at);
      most = Math.max(most, active.size);
      mine.phase = 'pulling';
      const end = s.schedule(Promise.resolve(), `pull of ${at}`);
      await untilAbort(end, endsAtOnce ? signal : undefined).catch(() => undefined);
      if (signal?.aborted === true) active.delete(at);
      if (signal?.aborted === true) throw new Error('cancelled');
      const place = USERS.findIndex((name) => name === user);
      if (place === refused || place === USERS.length - 1) mine.phase = 'over';
      if (refused > place) {
        if (mine.phase === 'over') active.delete(at);
        throw new Error(`${user} of ${at} is refused`);
      }
      present.add(image);
      return idOf(String(at));
    },
    listImages: async () => [],
    removeImage: async () => undefined,
    imageFsInfo: async () => [],
  };
  return { images, begun, most: () => most };
}

/** What a pod gets that was not aborted, whatever the others do. */
function expectedOf({ image, refused }: Wish, at: number, wasPresent: boolean, gate: boolean): object {
  if (wasPresent) {
    const message = `Container image "${image}" already present on machine`;
    return {
      status: 'present',
      imageRef: idOf('status'),
      message: gate ? `${message} and can be accessed by the pod` : message,
    };
  }
  if (refused < USERS.length) return { status: 'pulled', imageRef: idOf(String(at)) };
  const texts = USERS.map((user) => `${user} of ${at} is refused`);
  return { status: 'waiting', reason: 'ErrImagePull', message: `[${texts.join(', ')}]` };
}

function expectedCalls({ pullPolicy, refused }: Wish, at: number, wasPresent: boolean): readonly string[] {
  const before = pullPolicy === 'Always' ? [] : ['status'];
  if (wasPresent) return before;
  const tried = USERS.slice(0, refused + 1).map((user) => `pull ${at} ${user}`);
  return [...before, ...tried, ...(refused < USERS.length ? ['status'] : [])];
}

describe('the pulls of many pods at once', () => {
  it('are as many as allowed, in the order in which they came, and an abort ends one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.constantFrom(...LIMITS),
        fc.boolean(),
        fc.array(wish, { minLength: 1, maxLength: 14 }),
        async (s, [options, limit], gate, wishes) => {
          const seen = wishes.map((): Seen => ({
            calls: [],
            wasPresent: false,
            phase: 'before',
            abortedIn: undefined,
            outcome: undefined,
          }));
          const runtime = createRuntime(s, wishes, seen);
          const arrived: number[] = [];
          const records = createMemoryRecords();
          const { manager } = createKit({
            images: runtime.images,
            records,
            registryPullQPS: 0,
            ...(gate ? { imagePullCredentialsVerificationPolicy: 'NeverVerify' } : GATE_OFF),
            ...options,
            onEvent: ({ reason, involvedObject: { uid } }) => {
              if (reason === 'Pulling') arrived.push(Number(uid));
            },
          });
          const signals = wishes.map(() => countingSignal());
          wishes.forEach(({ image, pullPolicy: imagePullPolicy, aborts }, at) => {
            const [mine, { signal, abort }] = [seen[at]!, signals[at]!];
            const pod = {
              metadata: { name: `web-${at}`, namespace: 'default', uid: String(at), annotations: { pod: String(at) } },
              spec: { containers: [{ name: 'app', image, imagePullPolicy }] },
            };
            const pullSecrets = USERS.map((user) => secretOf(user));
            manager.ensureContainerImage({ pod, container: 'app', pullSecrets, signal }).then(
              (value) => void (mine.outcome = { status: 'fulfilled', value }),
              (reason: unknown) => void (mine.outcome = { status: 'rejected', reason }),
            );
            const abortLater = async (): Promise<void> => {
              await s.schedule(Promise.resolve(), `abort of ${at}`);
              if (mine.outcome !== undefined) return;
              mine.abortedIn = mine.phase;
              abort(`enough of ${at}`);
            };
            if (aborts) void abortLater();
          });
          await runOrders(s);

          expect(seen.filter(({ outcome }) => outcome === undefined)).toEqual([]);
          expect(runtime.most()).toBeLessThanOrEqual(limit);
          // Who came first begins first; who gave up before its turn is passed over.
          expect(runtime.begun).toEqual(arrived.filter((at) => runtime.begun.includes(at)));
          seen.forEach(({ outcome, abortedIn, wasPresent, calls }, at) => {
            const mine = wishes[at]!;
            // What has come is to be recorded, so nobody gives up then.
            if (abortedIn === 'before' || abortedIn === 'pulling')
              expect(outcome).toEqual({ status: 'rejected', reason: `enough of ${at}` });
            else if (outcome?.status !== 'fulfilled') expect(outcome).toMatchObject({ status: 'fulfilled' });
            else {
              expect(outcome.value).toMatchObject(expectedOf(mine, at, wasPresent, gate));
              if (outcome.value.status === 'pulled' && abortedIn === undefined)
                expect(outcome.value.size).toBe(10_485_760);
              expect(calls).toEqual(expectedCalls(mine, at, wasPresent));
            }
            if (abortedIn === 'before') expect(calls.filter((call) => call !== 'status')).toEqual([]);
          });
          expect(signals.map(({ listeners }) => listeners)).toEqual(signals.map(() => 0));
          const failed = seen.filter(
            ({ outcome }) => outcome?.status === 'fulfilled' && outcome.value.status === 'waiting',
          );
          expect(manager.stats).toEqual({ pulling: 0, queued: 0, inBackoff: failed.length });
          // Nothing that a pull has said beforehand is left behind.
          expect(await manager.recoverIntents()).toEqual([]);
        },
      ),
      runsOf('turns'),
    );
    countFor('laws of what runs at the same time, in any order');
  });
});
