import { decidePull, needsImageStatus, type PullDecision } from '../pull-policy/index.js';
import type { SecretLike } from '../pull-secrets/index.js';
import type { ImageReference } from '../reference/index.js';
import { textWithTag } from '../reference/inner.js';
import { decideImage, type ImageRules } from '../rules/index.js';
import { type EnsureTrace, runTraced } from '../tracing/index.js';
import { podCredentials, recordedNameOf, recordedCredentials, type PullLedger } from '../image-access/inner.js';
import { lazyCredentials } from './credentials.js';
import { asError, errorText, rethrowAbort } from '../errors/inner.js';
import { pullStepEvent } from './events.js';
import type { ImageStep, ManagerContext } from './image-step.js';
import type { EnsureImageResult } from './manager-types.js';
import { inspectImage } from '../image-service/inner.js';
import { type WaitingReason, decideWaitingAfterFailure, decideWaitingInBackOff } from './waiting.js';
import type { CredentialSource } from '../docker-config/index.js';
import { ImageRefusedError } from '../errors/index.js';
import { goQuote, quote } from '../internal/index.js';
import type { JobOutcome } from './image-puller.js';
import type { BackOff } from './pull-failures.js';

/** What is asked for. */
export interface StepRequest extends Pick<
  ImageStep,
  'image' | 'policy' | 'about' | 'sandbox' | 'signal' | 'tellsPresence'
> {
  /** The name of the image, read once for all steps; or why it cannot be. */
  readonly ref: ImageReference | Error;
  readonly runtimeHandler: string;
  readonly serviceAccountName: string;
  readonly pullSecrets: Iterable<SecretLike>;
}

/** An end before anything was pulled; the table of steps has none of these count for back-off. */
type Early = EnsureImageResult | 'pull';

/**
 * Kubelet's steps from the name to the pull. The number of each is that of the table in the docs.
 *
 * @see EnsureImageExists in kubernetes pkg/kubelet/images/image_manager.go, v1.35
 */
export function ensureImage(context: ManagerContext, request: StepRequest): Promise<EnsureImageResult> {
  const trace = startTrace(request);
  return runTraced(context.tracing, 'ensure', trace, async () => {
    const result = await runSteps(context, request, trace);
    return Object.assign(trace, outcomeOf(result)) && result;
  });
}

function startTrace({ image, policy, sandbox: { namespace, name: pod, uid } }: StepRequest): EnsureTrace {
  const facts = { presentLocally: undefined, pullRequired: undefined, check: undefined, status: undefined };
  const outcome = { reason: undefined, size: undefined, totalMs: undefined };
  return { image, namespace, pod, uid, pullPolicy: policy, ...facts, ...outcome };
}

function outcomeOf(result: EnsureImageResult): Pick<EnsureTrace, 'status' | 'reason' | 'size' | 'totalMs'> {
  const { status } = result;
  const reason = status === 'waiting' ? result.reason : undefined;
  if (status !== 'pulled') return { status, reason, size: undefined, totalMs: undefined };
  return { status, reason, size: result.size, totalMs: result.totalMs };
}

async function runSteps(context: ManagerContext, request: StepRequest, trace: EnsureTrace): Promise<EnsureImageResult> {
  const { ref } = request;
  if (ref instanceof Error) return invalidName(context, request, ref);
  const refused = context.rules && refusedByRules(context, context.rules, request, ref);
  if (refused !== undefined) return refused;
  const step = startStep(context, request, ref, trace);
  const early = await precheck(context, step);
  if (early !== 'pull') return early;
  try {
    await step.credentials();
  } catch (error) {
    rethrowAbort(step.signal);
    return failedWith(error);
  }
  const recheck = context.recheckPresence ? async () => presentNow(context, step) : undefined;
  return pullStep(context, step, recheck);
}

function startStep(
  { keyring, tracing, release }: ManagerContext,
  request: StepRequest,
  ref: ImageReference,
  trace: EnsureTrace,
): ImageStep {
  const { runtimeHandler, serviceAccountName, pullSecrets, ref: _, ...step } = request;
  const { sandbox, signal } = step;
  const pod = { namespace: sandbox.namespace, name: sandbox.name, uid: sandbox.uid, serviceAccountName };
  return {
    ...step,
    trace,
    name: recordedNameOf(ref, { release }),
    spec: { image: textWithTag(ref), annotations: sandbox.annotations, runtimeHandler },
    credentials: lazyCredentials(ref, pullSecrets, { keyring, pod, tracing, signal }),
  };
}

