import type { Clock } from '../clock/index.js';
import type { Credential } from '../docker-config/index.js';
import { equalCredentials } from '../docker-config/inner.js';
import { type Slots, untilAbort } from '../internal/index.js';
import type { CredentialCandidate } from '../keyring/index.js';
import { type LoopOutcome, pullWithEach } from './credential-loop.js';
import { imageSize } from '../image-service/inner.js';
import type { TokenBucket } from './token-bucket.js';
import type { ImageService, ImageSpec, PodSandbox } from '../image-service/index.js';

/** One image to pull, with the credentials to try. */
export interface PullJob<P> {
  readonly spec: ImageSpec;
  readonly candidates: readonly CredentialCandidate[];
  readonly sandbox: PodSandbox;
  readonly signal: AbortSignal | undefined;
  /** Asked when the job's turn has come; what it gives ends the job without a pull. */
  readonly recheck: (() => Promise<P | undefined>) | undefined;
}

/** What came of a job; the time is that of the pull alone. */
export type JobOutcome<P> =
  | (LoopOutcome & { readonly kind: 'tried'; readonly pullMs: number; readonly size: number })
  | { readonly kind: 'present'; readonly found: P };

export interface ImagePuller {
  pull<P>(job: PullJob<P>): Promise<JobOutcome<P>>;
}

interface PullerOptions {
  readonly images: ImageService;
  readonly queue: Slots;
  readonly bucket: TokenBucket;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly merge: boolean;
}

/** Hands pulls to the runtime: in turn, and no more in a second than the registry is to bear. */
export function createImagePuller(options: PullerOptions): ImagePuller {
  const { queue, merge } = options;
  const flights = new Set<Flight>();

  const pullAlone = <P>(job: PullJob<P>, signal = job.signal): Promise<JobOutcome<P>> =>
    queue.run(async () => {
      const found = await job.recheck?.();
      return found === undefined ? pullNow(options, job, signal) : { kind: 'present', found };
    }, signal);

  const lead = async <P>(job: PullJob<P>): Promise<JobOutcome<P>> => {
    const flight = startFlight(job, (signal) => pullAlone(job, signal));
    flights.add(flight);
    void flight.done.finally(() => flights.delete(flight)).catch(() => undefined);
    return (await flight.join(job.signal)) as JobOutcome<P>;
  };
  const follow = async <P>(job: PullJob<P>, flight: Flight): Promise<JobOutcome<P>> => {
    const outcome = await flight.join(job.signal);
    // What the other pod found says nothing of what this one may use.
    if (outcome.kind === 'present') return pullAlone(job);
    if (!outcome.ok || outcome.used === undefined) return outcome;
    // The credential is the same, but each pod has it from a source of its own.
    return { ...outcome, used: job.candidates[flight.candidates.indexOf(outcome.used)] };
  };
  return {
    async pull(job) {
      if (!merge) return pullAlone(job);
      job.signal?.throwIfAborted();
      const flight = [...flights].find((other) => other.isFor(job));
      return flight === undefined ? lead(job) : follow(job, flight);
    },
  };
}

async function pullNow<P>(
  { images, bucket, clock }: PullerOptions,
  { spec, candidates, sandbox }: PullJob<P>,
  signal: AbortSignal | undefined,
): Promise<JobOutcome<never>> {
  const start = clock.monotonic();
  if (!bucket.tryTake()) return { kind: 'tried', ok: false, text: QPS_EXCEEDED, errors: [], pullMs: 0, size: 0 };
  const outcome = await pullWithEach(images, candidates, { image: spec, sandbox }, { signal });
  // No abort from here on: an image that has come is to be recorded, or it would pass for preloaded.
  const size = outcome.ok ? await imageSize(images, spec, { signal }) : 0;
  return { kind: 'tried', ...outcome, pullMs: clock.monotonic() - start, size };
}

const QPS_EXCEEDED = 'pull QPS exceeded';

/** A pull for all who want the same with the same credentials; it ends when the last of them gives up. */
interface Flight {
  /** Of the one who began it. */
  readonly candidates: readonly CredentialCandidate[];
  readonly done: Promise<JobOutcome<unknown>>;
  isFor(job: PullJob<unknown>): boolean;
  join(signal: AbortSignal | undefined): Promise<JobOutcome<unknown>>;
}

function startFlight<P>(job: PullJob<P>, pull: (signal: AbortSignal) => Promise<JobOutcome<P>>): Flight {
  const controller = new AbortController();
  const done = pull(controller.signal);
  let joined = 0;
  return {
    candidates: job.candidates,
    done,
    isFor: (other) => !controller.signal.aborted && isSamePull(job, other),
    async join(signal) {
      joined += 1;
      try {
        return await untilAbort(done, signal);
      } catch (error) {
        if (joined > 1 || signal?.aborted !== true) throw error;
        controller.abort();
        // The last to leave waits for the end: it may have come too late, and what has come is to be recorded.
        return await done.catch(() => Promise.reject(error));
      } finally {
        joined -= 1;
      }
    },
  };
}

function isSamePull(a: PullJob<unknown>, b: PullJob<unknown>): boolean {
  return (
    a.spec.image === b.spec.image &&
    a.spec.runtimeHandler === b.spec.runtimeHandler &&
    a.candidates.length === b.candidates.length &&
    a.candidates.every(({ entry }, at) => isSameCredential(entry.credential, b.candidates[at]?.entry.credential))
  );
}

function isSameCredential(a: Credential, b: Credential | undefined): boolean {
  return equalCredentials(a, b) && a.email === b?.email;
}
