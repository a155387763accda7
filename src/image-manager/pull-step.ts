import type { CredentialSource } from '../docker-config/index.js';
import { goQuote } from '../internal/index.js';
import { recordedCredentials } from '../image-access/inner.js';
import { asError, errorText, rethrowAbort } from '../errors/inner.js';
import { pullStepEvent } from './events.js';
import type { JobOutcome } from './image-puller.js';
import type { ImageStep, ManagerContext } from './image-step.js';
import type { PullLedger } from '../image-access/inner.js';
import type { EnsureImageResult } from './manager-types.js';
import type { BackOff } from './pull-failures.js';
import { decideWaitingAfterFailure, decideWaitingInBackOff } from './waiting.js';

type Recheck = (() => Promise<EnsureImageResult | undefined>) | undefined;
type Tried = Extract<JobOutcome<never>, { readonly kind: 'tried' }>;
type Pulled = Extract<Tried, { readonly ok: true }>;

/** A result, and the pull to record when there was one. */
interface Attempted {
  readonly result: EnsureImageResult;
  readonly pulled?: Pulled;
}

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
      : ledger.succeed(step, pulled.imageRef, recordedCredentials(pulled.used, createHasher)));
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
  const { clock, failures, puller, emit } = context;
  const { image, spec, sandbox, signal, about } = step;
  const key = `${sandbox.uid}_${image}`;
  const backOff = failures.backOff(key);
  if (backOff !== undefined) return { result: tooEarly(context, step, backOff) };
  failures.retry(key);
  const start = clock.monotonic();
  emit(about, pullStepEvent(image, { step: 'pulling' }));
  const outcome = await puller.pull({ spec, candidates: await step.credentials(), sandbox, signal, recheck });
  if (outcome.kind === 'present') return { result: outcome.found };
  if (!outcome.ok) return { result: failed(context, step, key, outcome) };
  const { pullMs, size, imageRef, used } = outcome;
  const totalMs = clock.monotonic() - start;
  emit(about, pullStepEvent(image, { step: 'pulled', pullMs, totalMs, size }));
  failures.sweep();
  const source = used?.entry.source ?? ANONYMOUS;
  return { result: { status: 'pulled', imageRef, source, pullMs, totalMs, size }, pulled: outcome };
}

function tooEarly({ emit }: ManagerContext, { image, about }: ImageStep, backOff: BackOff): EnsureImageResult {
  emit(about, pullStepEvent(image, { step: 'back-off' }));
  const { previous, retryAfterMs } = backOff;
  return { status: 'waiting', ...decideWaitingInBackOff(image, previous), retryAfterMs, errors: [] };
}

function failed(
  { failures, emit }: ManagerContext,
  { image, about }: ImageStep,
  key: string,
  { text, errors }: Extract<Tried, { readonly ok: false }>,
): EnsureImageResult {
  emit(about, pullStepEvent(image, { step: 'failed', errorText: text }));
  const waiting = decideWaitingAfterFailure(image, text);
  const retryAfterMs = failures.add(key, waiting);
  return { status: 'waiting', ...waiting, retryAfterMs, errors };
}