function invalidName({ emit }: ManagerContext, { image, about }: StepRequest, error: Error): EnsureImageResult {
  const event = pullStepEvent(image, { step: 'invalid-name', errorText: errorText(error) });
  emit(about, event);
  return waiting('InvalidImageName', event.message, error);
}

/**
 * What the operator's rules refuse, in the words of a pull that failed. It is no back-off: the answer is the same at every sync, and
 * costs nobody anything.
 */
function refusedByRules(
  { emit }: ManagerContext,
  rules: ImageRules,
  { image, about }: StepRequest,
  ref: ImageReference,
): EnsureImageResult | undefined {
  const { allowed, message: reason } = decideImage(ref, rules);
  if (allowed) return undefined;
  const error = new ImageRefusedError(image, { digest: undefined, reason }, `Cannot pull ${quote(image)}: ${reason}`);
  emit(about, pullStepEvent(image, { step: 'failed', errorText: error.message }));
  return waiting('ErrImagePull', error.message, error);
}

/** What the policy, presence and the records say: use the image, fail, or pull. */
async function precheck(context: ManagerContext, step: ImageStep): Promise<Early> {
  const { trace } = step;
  let imageRef: string;
  try {
    imageRef = await presentRef(context, step);
    trace.presentLocally = imageRef !== '';
  } catch (error) {
    rethrowAbort(step.signal);
    const event = pullStepEvent(step.image, { step: 'inspect-failed', errorText: errorText(error) });
    context.emit(step.about, event);
    return waiting('ImageInspectError', event.message, error);
  }
  let decision: PullDecision;
  try {
    decision = await decide(context, step, imageRef);
  } catch (error) {
    trace.check = 'error';
    rethrowAbort(step.signal);
    return failedWith(error);
  }
  trace.pullRequired = pullRequired(decision, trace);
  if (decision.action === 'pull') return 'pull';
  if (decision.action !== 'use' || step.tellsPresence) context.emit(step.about, decision.event);
  return decision.action === 'use'
    ? { status: 'present', imageRef, message: decision.message }
    : waiting(decision.waitingReason, decision.message);
}

/** Kubelet does not say of an image that is absent, and never pulled, whether it would have to be. */
function pullRequired({ action }: PullDecision, { presentLocally }: EnsureTrace): boolean | undefined {
  if (action === 'use') return false;
  return action === 'pull' || presentLocally === true ? true : undefined;
}

async function presentRef({ images }: ManagerContext, { policy, spec, signal }: ImageStep): Promise<string> {
  if (!needsImageStatus(policy)) return '';
  return (await inspectImage(images, spec, { signal }))?.id ?? '';
}

async function decide(context: ManagerContext, step: ImageStep, imageRef: string): Promise<PullDecision> {
  const { ledger, createHasher } = context;
  const { image, name, policy, credentials } = step;
  const present = imageRef !== '';
  const checked =
    present && ledger !== undefined
      ? await ledger.mustPull({ image, name }, imageRef, async () => podCredentials(await credentials(), createHasher))
      : undefined;
  step.trace.check = checked?.reason;
  const mustPull = checked !== undefined && checked.mustPull !== false;
  return decidePull({ image, policy, present, verifiesCredentials: ledger !== undefined, mustPull });
}

/** The same question once more, by who waited in the queue; whatever goes wrong with it, the pull will tell. */
async function presentNow(context: ManagerContext, step: ImageStep): Promise<EnsureImageResult | undefined> {
  try {
    const imageRef = await presentRef(context, step);
    const decision = await decide(context, step, imageRef);
    if (decision.action !== 'use') return undefined;
    if (step.tellsPresence) context.emit(step.about, decision.event);
    return { status: 'present', imageRef, message: decision.message };
  } catch {
    rethrowAbort(step.signal);
    return undefined;
  }
}

function waiting(reason: WaitingReason, message: string, error?: unknown): EnsureImageResult {
  const errors = error === undefined ? [] : [asError(error)];
  return { status: 'waiting', reason, message, retryAfterMs: 0, errors };
}

function failedWith(error: unknown): EnsureImageResult {
  const text = errorText(error);
  return { status: 'error', reason: text, message: text, error: asError(error) };
}

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
async function pullStep(context: ManagerContext, step: ImageStep, recheck: Recheck): Promise<EnsureImageResult> {
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
