import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, systemClock } from '../../clock/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import type { RepositoryAuth } from './auth/auth-options.js';
import type { ActiveFault, Fault } from './faults/fault-script.js';
import type { PushedContent } from './repositories.js';
import type { LoopbackRequest } from './request-log.js';
import { createContext, respond } from './respond.js';

/**
 * How long a token of a loopback registry opens its repository, unless an option says otherwise.
 *
 * @beta
 */
export const DEFAULT_TOKEN_LIFETIME_SECONDS = 300;

/**
 * Options of {@link createLoopbackRegistry}.
 *
 * @beta
 */
export interface LoopbackRegistryOptions {
  /**
   * Who may pull and push what, by prefix of the repository; the longest prefix counts, and `''` is every repository. A prefix
   * is text: `team/` does not cover `team-b/app`, and `team` does.
   *
   * @defaultValue everybody may pull and push everything
   */
  readonly auth?: Readonly<Record<string, RepositoryAuth>> | undefined;
  /** How long a token is valid, in seconds. @defaultValue {@link DEFAULT_TOKEN_LIFETIME_SECONDS} */
  readonly tokenLifetimeSeconds?: number | undefined;
  /**
   * Whether it has the referrers API. Without it, a client looks for the index under the tag `sha256-…` of the subject,
   * and whoever pushes an artifact keeps that tag.
   *
   * @defaultValue `true`
   */
  readonly referrers?: boolean | undefined;
  /**
   * What tokens age by, and delays wait by.
   *
   * @defaultValue the system's clock
   */
  readonly clock?: Clock | undefined;
}

/**
 * A registry on 127.0.0.1 that lives in this process.
 *
 * @beta
 */
export interface LoopbackRegistry extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40001`. */
  readonly origin: string;
  /** Such as `127.0.0.1:40001`: what stands before the repository in an image reference. */
  readonly host: string;
  /** The port that it listens on, which the system chose. */
  readonly port: number;
  /** Every request so far, in order of arrival. It holds credentials. */
  readonly requests: readonly LoopbackRequest[];
  /** How many connections are open now. */
  readonly connections: number;
  /**
   * Puts an image, an index or an artifact into a repository, without a request. It is served at once.
   *
   * @param repository - such as `team/app`
   * @param tags - one tag or several; none when the content is to be had by digest only
   * @param content - what `buildImage`, `buildIndex` or `buildArtifact` made, or contents of your own
   * @throws {@link ImageError} `ERR_OPTION_INVALID` for a name or tag outside the grammar
   */
  push(repository: string, tags: string | readonly string[], content: PushedContent): void;
  /**
   * Lets requests go wrong from now on. Several faults may hit the same request, in the order in which they were added.
   *
   * @throws {@link ImageError} `ERR_OPTION_INVALID` when `nth`, `times` or a number of the action is no count
   */
  fault(fault: Fault): ActiveFault;
  /** Makes every token that was issued so far invalid, as a restart of a token server may. */
  revokeTokens(): void;
  /** Stops the server and ends all connections, also stalled ones. It may be called again. */
  close(): Promise<void>;
}

/**
 * Starts an OCI registry on loopback for tests: seeded in memory, with authentication, a request log and faults.
 *
 * It serves `/v2/`, manifests, blobs with ranges, tag lists and referrers, and takes uploads, mounts and manifests, with
 * the errors of the OCI distribution spec. With `bearer` rules it is its own token server. It speaks plain HTTP.
 *
 * @param options - who may pull and push, what it can do, and the clock
 * @returns the registry, listening on a free port; whoever started it closes it
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when the lifetime of tokens is not a positive number
 * @example
 * ```ts
 * import { buildImage, createLoopbackRegistry } from 'kubepull/testing';
 *
 * const registry = await createLoopbackRegistry({
 *   auth: { 'team/': { type: 'bearer', accounts: [{ username: 'puller', password: 'example' }] } },
 * });
 * registry.push('team/app', '1', buildImage({ layers: [{ files: { 'etc/motd': 'hello\n' } }] }));
 * registry.fault({ method: 'GET', path: /\/blobs\//, times: 1, action: { kind: 'cut', afterBytes: 100 } });
 * // … pull `${registry.host}/team/app:1` …
 * registry.requests.map(({ method, url, status }) => `${method} ${url} ${status}`);
 * await registry.close();
 * ```
 * @beta
 */
export async function createLoopbackRegistry(options: LoopbackRegistryOptions = {}): Promise<LoopbackRegistry> {
  check<LoopbackRegistryOptions>('Cannot start a registry', options, {
    auth: is.optional(is.recordOf(AUTH)),
    tokenLifetimeSeconds: is.optional({
      what: 'a positive number',
      accepts: (value) => Number.isFinite(value) && (value as number) > 0,
    }),
    referrers: is.optional(is.bool),
    clock: is.optional(is.clock),
  });
  const { auth = {}, clock = systemClock } = options;
  const { tokenLifetimeSeconds = DEFAULT_TOKEN_LIFETIME_SECONDS } = options;
  const context = createContext({
    rules: { ...auth },
    clock,
    tokenLifetimeSeconds,
    referrers: options.referrers ?? true,
  });
  const server = createServer((message, response) => void respond(context, message, response));
  const sockets = trackSockets(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = closeOnce(server, sockets, context.closing);
  return {
    origin: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    port,
    requests: context.requests,
    get connections() {
      return sockets.size;
    },
    push(repository, tags, content) {
      const pushed = is.shape(
        { descriptor: is.descriptor, contents: is.listOf(BUILT) },
        'content, such as buildImage() gives',
      );
      const kinds = { repository: is.text, tags: is.either(is.text, is.listOf(is.text)), content: pushed };
      check('Cannot push', { repository, tags, content }, kinds);
      context.push(repository, typeof tags === 'string' ? [tags] : tags, content);
    },
    fault: (fault) => context.faults.add(fault),
    revokeTokens: () => context.tokens.revoke(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

const BUILT = /* @__PURE__ */ is.shape({ descriptor: is.descriptor, bytes: is.bytes });

const AUTH = /* @__PURE__ */ is.either(
  /* @__PURE__ */ is.shape({ type: /* @__PURE__ */ is.oneOf('anonymous') }, 'the auth of a repository'),
  /* @__PURE__ */ is.shape(
    {
      type: /* @__PURE__ */ is.oneOf('basic', 'bearer'),
      accounts: /* @__PURE__ */ is.listOf(
        /* @__PURE__ */ is.shape({
          username: is.text,
          password: is.text,
          identityToken: /* @__PURE__ */ is.optional(is.text),
          registryToken: /* @__PURE__ */ is.optional(is.text),
          repositories: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.listOf(is.text)),
          push: /* @__PURE__ */ is.optional(is.bool),
        }),
      ),
      anonymousPull: /* @__PURE__ */ is.optional(is.bool),
      denied: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.oneOf(403, 404)),
    },
    'basic or bearer with accounts',
  ),
);

/** The connections of a server that are open now. */
function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** Makes the function that stops a server for good, however often it is called. */
function closeOnce(server: Server, sockets: ReadonlySet<Socket>, closing: AbortController): () => Promise<void> {
  const close = async (): Promise<void> => {
    closing.abort();
    server.close();
    server.closeAllConnections();
    // The server counts a socket as gone before the socket says so itself.
    await Promise.all([once(server, 'close'), ...[...sockets].map((socket) => once(socket, 'close'))]);
  };
  let closed: Promise<void> | undefined;
  return () => (closed ??= close());
}
