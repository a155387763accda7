import type { CallOptions } from '../../clock/index.js';
import { parseDigest } from '../../digest/index.js';
import type { Elsewhere } from '../auth/elsewhere.js';
import { masksOf, type RedirectRules, sendFollowing } from '../policy/redirects.js';
import type { KnownSecrets } from '../auth/token.js';
import { admitForeign, showTarget } from '../policy/url-policy.js';
import type { NoticeTeller } from '../response/response.js';
import {
  type Admission,
  type FollowedResponse,
  orDiscard,
  type Transport,
  type TransportRequest,
} from '../transport/transport.js';
import { ImageError, RequestRefusedError } from '../../errors/index.js';
import { printable, quote, redactUrl, USER_AGENT } from '../../internal/index.js';
import type { ImageReference } from '../../reference/index.js';

/** A request for something in a repository. */
export interface RepositoryRequest extends CallOptions {
  readonly method: TransportRequest['method'];
  readonly ref: ImageReference;
  /** At the session's own origin. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What to send; a function makes it once more when the registry asks for the credential first. */
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>) | undefined;
  /**
   * What the token must allow in the reference's repository.
   *
   * @defaultValue `'pull'`
   */
  readonly actions?: RepositoryActions | undefined;
  /** Another repository of the registry that the token must allow to pull from, to mount a blob of it. */
  readonly mountFrom?: string | undefined;
  /** How often a token that the registry takes no more is replaced; shared by the requests for one blob. */
  readonly refreshes?: RefreshBudget | undefined;
  /** Whether the carrier of blobs sends it, if there is one. */
  readonly carried?: boolean | undefined;
}

/** What is done in a repository, in the words of a token's scope. */
export type RepositoryActions = 'pull' | 'pull,push' | 'delete';

/** How many more tokens may be fetched in place of refused ones. */
export interface RefreshBudget {
  left: number;
}

/** All that a request needs, and no more. */
export function scopesOf({ ref, actions = 'pull', mountFrom }: RepositoryRequest): readonly string[] {
  const scope = `repository:${ref.path}:${actions}`;
  return mountFrom === undefined ? [scope] : [scope, `repository:${mountFrom}:pull`];
}

/**
 * An upload goes on where the registry says: if that is elsewhere, the credential does not go with it.
 *
 * @throws {@link RequestRefusedError} when the URL is not at the registry's origin
 */
export function checkTarget({ method, url }: RepositoryRequest, origin: string): void {
  if (URL.canParse(url) && new URL(url).origin === origin) return;
  const shown = printable(redactUrl(url));
  throw new RequestRefusedError(`Cannot ${method} ${shown}: it is not at ${origin}`, {
    url: shown,
    rule: 'foreign-origin',
  });
}

/** Where the API of a registry or mirror begins. */
export interface ApiBase {
  /** Such as `https://registry.example.com`. */
  readonly origin: string;
  /**
   * The path of the API there.
   *
   * @defaultValue `/v2`
   */
  readonly apiPath?: string | undefined;
  /** The registry to name in the query `ns`, for a mirror that serves several. */
  readonly namespace?: string | undefined;
}

/** Where a repository's manifests and blobs are, as a path of the registry's origin. */
function repositoryPath({ path }: ImageReference, { apiPath = '/v2' }: Partial<ApiBase> = {}): string {
  return `${apiPath}/${path}/`;
}

/** The URL of the manifest that a reference names, by its digest if it has one. */
export function manifestUrl(base: ApiBase, ref: ImageReference): string {
  const { tag = 'latest', digest } = ref;
  if (digest !== undefined) return requestUrl(base, ref, `manifests/${parseDigest(digest)}`);
  if (!/^[\w.-]{1,128}$/.test(tag)) throw unusable(ref.name, `${quote(tag)} is not a tag`);
  return requestUrl(base, ref, `manifests/${tag}`);
}

/** The URL of a blob of a reference's repository. */
export function blobUrl(base: ApiBase, ref: ImageReference, digest: string): string {
  return requestUrl(base, ref, `blobs/${parseDigest(digest)}`);
}

/**
 * The URL of anything else in a reference's repository.
 *
 * A reference may have been made by hand instead of parsed: a URL that says something else than its parts, because it
 * was normalised, would ask for another repository with this one's credential.
 *
 * @param rest - such as `tags/list`; without escapes
 * @param query - what is asked for of it
 */
