import { type Clock, systemClock } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import { type Authorizer, createAuthorizer, unansweredCause } from '../auth/authorizer.js';
import { createKnownSecrets } from '../auth/token.js';
import { type Challenge, parseChallenges } from '../auth/challenge.js';
import { createElsewhere, type Elsewhere, type RedirectCredential } from '../auth/elsewhere.js';
import { createTokenCache, type TokenCache, tokenCacheKind } from '../auth/token-cache.js';
import { masksOf, redirectLimitKind } from '../policy/redirects.js';
import { type RealmPolicy, realmPolicyKind, type RedirectPolicy, redirectPolicyKind } from '../policy/url-policy.js';
import { noticeTeller, type RegistryNotice, responseError } from '../response/response.js';
import {
  type ApiBase,
  checkOrigin,
  checkTarget,
  createSender,
  type ForeignRequest,
  type RefreshBudget,
  type RepositoryRequest,
  scopesOf,
  type Sender,
} from './request.js';
import { createReadAgain, type ReadAgain, retryKind, type RetryOptions, withRetry } from '../transport/retry.js';
import {
  type BlobCarrier,
  carrierKind,
  type FollowedResponse,
  senderOfBlobs,
  type Transport,
} from '../transport/transport.js';
import type { Credential } from '../../docker-config/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { randomFraction } from '../../internal/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import type { Tracing } from '../../tracing/index.js';

declare const sessionBrand: unique symbol;

/**
 * One registry, asked with one credential: what the verbs of this module work with, such as `readManifest` and
 * `pushBlob`. It keeps tokens, follows redirects by its own rules, and repeats what failed in passing.
 *
 * Of a reference that a verb is given only repository, tag and digest count: which registry is asked was said when the
 * session was made.
 *
 * @public
 */
export interface RegistrySession {
  /** Where the registry is. */
  readonly origin: string;
  /** Only {@link createRegistrySession} makes one. */
  readonly [sessionBrand]: true;
}

/**
 * What a registry session is made of.
 *
 * @public
 */
export interface RegistrySessionOptions {
  /** Sends the requests to the registry, its token servers, and where it redirects to. */
  readonly transport: Transport;
  /** What large blobs may be brought by. @defaultValue the transport brings them */
  readonly carrier?: BlobCarrier | undefined;
  /** Where the registry is, such as {@link getRegistryOrigin} gives it. */
  readonly origin: string;
  /** Where the API begins there. @defaultValue `'/v2'` */
  readonly apiPath?: string | undefined;
  /** The registry to name in the query `ns`, for a mirror that serves several. @defaultValue none */
  readonly namespace?: string | undefined;
  /** Whom to be: `entry.credential` of a candidate that a keyring gives. @defaultValue anonymous */
  readonly credential?: Credential | undefined;
  /**
   * Whether the credential is for this repository's part of the registry only, so that a redirect within the registry
   * does not take it to another.
   *
   * @defaultValue `true`
   */
  readonly pathScoped?: boolean | undefined;
  /** Which token servers, besides the registry itself, may get a credential. @defaultValue `'guarded'` */
  readonly realmPolicy?: RealmPolicy | undefined;
  /** Where redirects may lead. @defaultValue `'guarded'` */
  readonly redirectPolicy?: RedirectPolicy | undefined;
  /** Redirects of one request that are followed, a whole number from 0 to 10. @defaultValue 5 */
  readonly maxRedirects?: number | undefined;
  /**
   * Whom to be at a server that the registry redirects to, when that server asks for a credential. The session's own never
   * goes there.
   *
   * @defaultValue anonymous
   */
  readonly redirectCredential?: RedirectCredential | undefined;
  /** Makes the hashers that verify content, such as `nodeHasher` of `kubepull/node`. */
  readonly createHasher: CreateHasher;
  /** Measures how long tokens are valid, reads dates of `Retry-After`, and waits. @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /**
   * A number from 0 up to 1, for jitter.
   *
   * @defaultValue the platform's `crypto`
   */
  readonly random?: (() => number) | undefined;
  /**
   * Where tokens are kept. Sessions of any registries and credentials may share one.
   *
   * @defaultValue one of its own
   */
  readonly tokenCache?: TokenCache | undefined;
  /**
   * Whether a layer that the registry does not have is fetched from the URLs that the image names for it: without
   * credential, from public addresses or the kind of network that the registry stands in, and verified as any other.
   *
   * @defaultValue `false`: an image could make whoever pulls it call any server
   */
  readonly foreignLayers?: boolean | undefined;
  /**
   * How often a request is repeated, how long that may take, and who hears of it.
   *
   * @defaultValue that of {@link withRetry}
   */
  readonly retry?: Pick<RetryOptions, 'attempts' | 'budgetMs' | 'onRetry'> | undefined;
  /** Watches the requests for manifests. @defaultValue none */
  readonly tracing?: Tracing | undefined;
  /** Hears the registry's warnings, what is left of its rate limit, and what did no harm, each once. @defaultValue none */
  readonly onNotice?: ((notice: RegistryNotice) => void) | undefined;
}

