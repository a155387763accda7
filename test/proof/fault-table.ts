// What can go wrong with a pull, where, and how it has to end: written down before it is tried, by rules over the kinds of
// fault and of phase. The cells of the matrix are all faults in all phases; one that cannot be has a reason.

/** Where in a pull something goes wrong: the requests, in their order, that a pull from a registry with tokens makes. */
export const PHASES = [
  /** The first request: without a token, it is answered with a challenge. The library sends no `GET /v2/` of its own. */
  'ping',
  'anonymous token',
  'Basic-exchanged token',
  'OAuth2 refresh',
  'manifest by tag',
  'child by digest',
  'config',
  'layer first byte',
  'layer middle',
  /** The rest of a layer whose first answer broke off. */
  'layer resume',
] as const;
export type Phase = (typeof PHASES)[number];

/** By what a fault leaves of the answer. */
const KINDS = {
  unreached: ['refuse'],
  unanswered: ['RST in the header', 'two lengths', 'length and chunks', 'garbage header'],
  late: ['accept and stay silent', 'header stalls'],
  overflown: ['oversized header'],
  cut: ['RST in the body', 'chunk truncated', 'TLS cut'],
  slow: ['body stalls', 'drip'],
  short: ['FIN truncates', 'short', 'length lies'],
  other: ['wrong bytes', 'long', 'encoding bomb'],
  denied: ['401 for ever', '403', '404'],
  busy: ['429 with Retry-After', '500'],
  passing: ['503, then ok'],
  led: ['redirect loop', 'redirect to another origin'],
  ranged: ['range lie'],
} as const;
export type Kind = keyof typeof KINDS;
export type Fault = (typeof KINDS)[Kind][number];

export const FAULTS: readonly { readonly fault: Fault; readonly kind: Kind }[] = Object.entries(KINDS).flatMap(
  ([kind, faults]) => faults.map((fault) => ({ fault, kind: kind as Kind })),
);

/** How a cell has to end. */
export interface Prediction {
  readonly end: 'success' | 'transient' | 'permanent';
  /** Members that the error must have; of a failed pull, that of its one attempt. */
  readonly error?: Readonly<Record<string, unknown>> | undefined;
  /** How many requests of the phase meet the fault when it stays: so many, or from the first to the second number. */
  readonly requests: number | readonly [number, number];
  /** Whether the same pull succeeds when the fault comes once. */
  readonly healsOnce: boolean;
}

/** Times that a request is sent that fails in passing, that a document is read, and that a blob is asked for. */
const [SENT, READ, ASKED] = [5, 3, 5];
/** Requests for one thing, whatever happens. */
const MOST = 20;
/** It was met, and the pull has gone on. */
const GONE_ON = [1, MOST] as const;
/** Milliseconds that all pauses of a pull may take together, by its clock: those of a blob, and of one request for it. */
export const MOST_WAITED_MS = 12_000;

type Family = 'ping' | 'token' | 'refresh' | 'tag' | 'child' | 'blob' | 'rest';
const FAMILY: Readonly<Record<Phase, Family>> = {
  ping: 'ping',
  'anonymous token': 'token',
  'Basic-exchanged token': 'token',
  'OAuth2 refresh': 'refresh',
  'manifest by tag': 'tag',
  'child by digest': 'child',
  config: 'blob',
  'layer first byte': 'blob',
  'layer middle': 'blob',
  'layer resume': 'rest',
};

const success: Prediction = { end: 'success', requests: GONE_ON, healsOnce: true };
const transient = (error: Prediction['error'], requests: number): Prediction => ({
  end: 'transient',
  error: { ...error, retryable: true },
  requests,
  // What was posted may have been taken: it is not posted again, unless it was turned away.
  healsOnce: requests > 1,
});
const permanent = (error: Prediction['error'], requests: number, healsOnce = false): Prediction => ({
  end: 'permanent',
  error,
  requests,
  healsOnce,
});
const transport = (phase: string): Prediction['error'] => ({ code: 'ERR_TRANSPORT', phase });
const status = (value: number): Prediction['error'] => ({ code: 'ERR_REGISTRY_RESPONSE', status: value });
const refused = (rule: string): Prediction['error'] => ({ code: 'ERR_REQUEST_REFUSED', rule });
const DOCUMENT = { code: 'ERR_REGISTRY_DOCUMENT' };
const MISMATCH = { code: 'ERR_CONTENT_MISMATCH' };

/** Why there is no such cell. */
export function reasonAgainst(fault: Fault, kind: Kind, phase: Phase): string | undefined {
  const inBody = ['cut', 'slow', 'short', 'other'].includes(kind) && fault !== 'encoding bomb';
  if (phase === 'layer middle' && !inBody) return 'in the middle of a body its head has come, and was good';
  if (phase === 'ping' && fault === '401 for ever')
    return 'a 401 is the right answer here; one that stays is a cell of the manifest by tag';
  return undefined;
}