export function requestUrl(
  base: ApiBase,
  ref: ImageReference,
  rest: string,
  query: Readonly<Record<string, string>> = {},
): string {
  const text = `${base.origin}${repositoryPath(ref, base)}${rest}`;
  const grammatical = /^[a-z0-9._/-]{1,255}$/.test(ref.path) && !ref.path.includes('//');
  if (!grammatical || ref.path.startsWith('/') || new URL(text).href !== text)
    throw unusable(ref.name, `${quote(ref.path)} is no repository`);
  const namespace = base.namespace === undefined ? {} : { ns: base.namespace };
  const asked = new URLSearchParams({ ...query, ...namespace }).toString();
  return asked === '' ? text : `${text}?${asked}`;
}

function unusable(name: string, reason: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot ask for ${quote(name)}: ${reason}`);
}

/** @throws {@link ImageError} `ERR_OPTION_INVALID` for what is no origin */
export function checkOrigin(origin: string): string {
  if (/^https?:\/\//.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin) return origin;
  const shown = printable(redactUrl(origin));
  throw new ImageError('ERR_OPTION_INVALID', `Cannot use registry ${shown}: it is not an origin`);
}

/** A request for content that is not at the registry. */
export interface ForeignRequest extends CallOptions {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Sends requests of one registry, once each. */
export interface Sender {
  send(wanted: RepositoryRequest, authorization: string | undefined): Promise<FollowedResponse>;
  sendForeign(wanted: ForeignRequest): Promise<FollowedResponse>;
}

/** What a sender works with. */
export interface SenderContext {
  readonly transport: Transport;
  /** What sends the requests for blobs that are carried. */
  readonly carrier: Transport;
  readonly base: ApiBase;
  /** Whether the credential stays within the repository that was asked for. */
  readonly pathScoped: boolean;
  readonly notices: NoticeTeller;
  readonly redirects: Pick<RedirectRules, 'maxRedirects' | 'policy'>;
  readonly elsewhere: Elsewhere;
  /** What the registry may have got of the credential. */
  readonly secrets: KnownSecrets;
}

const OWN_HEADERS = { 'accept-encoding': 'identity', 'user-agent': USER_AGENT };

export function createSender({
  transport,
  carrier,
  base,
  pathScoped,
  notices,
  redirects,
  elsewhere,
  secrets,
}: SenderContext): Sender {
  const { origin } = base;
  /** Where the registry was reached the last time. */
  let address: string | undefined;
  return {
    async send({ method, ref, url, headers: own, body, signal, carried = false }, authorization) {
      const headers = { ...own, ...OWN_HEADERS, ...(authorization === undefined ? {} : { authorization }) };
      const request = { method, url, signal, headers, body: typeof body === 'function' ? body() : body };
      const keepsCredential = (path: string): boolean => !pathScoped || isWithin(path, repositoryPath(ref, base));
      const authorizationAt = (target: URL): Admission | undefined => elsewhere.authorizationAt(target, ref);
      const rules = { ...redirects, keepsCredential, authorizationAt, secrets: secrets.all };
      const followed = await sendFollowing(
        carried ? carrier : transport,
        request,
        { origin, address: undefined },
        rules,
      );
      if (followed.foreign) return followed;
      address = followed.response.remoteAddress;
      await orDiscard(followed.response, () => notices.hear(followed));
      return followed;
    },
    async sendForeign({ url, headers, signal }) {
      const { maskUrl } = masksOf(secrets.all);
      const target = admitForeign(url, { origin, address, mask: maskUrl }, redirects.policy);
      const request = {
        method: 'GET',
        url: target.url.href,
        headers: { ...headers, ...OWN_HEADERS },
        signal,
        allowAddresses: target.allowAddresses,
        shownUrl: maskUrl(showTarget(target.url)),
      } as const;
      return sendFollowing(transport, request, { origin, address }, { ...redirects, secrets: secrets.all });
    },
  };
}

/**
 * Whether a path is below another for every reader: one may decode an escape that another takes as it is, or cut what
 * stands behind a semicolon, and read `..;` as `..`.
 */
function isWithin(path: string, parent: string): boolean {
  return path.startsWith(parent) && !/[%;]/.test(path);
}
