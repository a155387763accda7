import type { CallOptions } from '../../clock/index.js';
import { noticeTeller, type RegistryNotice } from '../transport/notices.js';
import { orDiscard } from '../transport/or-discard.js';
import { sendFollowing } from '../policy/redirects.js';
import type { FollowedResponse, Transport } from '../transport/transport.js';
import type { RepositoryRequest } from './repository-request.js';
import { type ApiBase, repositoryPath } from './request-url.js';
import { admitForeign, showTarget } from '../policy/url-policy.js';

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
  readonly base: ApiBase;
  /** Whether the credential stays within the repository that was asked for. */
  readonly pathScoped: boolean;
  readonly onNotice: ((notice: RegistryNotice) => void) | undefined;
}

const OWN_HEADERS = { 'accept-encoding': 'identity', 'user-agent': 'kubepull' };

export function createSender({ transport, base, pathScoped, onNotice }: SenderContext): Sender {
  const { origin } = base;
  const tell = noticeTeller(origin, onNotice);
  /** Where the registry was reached the last time. */
  let address: string | undefined;
  return {
    async send({ method, ref, url, headers: own, body, signal }, authorization) {
      const headers = { ...own, ...OWN_HEADERS, ...(authorization === undefined ? {} : { authorization }) };
      const request = { method, url, signal, headers, body: typeof body === 'function' ? body() : body };
      const keepsCredential = (path: string): boolean => !pathScoped || isWithin(path, repositoryPath(ref, base));
      const followed = await sendFollowing(transport, request, { origin, address: undefined }, { keepsCredential });
      if (followed.foreign) return followed;
      address = followed.response.remoteAddress;
      await orDiscard(followed.response, () => tell(followed.response));
      return followed;
    },
    async sendForeign({ url, headers, signal }) {
      const target = admitForeign(url, { origin, address });
      const request = {
        method: 'GET',
        url: target.url.href,
        headers: { ...headers, ...OWN_HEADERS },
        signal,
        allowAddresses: target.allowAddresses,
        shownUrl: showTarget(target.url),
      } as const;
      return sendFollowing(transport, request, { origin, address });
    },
  };
}

/** Whether a path is below another for every reader: one may decode an escape that another takes as it is. */
function isWithin(path: string, parent: string): boolean {
  return path.startsWith(parent) && !path.includes('%');
}
