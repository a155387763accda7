import { type Clock, systemClock } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import type { Credential } from '../../docker-config/index.js';
import { ImageError } from '../../errors/index.js';
import { printable, redactUrl } from '../../internal/index.js';
import { type Authorizer, createAuthorizer } from '../auth/authorizer.js';
import { type Challenge, parseChallenges } from '../auth/challenge.js';
import type { RegistryNotice } from '../transport/notices.js';
import type { FollowedResponse, Transport } from '../transport/transport.js';
import { checkTarget, type RefreshBudget, type RepositoryRequest, scopesOf } from './repository-request.js';
import type { ApiBase } from './request-url.js';
import { responseError } from '../response/error.js';
import { createReadAgain, type ReadAgain, type RetryOptions, withRetry } from '../transport/retry.js';
import { createSender, type ForeignRequest, type Sender } from './sender.js';
import { createTokenCache, type TokenCache } from '../auth/token-cache.js';
import type { RealmPolicy } from '../policy/url-policy.js';

/** One registry, asked with one credential. */
export interface Session extends ApiBase {
  /** Sends a request, with the credential as the registry asks for it. */
  send(request: RepositoryRequest): Promise<FollowedResponse>;
  /** Asks whoever an image names for a layer of its own: without credential, and guarded as a redirect is. */
  sendForeign(request: ForeignRequest): Promise<FollowedResponse>;
  /** Reads a document again that was cut. */
  readonly readAgain: ReadAgain;
  /** The error for an answer that is not the wanted one. */
  failure(followed: FollowedResponse): Promise<Error>;
}

/** What a session is made of; see `RegistryClientOptions`. */
export interface SessionOptions extends ApiBase {
  readonly transport: Transport;
  readonly credential?: Credential | undefined;
  readonly pathScoped?: boolean | undefined;
  readonly realmPolicy?: RealmPolicy | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
  readonly createHasher: CreateHasher;
  readonly tokenCache?: TokenCache | undefined;
  readonly onNotice?: ((notice: RegistryNotice) => void) | undefined;
  readonly retry?: Pick<RetryOptions, 'attempts' | 'budgetMs' | 'onRetry'> | undefined;
}

export function createSession(options: SessionOptions): Session {
  const { apiPath, namespace, credential, createHasher, onNotice } = options;
  const { clock = systemClock, random = randomFraction, pathScoped = true, realmPolicy = 'guarded' } = options;
  const { tokenCache = createTokenCache({ clock }) } = options;
  const base = { origin: checkOrigin(options.origin), apiPath, namespace };
  const { origin } = base;
  const retry = { ...options.retry, clock, random };
  const transport = withRetry(options.transport, retry);
  const readAgain = createReadAgain(retry);
  const sender = createSender({ transport, base, pathScoped, onNotice });
  const trust = { origin, credential, realmPolicy, createHasher, tokenCache };
  const authorizer = createAuthorizer({ transport, readAgain, clock, ...trust });
  return {
    ...base,
    async send(wanted) {
      checkTarget(wanted, origin);
      return sendAuthorized(sender, authorizer, wanted);
    },
    sendForeign: sender.sendForeign,
    readAgain,
    failure: (followed) => responseError(followed, { clock, credential }),
  };
}

/** Sends a request again, at most once for each reason, when it lacks the credential or a redirect has run out. */
async function sendAuthorized(
  sender: Sender,
  authorizer: Authorizer,
  wanted: RepositoryRequest,
): Promise<FollowedResponse> {
  const { signal, refreshes } = wanted;
  const need = { scopes: scopesOf(wanted), signal };
  let sent = await authorizer.current(need);
  for (let answered = false, renewed = false; ;) {
    const followed = await sender.send(wanted, sent);
    const challenge = answered ? undefined : challengeOf(authorizer, followed, sent, refreshes);
    const stale: boolean = !renewed && isStale(followed);
    if (challenge === undefined && !stale) return followed;
    await followed.response.discard();
    signal?.throwIfAborted();
    renewed ||= stale;
    if (challenge === undefined) continue;
    answered = true;
    sent = await authorizer.answer({ challenge, sent, address: followed.response.remoteAddress }, need);
  }
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
  if (challenge === undefined || sent === undefined || refreshes === undefined) return challenge;
  refreshes.left -= 1;
  return refreshes.left < 0 ? undefined : challenge;
}

/** A URL that the registry has signed runs out; it gives a fresh one to whoever asks it again. */
function isStale({ request, response, foreign }: FollowedResponse): boolean {
  return foreign && request.method === 'GET' && (response.status === 401 || response.status === 403);
}

function checkOrigin(origin: string): string {
  if (/^https?:\/\//.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin) return origin;
  const shown = printable(redactUrl(origin));
  throw new ImageError('ERR_OPTION_INVALID', `Cannot use registry ${shown}: it is not an origin`);
}

function randomFraction(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}
