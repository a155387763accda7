import type { CallOptions } from '../../clock/index.js';
import { requestPages } from './pages.js';
import { readDocument, refuseEncoding, unreadable } from '../response/response.js';
import { requestUrl } from '../session/request.js';
import { ASK, enter, type RegistrySession, type Session } from '../session/session.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

import type { FollowedResponse } from '../transport/transport.js';
import { ImageError } from '../../errors/index.js';
import { type JsonNode, memberOf, printable, quote, readJson } from '../../internal/index.js';
import type { ImageReference } from '../../reference/index.js';

/** The largest page that is read. */
const MAX_PAGE = 4 * 1024 * 1024;
const MAX_DEPTH = 8;
const MAX_SHOWN = 128;
const NOTHING: JsonNode = { kind: 'null' };

/**
 * How tags are listed.
 *
 * @public
 */
export interface ListTagsOptions extends CallOptions {
  /**
   * How many tags to ask for at a time; a registry may give fewer.
   *
   * @defaultValue what the registry finds right
   */
  readonly pageSize?: number | undefined;
  /** The tag to start behind, in the registry's order. */
  readonly after?: string | undefined;
}

/**
 * Lists the tags of a repository, in the registry's order. Each page is asked for when its first tag is wanted. Entries that
 * are no tags are left out, and told to `onNotice` of the session.
 *
 * @param session - with the reference's registry
 * @param ref - the repository
 * @param options - how many at a time, after which tag, an abort signal
 * @returns the tags
 * @throws what {@link createRegistrySession} says of verbs, out of the loop; `ERR_OPTION_INVALID` for a wrong option
 * @example
 * ```ts
 * import { listTags, type RegistrySession } from 'kubepull/distribution';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * for await (const tag of listTags(session, parseReference('registry.example.com/app'))) console.log(tag);
 * ```
 * @see Tags in oras.land/oras-go registry/remote
 * @public
 */
export async function* listTags(
  session: RegistrySession,
  ref: ImageReference,
  options: ListTagsOptions = {},
): AsyncGenerator<string, void, undefined> {
  check<ListTagsOptions>(ASK, options, { pageSize: is.anything, after: is.optional(is.text), ...is.callOptions });
  const { pageSize, after, signal } = options;
  const inside = enter(session, ref);
  const url = requestUrl(inside, ref, 'tags/list', pageQuery(ref, pageSize, after));
  const pages = requestPages(inside, { ref, url, signal }, (followed) => readPage(inside, followed));
  for await (const tags of pages) yield* tags;
}

function pageQuery(
  { name }: ImageReference,
  pageSize: number | undefined,
  after: string | undefined,
): Readonly<Record<string, string>> {
  const refuse = (reason: string): ImageError =>
    new ImageError('ERR_OPTION_INVALID', `Cannot list the tags of ${quote(name)}: ${reason}`);
  if (pageSize !== undefined && !(Number.isSafeInteger(pageSize) && pageSize > 0))
    throw refuse(`pageSize must be a whole number from 1, not ${pageSize}`);
  if (after !== undefined && !isTag(after)) throw refuse(`${quote(after)} is no tag to start after`);
  return {
    ...(pageSize === undefined ? {} : { n: String(pageSize) }),
    ...(after === undefined ? {} : { last: after }),
  };
}

/** The tags of one page. A registry that has none may say null, or nothing; what is no tag is told, and left out. */
async function readPage(session: Session, followed: FollowedResponse): Promise<readonly string[]> {
  if (followed.response.status !== 200) throw await session.failure(followed);
  await refuseEncoding(followed);
  const parsed = readJson(await readDocument(followed, MAX_PAGE), { maxDepth: MAX_DEPTH });
  const list = parsed.ok && parsed.node.kind === 'object' ? (memberOf(parsed.node, 'tags') ?? NOTHING) : undefined;
  if (list?.kind === 'null') return [];
  if (list?.kind !== 'array') throw unreadable(followed.shown, 'it is no list of tags');
  const { items } = list;
  const tags = items.flatMap((item) => (item.kind === 'string' && isTag(item.value) ? [item.value] : []));
  const odd = items.find((item) => item.kind !== 'string' || !isTag(item.value));
  if (odd !== undefined) {
    const first = printable(followed.mask(odd.kind === 'string' ? odd.value : odd.kind), MAX_SHOWN);
    session.notify({ kind: 'tags', origin: session.origin, count: items.length - tags.length, first });
  }
  return tags;
}

const TAG = /^\w[\w.-]{0,127}$/;

/** Whether a text is a tag by the OCI distribution spec. */
function isTag(text: string): boolean {
  return TAG.test(text);
}