/** What a session is inside. */
export interface Session extends RegistrySession, ApiBase {
  readonly createHasher: CreateHasher;
  readonly clock: Clock;
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number;
  readonly tracing: Tracing | undefined;
  /** Whether layers may be fetched from the URLs that an image names. */
  readonly foreignLayers: boolean;
  /** Sends a request, with the credential as the registry asks for it. */
  send(request: RepositoryRequest): Promise<FollowedResponse>;
  /** Asks a server that an image names for a layer: without credential, and guarded as a redirect is. */
  sendForeign(request: ForeignRequest): Promise<FollowedResponse>;
  /** Reads a document again that was cut. */
  readonly readAgain: ReadAgain;
  /** Whether a text has a secret in it that this registry or its token server was sent, or gave out. */
  echoes(text: string): boolean;
  /** Tells what was wrong and did no harm. */
  notify(notice: RegistryNotice): void;
  /** The error for an answer that is not the wanted one; `cause` ends its message. */
  failure(followed: FollowedResponse, cause?: string): Promise<Error>;
}

/**
 * Makes a session with one registry, for one credential. Nothing is sent before a verb is called.
 *
 * It shows its credential to the registry's own origin only, fetches tokens for no more than it needs, follows redirects
 * without it, and repeats what failed in passing. A server that the registry redirects to may ask for a token of its own:
 * it gets an anonymous one, or one for what `redirectCredential` gives.
 *
 * @param options - see {@link RegistrySessionOptions}
 * @returns the session, for any number of calls at once; it holds nothing that has to be closed. The verbs reject with
 * {@link RegistryError}, {@link TransportError}, {@link RequestRefusedError}, {@link ContentMismatchError} and
 * `ERR_REGISTRY_DOCUMENT`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `origin` is not an origin, or an option is of the wrong kind
 * @example
 * ```ts
 * import { createRegistrySession, createFetchTransport, resolveManifest } from 'kubepull/distribution';
 * import { getRegistryOrigin } from 'kubepull/mirrors';
 * import { parseReference } from 'kubepull/reference';
 * import { nodeHasher } from 'kubepull/node';
 *
 * const ref = parseReference('registry.example.com/app:1');
 * const session = createRegistrySession({
 *   transport: createFetchTransport(),
 *   origin: getRegistryOrigin(ref.domain),
 *   createHasher: nodeHasher,
 * });
 * const { digest } = await resolveManifest(session, ref);
 * ```
 * @see Repository in oras.land/oras-go registry/remote
 * @public
 */
export function createRegistrySession(options: RegistrySessionOptions): RegistrySession {
  checkParts(options);
  const { apiPath, namespace, credential, createHasher, onNotice, tracing, foreignLayers = false } = options;
  const { clock = systemClock, random = randomFraction, pathScoped = true, realmPolicy = 'guarded' } = options;
  const { tokenCache = createTokenCache({ clock }), maxRedirects, redirectPolicy: policy } = options;
  const base = { origin: checkOrigin(options.origin), apiPath, namespace };
  const { origin } = base;
  const retry = { ...options.retry, clock, random };
  const transport = withRetry(options.transport, retry);
  const carrier = withRetry(senderOfBlobs(options), retry);
  const readAgain = createReadAgain(retry);
  const notices = noticeTeller(origin, onNotice);
  const trust = { transport, readAgain, clock, origin, realmPolicy, createHasher, tokenCache };
  const secrets = createKnownSecrets(credential);
  const authorizer = createAuthorizer({ ...trust, credential, secrets });
  const elsewhere = createElsewhere(trust, options.redirectCredential);
  const redirects = { maxRedirects, policy };
  const sender = createSender({ transport, carrier, base, pathScoped, notices, redirects, elsewhere, secrets });
  const inside: Omit<Session, typeof sessionBrand> = {
    ...base,
    createHasher,
    clock,
    random,
    tracing,
    foreignLayers,
    async send(wanted) {
      checkTarget(wanted, origin);
      return sendAuthorized({ sender, authorizer, elsewhere }, wanted);
    },
    sendForeign: sender.sendForeign,
    readAgain,
    notify: notices.tell,
    echoes: (text) => masksOf(secrets.all).echoes(text),
    failure: (followed, cause = unansweredCause(followed)) => responseError(followed, clock, cause),
  };
  return inside as Session;
}

/**
 * The inside of a session, for a verb that is about to use it.
 *
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when what a verb is given is no session, reference or descriptor
 */
export function enter(session: RegistrySession, ref: ImageReference, ...blobs: readonly Descriptor[]): Session {
  const kinds = { session: SESSION, ref: is.reference, blobs: is.listOf(is.descriptor) };
  check(ASK, { session, ref, blobs }, kinds);
  return session as Session;
}

