import { type CallOptions, type Clock, systemClock } from '../clock/index.js';
import type { Credential } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { printable, redactUrl } from '../internal/index.js';
import type { ImageReference } from '../reference/index.js';
import { createAuthorizer } from './authorizer.js';
import { parseChallenges } from './challenge.js';
import { type FollowedResponse, sendFollowing } from './redirects.js';
import { repositoryPath } from './request-url.js';
import { responseError } from './response-error.js';
import { withRetry } from './retry.js';
import type { Transport } from './transport.js';
import type { RealmPolicy } from './url-policy.js';

/** A request for something in a repository. */
export interface RepositoryRequest extends CallOptions {
  readonly method: 'GET' | 'HEAD';
  readonly ref: ImageReference;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One registry, asked with one credential. */
export interface Session {
  readonly origin: string;
  /** Sends a request, with the credential as the registry asks for it. */
  send(request: RepositoryRequest): Promise<FollowedResponse>;
  /** The error for an answer that is not the wanted one. */
  failure(followed: FollowedResponse): Promise<Error>;
}

/** What a session is made of; see `RegistryClientOptions`. */
export interface SessionOptions {
  readonly transport: Transport;
  readonly origin: string;
  readonly credential?: Credential | undefined;
  readonly pathScoped?: boolean | undefined;
  readonly realmPolicy?: RealmPolicy | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

export function createSession(options: SessionOptions): Session {
  const { credential, pathScoped = true, realmPolicy = 'guarded', clock = systemClock } = options;
  const origin = checkOrigin(options.origin);
  const registry = { origin, address: undefined };
  const transport = withRetry(options.transport, { clock, random: options.random ?? randomFraction });
  const authorizer = createAuthorizer({ transport, clock, origin, credential, realmPolicy });

  const request = (
    { method, ref, url, headers, signal }: RepositoryRequest,
    authorization: string | undefined,
  ): Promise<FollowedResponse> => {
    const sent = {
      ...headers,
      'accept-encoding': 'identity',
      'user-agent': 'kubepull',
      ...(authorization === undefined ? {} : { authorization }),
    };
    const keepsCredential = (path: string): boolean => !pathScoped || isWithin(path, repositoryPath(ref));
    return sendFollowing(transport, { method, url, signal, headers: sent }, registry, { keepsCredential });
  };

  return {
    origin,
    async send(wanted) {
      const { ref, signal } = wanted;
      const scope = `repository:${ref.path}:pull`;
      const sent = authorizer.current(scope);
      const followed = await request(wanted, sent);
      const { response, foreign } = followed;
      // Only the registry itself may ask for its credential, not whoever it redirects to.
      if (response.status !== 401 || foreign) return followed;
      const challenge = authorizer.choose(parseChallenges(response.headers.get('www-authenticate') ?? []), sent);
      if (challenge === undefined) return followed;
      await response.discard();
      signal?.throwIfAborted();
      const authorization = await authorizer.answer(challenge, { scope, address: response.remoteAddress, signal });
      return request(wanted, authorization);
    },
    failure: (followed) => responseError(followed, { clock, credential }),
  };
}

/** Whether a path is below another for every reader: one may decode an escape that another takes as it is. */
function isWithin(path: string, parent: string): boolean {
  return path.startsWith(parent) && !path.includes('%');
}

function checkOrigin(origin: string): string {
  if (/^https?:\/\//.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin) return origin;
  const shown = printable(redactUrl(origin));
  throw new ImageError('ERR_OPTION_INVALID', `Cannot use registry ${shown}: it is not an origin`);
}

function randomFraction(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}
