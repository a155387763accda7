import type { CredentialSource } from '../docker-config/index.js';
import { goQuote } from '../internal/index.js';
import { recordedCredentials } from './credentials.js';
import { asError, errorText, rethrowAbort } from './error-text.js';
import { pullStepEvent } from './events.js';
import type { JobOutcome } from './image-puller.js';
import type { ImageStep, ManagerContext } from './image-step.js';
import type { PullLedger } from './ledger.js';
import type { EnsureImageResult } from './manager-types.js';
import { waitingAfterFailure, waitingInBackOff } from './waiting.js';

type Recheck = (() => Promise<EnsureImageResult | undefined>) | undefined;
type Tried = Extract<JobOutcome<never>, { readonly kind: 'tried' }>;
type Pulled = Extract<Tried, { readonly ok: true }>;

/** A result, and the pull to record when there was one. */
interface Attempted {
  readonly result: EnsureImageResult;
  readonly pulled?: Pulled;
}

const SWEEP_EVERY = 1024;
const ANONYMOUS: CredentialSource = { kind: 'anonymous' };

/**
 * The pull with what is written down before and after it. Even a back-off touches the intent.
 *
 * @see pullImage in kubernetes pkg/kubelet/images/image_manager.go, v1.35
 */
export async function pullStep(context: ManagerContext, step: ImageStep, recheck: Recheck): Promise<EnsureImageResult> {
  const { ledger, createHasher } = context;
  if (ledger === undefined) return (await attempt(context, step, recheck)).result;
  const unwritten = await beginPull(ledger, step);
  if (unwritten !== undefined) return unwritten;
  let attempted: Attempted | undefined;
  try {
    attempted = await attempt(context, step, recheck);
    return attempted.result;
  } finally {
    const pulled = attempted?.pulled;
    await (pulled === undefined
      ? ledger.fail(step.image)
      : ledger.succeed(step.image, pulled.imageRef, recordedCredentials(pulled.used, createHasher)));
  }
}

async function beginPull(ledger: PullLedger, { image, signal }: ImageStep): Promise<EnsureImageResult | undefined> {
  try {
    await ledger.begin(image);
    return undefined;
  } catch (error) {
    rethrowAbort(signal);
    const text = errorText(error);
    const message = `Failed to record image pull intent for container image ${goQuote(image)}: ${text}`;
    return { status: 'error', reason: text, message, error: asError(error) };
  }
}

async function attempt(context: ManagerContext, step: ImageStep, recheck: Recheck): Promise<Attempted> {
  const { clock, backoff, failures, puller } = context;
  const { image, spec, sandbox, signal, about } = step;
  const key = `${sandbox.uid}_${image}`;
  if (backoff.isInBackoffSinceUpdate(key)) return { result: backOff(context, step, key) };
  failures.delete(key);
  const start = clock.monotonic();
  context.emit(about, pullStepEvent(image, { step: 'pulling' }));
  const outcome = await puller.pull({ spec, candidates: await step.credentials(), sandbox, signal, recheck });
  if (outcome.kind === 'present') return { result: outcome.found };
  if (!outcome.ok) return { result: failed(context, step, key, outcome) };
  const { pullMs, size, imageRef, used } = outcome;
  const totalMs = clock.monotonic() - start;
  context.emit(about, pullStepEvent(image, { step: 'pulled', pullMs, totalMs, size }));
  forgetExpired(context);
  const source = used?.entry.source ?? ANONYMOUS;
  return { result: { status: 'pulled', imageRef, source, pullMs, totalMs, size }, pulled: outcome };
}

function backOff({ backoff, clock, failures, emit }: ManagerContext, step: ImageStep, key: string): EnsureImageResult {
  emit(step.about, pullStepEvent(step.image, { step: 'back-off' }));
  const state = backoff.state.get(key);
  const ends = state === undefined ? 0 : state.updatedAt + state.delayMs - clock.monotonic();
  const waiting = waitingInBackOff(step.image, failures.get(key));
  return { status: 'waiting', ...waiting, retryAfterMs: Math.max(0, ends), errors: [] };
}

function failed(
  context: ManagerContext,
  { image, about }: ImageStep,
  key: string,
  { text, errors }: Extract<Tried, { readonly ok: false }>,
): EnsureImageResult {
  const { backoff, failures } = context;
  context.emit(about, pullStepEvent(image, { step: 'failed', errorText: text }));
  const { delayMs } = backoff.next(key);
  const waiting = waitingAfterFailure(image, text);
  failures.set(key, waiting);
  // Where nothing ever succeeds kubelet keeps all keys; those that have expired mean nothing.
  if (backoff.size % SWEEP_EVERY === 0) forgetExpired(context);
  return { status: 'waiting', ...waiting, retryAfterMs: delayMs, errors };
}

/** A success does not reset its own key. What is stored of a failure is shown in back-off only, and so dies with its key. */
function forgetExpired({ backoff, failures }: ManagerContext): void {
  if (backoff.gc() === 0) return;
  for (const key of failures.keys()) if (!backoff.state.has(key)) failures.delete(key);
}