/** Whether a text has a secret in it that the registry, or its token server, knows. */
export function echoesSecret(session: RegistrySession, text: string): boolean {
  return (session as Session).echoes(text);
}

/** What a call of a registry begins with when it fails before anything is sent. */
export const ASK = 'Cannot ask a registry';

const SESSION = /* @__PURE__ */ is.having('what createRegistrySession() gives', 'send', 'sendForeign', 'readAgain');

function checkParts(options: RegistrySessionOptions): void {
  check<RegistrySessionOptions>('Cannot make a registry session', options, {
    transport: { ...is.callable, what: 'a function, such as createFetchTransport() gives' },
    carrier: is.optional(carrierKind),
    origin: { ...is.text, what: 'a text, such as getRegistryOrigin() gives' },
    apiPath: is.optional(is.text),
    namespace: is.optional(is.text),
    credential: is.optional(is.credential),
    pathScoped: is.optional(is.bool),
    realmPolicy: is.optional(realmPolicyKind),
    createHasher: is.hasher,
    clock: is.optional(is.clock),
    random: is.optional(is.callable),
    tokenCache: is.optional(tokenCacheKind),
    foreignLayers: is.optional(is.bool),
    retry: is.optional(retryKind),
    tracing: is.optional(is.tracing),
    onNotice: is.optional(is.callable),
    maxRedirects: is.optional(redirectLimitKind),
    redirectPolicy: is.optional(redirectPolicyKind),
    redirectCredential: is.optional(is.callable),
  });
}

interface Parts {
  readonly sender: Sender;
  readonly authorizer: Authorizer;
  readonly elsewhere: Elsewhere;
}

/** Servers of one chain of redirects that may ask for a token of their own. */
const MAX_ELSEWHERE = 3;

/** Sends a request again, at most once for each reason: no credential, one that was kept too long, a redirect that ran out. */
async function sendAuthorized(parts: Parts, wanted: RepositoryRequest): Promise<FollowedResponse> {
  const { sender, authorizer } = parts;
  const { signal, refreshes } = wanted;
  const need = { scopes: scopesOf(wanted), signal };
  const asked = new Set<string>();
  let sent = await authorizer.current(need);
  let [answers, isKept, renewed] = [0, false, false];
  for (;;) {
    const followed = await sender.send(wanted, sent);
    if (await answerElsewhere(parts, wanted, followed, asked)) continue;
    const mayAnswer = answers === 0 || (answers === 1 && isKept);
    const challenge = mayAnswer ? challengeOf(authorizer, followed, sent, refreshes) : undefined;
    const stale: boolean = !renewed && isStale(followed);
    if (challenge === undefined && !stale) return followed;
    await followed.response.discard();
    signal?.throwIfAborted();
    renewed ||= stale;
    if (challenge === undefined) continue;
    answers += 1;
    ({ value: sent, isKept } = await authorizer.answer({ challenge, sent, followed }, need));
  }
}

/** Whether a server that the registry redirects to has asked for something, each once, that it will get the next time. */
async function answerElsewhere(
  { elsewhere }: Parts,
  { ref, signal, refreshes }: RepositoryRequest,
  followed: FollowedResponse,
  asked: Set<string>,
): Promise<boolean> {
  const { response, url, foreign, authorization } = followed;
  const { origin } = new URL(url);
  const reason = elsewhere.isKept(followed, ref) ? `${origin}, again` : origin;
  if (response.status !== 401 || !foreign || asked.has(reason) || asked.size === MAX_ELSEWHERE) return false;
  asked.add(reason);
  if (authorization !== undefined && !takeRefresh(refreshes)) return false;
  let isAnswered = true;
  try {
    isAnswered = await elsewhere.answer(followed, ref, { signal });
  } finally {
    if (isAnswered) await response.discard();
  }
  signal?.throwIfAborted();
  return isAnswered;
}

/** The challenge to answer next, if the registry asks for something that can be given. */
function challengeOf(
  authorizer: Authorizer,
  { response, foreign }: FollowedResponse,
  sent: string | undefined,
  refreshes: RefreshBudget | undefined,
): Challenge | undefined {
  // Only the registry itself may ask for its credential, not whoever it redirects to.
  if (response.status !== 401 || foreign) return undefined;
  const challenge = authorizer.choose(parseChallenges(response.headers.get('www-authenticate') ?? []), sent);
  return challenge === undefined || sent === undefined || takeRefresh(refreshes) ? challenge : undefined;
}

/** Whether one more token may be fetched in place of a refused one. */
function takeRefresh(refreshes: RefreshBudget | undefined): boolean {
  if (refreshes === undefined) return true;
  refreshes.left -= 1;
  return refreshes.left >= 0;
}

/** A URL that the registry has signed runs out; it gives a fresh one to whoever asks it again. */
function isStale({ request, response, foreign }: FollowedResponse): boolean {
  return foreign && request.method === 'GET' && (response.status === 401 || response.status === 403);
}
