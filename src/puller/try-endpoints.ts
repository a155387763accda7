import type { Credential, CredentialSource } from '../docker-config/index.js';
import { equalCredentials } from '../docker-config/inner.js';
import {
  type AnyImageError,
  type BlobFailure,
  isImageError,
  type PullAttempt,
  PullFailedError,
  type TransportPhase,
} from '../errors/index.js';
import { check, noteBlobFailures } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { aggregate, quote, untilAbort } from '../internal/index.js';
import type { CredentialCandidate } from '../keyring/index.js';
import type { RegistryEndpoint } from '../mirrors/index.js';
import { credentialName } from '../mirrors/inner.js';
import type { PullStep } from './events.js';
import type { AskOptions } from './types.js';
import type { ImageReference } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { type LookupTrace, runTraced } from '../tracing/index.js';

/** Where a failure comes before anybody has seen a credential. */
const UNREACHED: ReadonlySet<TransportPhase> = new Set(['lookup', 'connect', 'tls']);

/** One pull: what it is of, and what went wrong so far. */
export interface PullRun {
  readonly image: string;
  readonly ref: ImageReference;
  readonly options: AskOptions;
  readonly emit: (event: PullStep) => void;
  /** Grows with every attempt that failed. */
  readonly failed: PullAttempt[];
  /** Blobs that failed in the attempt under way. */
  readonly failedBlobs: BlobFailure[];
}

/** What is wanted of an endpoint, and how to get it with one credential. */
export interface EndpointTask<T> {
  readonly purpose: 'pull' | 'resolve';
  run(target: Target, onAuthorized: () => void): Promise<T>;
}

/** Whom to ask, and as whom. */
export interface Target {
  readonly endpoint: RegistryEndpoint;
  readonly attempt: Attempt;
  /** Whether no other endpoint is left. */
  readonly last: boolean;
}

/** What was got, where, and with whose credential. */
export interface EndpointSuccess<T> {
  readonly value: T;
  readonly endpoint: RegistryEndpoint;
  readonly attempt: Attempt;
}

/**
 * Tries the endpoints in order, and at each the credentials in order, until one gives what is wanted.
 *
 * @throws {@link PullFailedError} when all failed
 */
export async function tryEndpoints<T>(
  pull: PullRun,
  endpoints: readonly RegistryEndpoint[],
  task: EndpointTask<T>,
): Promise<EndpointSuccess<T>> {
  const { emit, failed } = pull;
  const { purpose } = task;
  for (const [at, endpoint] of endpoints.entries()) {
    emit({ type: 'endpoint', endpoint, purpose, outcome: 'trying', error: undefined });
    const success = await tryCredentials(pull, endpoint, task, at === endpoints.length - 1);
    const outcome = success === undefined ? 'failed' : 'served';
    emit({
      type: 'endpoint',
      endpoint,
      purpose,
      outcome,
      error: success === undefined ? failed.at(-1)?.error : undefined,
    });
    if (success !== undefined) return success;
  }
  throw pullFailed(pull);
}

/** A credential that one endpoint refused may well be right at another, so what was refused is not remembered. */
async function tryCredentials<T>(
  pull: PullRun,
  endpoint: RegistryEndpoint,
  task: EndpointTask<T>,
  last: boolean,
): Promise<EndpointSuccess<T> | undefined> {
  const { ref, options, emit, failed, failedBlobs } = pull;
  const refused: Credential[] = [];
  const attempts = await planAttempts(ref, endpoint, options);
  for (const [place, attempt] of attempts.entries()) {
    const shown = describeAttempt(attempt);
    const { rank, source, credential } = attempt;
    if (credential !== undefined && refused.some((other) => equalCredentials(other, credential))) {
      emit({ type: 'credential', ...shown, outcome: 'duplicate', error: undefined });
      continue;
    }
    emit({ type: 'credential', ...shown, outcome: 'trying', error: undefined });
    let mayBeRefused = place < attempts.length - 1;
    try {
      const accept = (): void => {
        mayBeRefused = false;
        emit({ type: 'credential', ...shown, outcome: 'accepted', error: undefined });
      };
      return { value: await task.run({ endpoint, attempt, last }, accept), endpoint, attempt };
    } catch (error) {
      options.signal?.throwIfAborted();
      const next = isImageError(error) ? nextAfter(error, { last, mayBeRefused }) : undefined;
      if (!isImageError(error)) throw error;
      if (next === undefined) throw noteBlobFailures(error, failedBlobs);
      failed.push({ rank, source, endpoint, error, blobs: failedBlobs.splice(0) });
      if (next === 'endpoint') return undefined;
      emit({ type: 'credential', ...shown, outcome: 'rejected', error });
      if (credential !== undefined) refused.push(credential);
    }
  }
  return undefined;
}

