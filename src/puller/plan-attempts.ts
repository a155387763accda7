import type { RegistryEndpoint } from '../mirrors/index.js';
import { credentialName } from '../mirrors/inner.js';
import type { Credential, CredentialSource } from '../docker-config/index.js';
import { equalSecrets, untilAbort } from '../internal/index.js';
import type { CredentialCandidate } from '../keyring/index.js';
import type { ImageReference } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { type LookupTrace, traced } from '../tracing/index.js';
import type { PullOptions } from './types.js';

const ANONYMOUS: CredentialSource = { kind: 'anonymous' };

/** One thing to try at an endpoint: a candidate of the keyring, or nobody. */
export interface Attempt {
  readonly rank: number;
  readonly candidate: CredentialCandidate | undefined;
  readonly source: CredentialSource;
  readonly credential: Credential | undefined;
}

const NOBODY: Attempt = { rank: 1, candidate: undefined, source: ANONYMOUS, credential: undefined };

/**
 * What kubelet would try, in order: all that the keyring gives, or nobody when it gives nothing. It is asked for the host
 * that is contacted: what it has for the image's own registry is not for a mirror.
 */
export async function planAttempts(
  ref: ImageReference,
  endpoint: RegistryEndpoint,
  { keyring, signal, runtime: { tracing } }: Pick<PullOptions, 'keyring' | 'signal' | 'runtime'>,
): Promise<readonly Attempt[]> {
  if (endpoint.anonymous || keyring === undefined) return [NOBODY];
  const image = credentialName(endpoint, ref);
  const trace: LookupTrace = { image: imageNameText(image), candidates: undefined };
  const candidates = await traced(tracing, 'lookup', trace, async () => {
    const found = await untilAbort(Promise.resolve(keyring.lookup(image, { signal })), signal);
    trace.candidates = found.candidates.length;
    return found.candidates;
  });
  if (candidates.length === 0) return [NOBODY];
  return candidates.map((candidate) => ({
    rank: candidate.rank,
    candidate,
    source: candidate.entry.source,
    credential: candidate.entry.credential,
  }));
}

/** What an event tells of an attempt: all but the credential itself. */
export function describeAttempt({ rank, source, candidate }: Attempt): Pick<Attempt, 'rank' | 'source' | 'candidate'> {
  return { rank, source, candidate };
}

export function equalCredentials(a: Credential, b: Credential | undefined): boolean {
  return b !== undefined && equalSecrets(textOf(a), textOf(b));
}

function textOf({ username, password, identityToken, registryToken }: Credential): string {
  return JSON.stringify([username, password.reveal(), identityToken?.reveal(), registryToken?.reveal()]);
}
