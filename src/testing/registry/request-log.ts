import type { IncomingMessage } from 'node:http';

/**
 * One request as it arrived. It holds the credentials that were sent: a test looks at them, a log must not.
 *
 * @beta
 */
export interface LoopbackRequest {
  /** The HTTP method. */
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly url: string;
  /** By lower-case name. A header that came more than once has its values joined by a comma and a space. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body; `undefined` while it has not come, and when there is none or it is too large. */
  readonly body: Uint8Array | undefined;
  /** `undefined` for requests that are not about a repository. */
  readonly repository: string | undefined;
  /** The registry for which a pull-through cache is asked: the `ns` of the query. */
  readonly namespace: string | undefined;
  /** The user as whom the registry knew the client; `undefined` for anybody. */
  readonly account: string | undefined;
  /** The status of the answer; `undefined` while there is none. */
  readonly status: number | undefined;
  /** When it arrived, in epoch milliseconds. */
  readonly at: number;
}

/** An entry while the request is under way. */
export type OpenRequest = { -readonly [K in keyof LoopbackRequest]: LoopbackRequest[K] };

export function openRequest(message: IncomingMessage, at: number): OpenRequest {
  const url = message.url ?? '';
  return {
    method: message.method ?? '',
    url,
    headers: allHeaders(message.rawHeaders),
    body: undefined,
    repository: undefined,
    namespace: new URLSearchParams(url.split('?')[1]).get('ns') ?? undefined,
    account: undefined,
    status: undefined,
    at,
  };
}

/** All that was sent: Node's own `headers` drop the second `Authorization`. */
function allHeaders(raw: readonly string[]): Readonly<Record<string, string>> {
  const headers = new Map<string, string>();
  for (let at = 0; at < raw.length; at += 2) {
    const [name, value] = [(raw[at] ?? '').toLowerCase(), raw[at + 1] ?? ''];
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(headers);
}
