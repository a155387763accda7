import type { CallOptions } from '../../clock/index.js';
import { unreadable } from '../response/response.js';
import type { Session } from '../session/session.js';
import type { FollowedResponse } from '../transport/transport.js';
import { redactUrl } from '../../internal/index.js';
import type { ImageReference } from '../../reference/index.js';

/** Pages of one list that are read. */
const MAX_PAGES = 10_000;

/** What to ask for, page by page. */
export interface PagedRequest extends CallOptions {
  readonly ref: ImageReference;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Asks for a list, page by page, as the registry links them. Of a link only the query is used, on our own URL: what stands
 * before a registry changes its paths and hosts, and whatever a link named would be asked with the credential for this
 * repository.
 *
 * @param readPage - makes a page of an answer; it reads the body, or gives it up
 */
export async function* requestPages<T>(
  session: Session,
  { ref, url, headers, signal }: PagedRequest,
  readPage: (followed: FollowedResponse) => Promise<T>,
): AsyncGenerator<T, void, undefined> {
  const seen = new Set<string>();
  for (let next: string | undefined = url; next !== undefined;) {
    if (seen.has(next)) throw unreadable(redactUrl(url), 'its pages link in a circle');
    if (seen.size === MAX_PAGES) throw unreadable(redactUrl(url), `it has more than ${MAX_PAGES} pages`);
    seen.add(next);
    const here = next;
    const { followed, page } = await session.readAgain(
      {
        send: () => session.send({ method: 'GET', ref, url: here, headers, signal }),
        read: async (answer) => ({ followed: answer, page: await readPage(answer) }),
      },
      signal,
    );
    yield page;
    next = nextPage(followed, here, session);
  }
}

function nextPage({ response }: FollowedResponse, from: string, { namespace }: Session): string | undefined {
  const link = nextLink(response.headers.get('link') ?? []);
  if (link === undefined) return undefined;
  if (!URL.canParse(link, from)) throw unreadable(redactUrl(from), 'the link to its next page is not a URL');
  const url = new URL(from);
  url.search = new URL(link, from).search;
  if (namespace !== undefined) url.searchParams.set('ns', namespace);
  return url.href;
}

/** Links of one answer that are looked at. */
const MAX_LINKS = 32;

/**
 * The target of the first link to the next page, in `Link` headers (RFC 8288).
 *
 * @param values - the headers, each with one link or several
 * @returns the target as written, which may be relative
 */
export function nextLink(values: readonly string[]): string | undefined {
  for (const value of values) {
    let at = 0;
    for (let links = 0; links < MAX_LINKS; links += 1) {
      const start = value.indexOf('<', at);
      const end = start < 0 ? -1 : value.indexOf('>', start);
      if (end < 0) break;
      at = endOf(value, end + 1, ',');
      if (isNext(value.slice(end + 1, at))) return value.slice(start + 1, end);
    }
  }
  return undefined;
}

/** The first `rel` counts, and may name several relations. */
function isNext(parameters: string): boolean {
  for (let at = 0; at < parameters.length;) {
    const end = endOf(parameters, at, ';');
    const [name = '', value = ''] = parameters
      .slice(at, end)
      .split('=', 2)
      .map((part) => part.trim());
    if (name.toLowerCase() === 'rel') return value.replaceAll('"', '').toLowerCase().split(' ').includes('next');
    at = end + 1;
  }
  return false;
}

/** Where the next separator stands that is not in quotes; the end of the text when there is none. */
function endOf(text: string, from: number, separator: string): number {
  let quoted = false;
  for (let at = from; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (letter === '"') quoted = !quoted;
    else if (letter === '\\' && quoted) at += 1;
    else if (letter === separator && !quoted) return at;
  }
  return text.length;
}
