import { isDigest } from '../../digest/index.js';
import { type Answer, bytesAnswer, errorAnswer, jsonAnswer, partAnswer } from './http/answer.js';
import type { BuiltContent } from '../build/content.js';
import { referrersIndex } from './referrers.js';
import type { Repository } from './repositories.js';

/** Answers for a manifest by tag or digest. The `Accept` header is not looked at: a manifest has only one form here. */
export function serveManifest(repository: Repository, reference: string): Answer {
  if (reference.includes(':') && !isDigest(reference)) return digestInvalid();
  const digest = repository.tags.get(reference) ?? reference;
  const content = repository.manifests.has(digest) ? repository.contents.get(digest) : undefined;
  if (content === undefined) return errorAnswer(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  return bytesAnswer(200, content.bytes, { 'content-type': content.descriptor.mediaType, ...contentHeaders(content) });
}

/** Answers for a blob, whole or one range of it. */
export function serveBlob(
  repository: Repository,
  digest: string,
  headers: Readonly<Record<string, string | undefined>>,
): Answer {
  if (!isDigest(digest)) return digestInvalid();
  const content = repository.contents.get(digest);
  if (content === undefined) return errorAnswer(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  const { bytes } = content;
  const common = {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    ...contentHeaders(content),
  };
  const changed = headers['if-range'] !== undefined && headers['if-range'] !== common.etag;
  const range = changed ? undefined : parseRange(headers['range'], bytes.length);
  if (range === undefined) return bytesAnswer(200, bytes, common);
  if (range === 'unsatisfiable') {
    const total = { 'content-range': `bytes */${bytes.length}` };
    return errorAnswer(416, 'RANGE_INVALID', 'requested range is not satisfiable', total);
  }
  return partAnswer(bytes, range.start, range.end, common);
}

/** Answers with the tags in lexical order, in pages of `n`, with a link to the next. */
export function serveTags(name: string, repository: Repository, query: URLSearchParams): Answer {
  const size = query.get('n') ?? '10000';
  if (!/^\d{1,5}$/.test(size)) return errorAnswer(400, 'PAGINATION_NUMBER_INVALID', 'invalid number of results');
  const last = query.get('last') ?? '';
  const left = [...repository.tags.keys()].filter((tag) => tag > last).toSorted();
  const tags = left.slice(0, Number(size));
  const next = tags.length > 0 && tags.length < left.length ? tags.at(-1) : undefined;
  const link = `</v2/${name}/tags/list?${new URLSearchParams({ last: next ?? '', n: size }).toString()}>; rel="next"`;
  return jsonAnswer(200, { name, tags }, next === undefined ? {} : { link });
}

/** Answers with what refers to a manifest; of nothing known, that is nothing, and no error. */
export function serveReferrers(repository: Repository, subject: string, query: URLSearchParams): Answer {
  if (!isDigest(subject)) return digestInvalid();
  const artifactType = query.get('artifactType') ?? undefined;
  const { descriptor, bytes } = referrersIndex(repository, subject, artifactType);
  const filtered = artifactType === undefined ? {} : { 'oci-filters-applied': 'artifactType' };
  return bytesAnswer(200, bytes, { 'content-type': descriptor.mediaType, ...filtered });
}

function contentHeaders({ descriptor }: BuiltContent): Readonly<Record<'docker-content-digest' | 'etag', string>> {
  return { 'docker-content-digest': descriptor.digest, etag: `"${descriptor.digest}"` };
}

/** The answer to what is not a digest, or not that of the content. */
export function digestInvalid(): Answer {
  return errorAnswer(400, 'DIGEST_INVALID', 'provided digest did not parse');
}

/** A part of content; `end` is behind its last byte. */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a `Range` header as RFC 9110 has it: what is not one well-formed byte range counts for nothing.
 */
function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first === '') return satisfiable(Math.max(0, size - Number(last)), size, size);
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return satisfiable(Number(first), last === '' ? size : Math.min(Number(last) + 1, size), size);
}

function satisfiable(start: number, end: number, size: number): ByteRange | 'unsatisfiable' {
  return start < size ? { start, end } : 'unsatisfiable';
}
