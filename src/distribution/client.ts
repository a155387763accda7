import { type CallOptions, type Clock, systemClock } from '../clock/index.js';
import { type CreateHasher, digestAlgorithm, digestOf, isDigest } from '../digest/index.js';
import type { Credential } from '../docker-config/index.js';
import { ContentMismatchError, ImageError } from '../errors/index.js';
import { redactUrl } from '../internal/index.js';
import { ACCEPTED_MANIFEST_TYPES, type Descriptor } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';
import { createAuthorizer } from './authorizer.js';
import { parseChallenges } from './challenge.js';
import { readDocument, refuseEncoding } from './read-body.js';
import { type FollowedResponse, sendFollowing } from './redirects.js';
import { responseError } from './response-error.js';
import { withRetry } from './retry.js';
import type { Transport } from './transport.js';
import type { FetchedBlob, FetchedManifest, RegistryClient } from './types.js';

/** The largest manifest or index that is read. */
const MAX_MANIFEST = 4 * 1024 * 1024;

/**
 * What a registry client is made of.
 *
 * @public
 */
export interface RegistryClientOptions {
  readonly transport: Transport;
  /** Where the registry is, such as {@link registryOrigin} gives it. */
  readonly origin: string;
  /** Anonymous when absent. */
  readonly credential?: Credential | undefined;
  readonly createHasher: CreateHasher;
  /** @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /**
   * A number from 0 up to 1, for jitter.
   *
   * @defaultValue the platform's `crypto`
   */
  readonly random?: (() => number) | undefined;
}

interface Session {
  /** Sends a request for a repository, with credentials as the registry asks for them. */
  send(
    method: 'GET' | 'HEAD',
    ref: ImageReference,
    path: string,
    headers: Readonly<Record<string, string>>,
    options: CallOptions,
  ): Promise<FollowedResponse>;
  /** The error for an answer that is not the wanted one. */
  failure(method: string, followed: FollowedResponse): Promise<Error>;
}

/**
 * Makes a client of one registry, for one credential.
 *
 * It answers challenges of the registry's own origin only, fetches tokens for no more than it needs, follows redirects
 * without credentials, and repeats what failed in passing. What it returns is verified where it is in memory.
 *
 * @param options - see {@link RegistryClientOptions}
 * @returns the client; it keeps tokens, and may serve any number of calls at once. Its methods throw
 * {@link RegistryError}, {@link TransportError}, {@link RequestRefusedError}, {@link ContentMismatchError} and
 * `ERR_REGISTRY_DOCUMENT`
 * @example
 * ```ts
 * import { createRegistryClient, fetchTransport, registryOrigin } from 'kubepull/distribution';
 * import { parseReference } from 'kubepull/reference';
 * import { nodeHasher } from 'kubepull/node';
 *
 * const ref = parseReference('registry.example.com/app:1');
 * const client = createRegistryClient({
 *   transport: fetchTransport(),
 *   origin: registryOrigin(ref.domain),
 *   createHasher: nodeHasher,
 * });
 * const { digest } = await client.resolve(ref);
 * ```
 * @public
 */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const session = createSession(options);
  return {
    resolve: (ref, call = {}) => resolve(session, options, ref, call),
    fetchManifest: (ref, call = {}) => fetchManifest(session, options, ref, call),
    fetchBlob: (ref, blob, call = {}) => fetchBlob(session, ref, blob, call),
  };
}

function createSession({
  transport,
  origin,
  credential,
  clock = systemClock,
  random = randomFraction,
}: RegistryClientOptions): Session {
  const sender = withRetry(transport, { clock, random });
  const secrets = secretsOf(credential);
  const registry = { origin, address: undefined };
  const authorizer = createAuthorizer({ transport: sender, clock, origin, credential, secrets });

  return {
    async send(method, ref, path, headers, { signal }) {
      const scope = `repository:${ref.path}:pull`;
      const url = `${origin}/v2/${ref.path}${path}`;
      const request = (authorization: string | undefined): Promise<FollowedResponse> =>
        sendFollowing(
          sender,
          {
            method,
            url,
            signal,
            headers: {
              ...headers,
              'accept-encoding': 'identity',
              'user-agent': 'kubepull',
              ...(authorization === undefined ? {} : { authorization }),
            },
          },
          registry,
          // A credential for one repository is not shown to another of the same registry.
          { keepsCredential: (target) => target.startsWith(`/v2/${ref.path}/`) },
        );
      const first = await request(authorizer.current(scope));
      if (first.response.status !== 401 || first.foreign) return first;
      const challenge = authorizer.choose(parseChallenges(first.response.headers.get('www-authenticate') ?? []));
      if (challenge === undefined) return first;
      await first.response.discard();
      const address = first.response.remoteAddress;
      const authorization = await authorizer.answer(challenge, { scope, address, signal });
      return request(authorization);
    },
    failure: (method, { response, url }) => responseError(method, url, response, { clock, secrets }),
  };
}