/** How a cell has to end, by the rules of the threat model (its rows A, B and M) and what containerd does. */
export function predict(fault: Fault, kind: Kind, phase: Phase): Prediction {
  const predicted = predictExactly(fault, kind, FAMILY[phase]);
  const { requests, error } = predicted;
  if (typeof requests !== 'number') return predicted;
  // A busy client may give one of its requests up before the server gets to it.
  if (kind === 'late' || kind === 'slow') return { ...predicted, requests: [1, requests] };
  // What comes behind an answer spoils the connection, of which the next request may be the first to hear.
  if (fault === 'length lies') return { ...predicted, requests: [requests, MOST] };
  if (fault !== 'RST in the body') return predicted;
  // A reset takes what was not read yet away, the head at times.
  return {
    ...predicted,
    requests: [requests, MOST],
    error: { code: error?.['code'], retryable: error?.['retryable'] },
  };
}

function predictExactly(fault: Fault, kind: Kind, family: Family): Prediction {
  const posted = family === 'refresh';
  const sent = posted ? 1 : SENT;
  switch (kind) {
    // B07: no answer, or none that is HTTP: the same request may go better.
    case 'unreached':
      return transient(transport('connect'), sent);
    case 'unanswered':
    case 'late':
      return transient(transport('headers'), sent);
    // M13: an answer with too many headers has as many the next time.
    case 'overflown':
      return permanent(transport('headers'), 1);
    // B06, B07: what has begun and broke off is read again, a blob from where it broke off.
    case 'cut':
    case 'slow':
      return family === 'ping' ? success : transient(transport('body'), bodiesOf(family));
    case 'short':
      return predictShort(family);
    case 'other':
      return predictOther(fault, family);
    case 'denied':
      return predictDenied(fault, family);
    // B08, A20: asked again with the same credential, and never with the next.
    case 'busy':
      return fault === '500' ? transient(status(500), sent) : transient(status(429), SENT);
    case 'passing':
      return posted ? transient(status(503), 1) : success;
    case 'led':
      return predictLed(fault, family);
    // B03, M09: a part that nobody asked for is no answer; another part than the one asked for makes for all of it.
    case 'ranged':
      return family === 'rest' ? success : permanent(status(206), 1);
  }
}

/** How often a body is asked for that breaks off each time. */
function bodiesOf(family: Family): number {
  if (family === 'refresh') return 1;
  return family === 'blob' || family === 'rest' ? ASKED : READ;
}

/** B02, M05: fewer bytes than is known to belong to it are a cut; else the document is what came of it. */
function predictShort(family: Family): Prediction {
  if (family === 'ping') return success;
  if (family === 'token' || family === 'refresh') return permanent(DOCUMENT, 1);
  return family === 'tag' ? permanent(MISMATCH, 1) : transient(transport('body'), bodiesOf(family));
}

/**
 * B01, M05, M06: other bytes than promised are a mismatch; a blob is asked for once more, from its first byte. A token is not
 * held against anything: the registry knows it, or does not. Nothing is decoded.
 */
function predictOther(fault: Fault, family: Family): Prediction {
  if (family === 'ping') return success;
  if (family === 'token' || family === 'refresh')
    return fault === 'wrong bytes' ? permanent(status(401), 1) : permanent(DOCUMENT, 1);
  if (family === 'tag') return permanent(fault === 'encoding bomb' ? DOCUMENT : MISMATCH, 1);
  if (family === 'child') return permanent(MISMATCH, 1);
  return family === 'rest' ? success : permanent(MISMATCH, 2, true);
}

/** B10, B11: not asked again; but one that refuses a range may still give all (400, 403), and a token may be replaced once. */
function predictDenied(fault: Fault, family: Family): Prediction {
  const value = Number.parseInt(fault, 10);
  if (value !== 401) return value === 403 && family === 'rest' ? success : permanent(status(value), 1);
  // The first token was fetched a moment before; the manifest by tag is what it was fetched for.
  const isFresh = family === 'token' || family === 'refresh' || family === 'tag';
  return isFresh ? permanent(status(401), 1) : permanent(status(401), 2, true);
}

/** A01, A09, B11: what reads is led on, five times and without its credential; who asks for a token stays where it asks. */
function predictLed(fault: Fault, family: Family): Prediction {
  if (family === 'refresh') return permanent(status(307), 1);
  if (fault === 'redirect loop') return permanent(refused('too-many-redirects'), family === 'token' ? 4 : 6);
  return family === 'token' ? permanent(refused('foreign-redirect'), 1) : success;
}
