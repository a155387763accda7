import type { CallOptions } from '../../clock/index.js';
import { RequestRefusedError } from '../../errors/index.js';
import { redactUrl } from '../../internal/index.js';
import type { ImageReference } from '../../reference/index.js';
import { nextLink } from './link.js';
import { unreadable } from '../transport/read-body.js';
import type { FollowedResponse } from '../transport/transport.js';
import type { Session } from '../session/session.js';

/** Pages of one list that are read. */
const MAX_PAGES = 10_000;

/** What to ask for, page by page. */
export interface PagedRequest extends CallOptions {
  readonly ref: ImageReference;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Asks for a list, page by page, as the registry links them. A link may change the query only: whatever else it named
 * would be asked with the credential for this repository.
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
  const here = new URL(from);
  const url = URL.canParse(link, from) ? new URL(link, from) : undefined;
  if (url === undefined || url.origin !== here.origin || url.pathname !== here.pathname || url.username !== '') {
    const shown = redactUrl(from);
    throw new RequestRefusedError(`Cannot read ${shown}: its next page is somewhere else`, {
      url: shown,
      rule: 'foreign-page',
    });
  }
  url.hash = '';
  if (namespace !== undefined) url.searchParams.set('ns', namespace);
  return url.href;
}