/**
 * What to try after a failure; `undefined` when it is final. Kubelet goes on to the next credential after any error of
 * the runtime; we do not while the server is busy or broken (429, 5xx), which says nothing of the credential. What no
 * credential can change is not tried with another. Wrong content is the fault of who sent it, so another endpoint may
 * have the right one.
 *
 * @param at - `mayBeRefused`: that the registry has not given the manifest out, and there is another credential. What came
 * in its place may be the page where people log in.
 */
function nextAfter(
  error: AnyImageError,
  { last, mayBeRefused }: { readonly last: boolean; readonly mayBeRefused: boolean },
): 'credential' | 'endpoint' | undefined {
  const { code } = error;
  if (code === 'ERR_REGISTRY_RESPONSE') return error.retryable ? 'endpoint' : 'credential';
  if (code === 'ERR_TRANSPORT') return UNREACHED.has(error.phase) ? 'endpoint' : 'credential';
  if (code === 'ERR_REQUEST_REFUSED') return 'credential';
  if (code === 'ERR_REGISTRY_DOCUMENT' && mayBeRefused) return 'credential';
  if (code === 'ERR_CONTENT_MISMATCH' || code === 'ERR_REGISTRY_DOCUMENT') return last ? undefined : 'endpoint';
  return undefined;
}

function pullFailed({ image, failed }: PullRun): PullFailedError {
  const text = aggregateErrorTexts(failed.map(({ error }) => error.message));
  return new PullFailedError(`Cannot pull ${quote(image)}: ${text}`, image, failed);
}

/** One thing to try at an endpoint: a candidate of the keyring, or none. */
export interface Attempt {
  readonly rank: number;
  readonly candidate: CredentialCandidate | undefined;
  readonly source: CredentialSource;
  readonly credential: Credential | undefined;
}

const ANONYMOUS: Attempt = { rank: 1, candidate: undefined, source: { kind: 'anonymous' }, credential: undefined };

/**
 * What kubelet would try, in order: all that the keyring gives, or nothing when it gives nothing. It is asked for the host
 * that is contacted: what it has for the image's own registry is not for a mirror.
 */
export async function planAttempts(
  ref: ImageReference,
  endpoint: RegistryEndpoint,
  {
    keyring,
    credential,
    signal,
    runtime: { tracing },
  }: Pick<AskOptions, 'keyring' | 'credential' | 'signal' | 'runtime'>,
): Promise<readonly Attempt[]> {
  if (endpoint.anonymous) return [ANONYMOUS];
  if (credential !== undefined && endpoint.upstream) return [{ ...ANONYMOUS, source: { kind: 'inline' }, credential }];
  if (keyring === undefined) return [ANONYMOUS];
  const image = credentialName(endpoint, ref);
  const trace: LookupTrace = { image: imageNameText(image), candidates: undefined };
  const candidates = await runTraced(tracing, 'lookup', trace, async () => {
    const found = await untilAbort(Promise.resolve(keyring.lookup(image, { signal })), signal);
    trace.candidates = found.candidates.length;
    return found.candidates;
  });
  if (candidates.length === 0) return [ANONYMOUS];
  return candidates.map((candidate) => ({
    rank: candidate.rank,
    candidate,
    source: candidate.entry.source,
    credential: candidate.entry.credential,
  }));
}

/** What an event tells of an attempt: all but the credential itself. */
function describeAttempt({ rank, source, candidate }: Attempt): Pick<Attempt, 'rank' | 'source' | 'candidate'> {
  return { rank, source, candidate };
}

/**
 * Joins the errors of several attempts into one text, as kubelet shows them.
 *
 * @param texts - the error texts, in the order in which they came
 * @returns the text alone when all are equal; else `[first, second]`, each once
 * @example
 * ```ts
 * import { aggregateErrorTexts } from 'kubepull/puller';
 *
 * aggregateErrorTexts(['denied', 'denied', 'not found']); // '[denied, not found]'
 * ```
 * @see NewAggregate in kubernetes apimachinery pkg/util/errors
 * @public
 */
export function aggregateErrorTexts(texts: readonly string[]): string {
  check('Cannot join texts', { texts }, { texts: is.listOf(is.text) });
  return aggregate(texts);
}