function randomFraction(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}

function secretsOf(credential: Credential | undefined): Set<string> {
  const secrets = [credential?.password, credential?.identityToken, credential?.registryToken];
  return new Set(secrets.flatMap((secret) => (secret === undefined ? [] : [secret.reveal()])));
}

async function resolve(
  session: Session,
  options: RegistryClientOptions,
  ref: ImageReference,
  call: CallOptions,
): Promise<Descriptor> {
  const followed = await session.send(
    'HEAD',
    ref,
    manifestPath(ref),
    { accept: ACCEPTED_MANIFEST_TYPES.join(', ') },
    call,
  );
  const { response } = followed;
  if (response.status !== 200) throw await session.failure('HEAD', followed);
  await response.discard();
  const digest = header(followed, 'docker-content-digest');
  const size = Number(header(followed, 'content-length') ?? Number.NaN);
  const mediaType = mediaTypeOf(followed);
  // Not every registry says all three without the body.
  if (!isDigest(digest) || !Number.isSafeInteger(size) || mediaType === undefined) {
    return (await fetchManifest(session, options, ref, call)).descriptor;
  }
  return { mediaType, digest, size };
}

async function fetchManifest(
  session: Session,
  { createHasher }: RegistryClientOptions,
  ref: ImageReference,
  call: CallOptions,
): Promise<FetchedManifest> {
  const followed = await session.send(
    'GET',
    ref,
    manifestPath(ref),
    { accept: ACCEPTED_MANIFEST_TYPES.join(', ') },
    call,
  );
  const { response, url } = followed;
  if (response.status !== 200) throw await session.failure('GET', followed);
  await refuseEncoding(response, url);
  const bytes = await readDocument(response, MAX_MANIFEST, url);
  const mediaType = mediaTypeOf(followed);
  if (mediaType === undefined) {
    throw new ImageError('ERR_REGISTRY_DOCUMENT', `Cannot read ${redactUrl(url)}: it came without a Content-Type`);
  }
  const claimed = header(followed, 'docker-content-digest');
  const expected = ref.digest ?? (isDigest(claimed) ? claimed : undefined);
  const digest = digestOf(bytes, createHasher, expected === undefined ? 'sha256' : digestAlgorithm(expected));
  const descriptor = { mediaType, digest, size: bytes.length };
  if (expected === undefined || expected === digest) return { descriptor, bytes };
  throw new ContentMismatchError(`Cannot read ${redactUrl(url)}: its digest is ${digest} and should be ${expected}`, {
    expected: { ...descriptor, digest: expected },
    actual: { digest, size: bytes.length },
  });
}

async function fetchBlob(
  session: Session,
  ref: ImageReference,
  blob: Descriptor,
  { offset = 0, signal }: CallOptions & { readonly offset?: number | undefined },
): Promise<FetchedBlob> {
  const range = offset === 0 ? undefined : { range: `bytes=${offset}-` };
  const followed = await session.send('GET', ref, `/blobs/${blob.digest}`, range ?? {}, { signal });
  const { response, url } = followed;
  await (response.status < 300 ? refuseEncoding(response, url) : undefined);
  if (response.status === 200) return { offset: 0, content: response.body };
  const expected = `bytes ${offset}-${blob.size - 1}/${blob.size}`;
  if (response.status === 206 && range !== undefined && header(followed, 'content-range') === expected) {
    return { offset, content: response.body };
  }
  if (range === undefined) throw await session.failure('GET', followed);
  // A range that the registry cannot serve, or serves wrongly: from the start, then.
  await response.discard();
  return fetchBlob(session, ref, blob, { signal });
}

function manifestPath({ tag, digest }: ImageReference): string {
  return `/manifests/${digest ?? tag ?? 'latest'}`;
}

function header({ response }: FollowedResponse, name: string): string | undefined {
  return response.headers.get(name)?.[0];
}

function mediaTypeOf(followed: FollowedResponse): string | undefined {
  return header(followed, 'content-type')?.split(';')[0]?.trim();
}
