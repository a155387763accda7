import { isDigest } from '../../digest/index.js';
import { type Answer, bytesAnswer, errorAnswer } from './http/answer.js';
import { isContentOf, sha256 } from '../build/content.js';
import { type ManifestDocument, readManifestDocument } from '../build/manifest-document.js';
import { isManifestType, type Repositories, type Repository, storeManifest } from './repositories.js';
import type { LoopbackRequest } from './request-log.js';
import { isTag } from './route.js';
import { digestInvalid } from './serve.js';

/** Takes a manifest or index by tag or digest, once all that it names is in the repository. */
export function putManifest(
  repositories: Repositories,
  name: string,
  reference: string,
  request: LoopbackRequest,
  referrers: boolean,
): Answer {
  const { body = new Uint8Array() } = request;
  const digest = isDigest(reference) ? reference : sha256(body);
  if (!isDigest(reference) && !isTag(reference)) return invalid('the reference is neither a tag nor a digest');
  if (!isContentOf(digest, body)) return digestInvalid();
  const mediaType = request.headers['content-type'] ?? '';
  const document = readManifestDocument(body);
  if (document === undefined || !isManifestType(mediaType)) return invalid('the body is not a manifest of its type');
  if (document.mediaType !== undefined && document.mediaType !== mediaType) return invalid('the media types differ');
  const missing = firstMissing(repositories.get(name), document);
  if (missing !== undefined) return errorAnswer(404, 'MANIFEST_BLOB_UNKNOWN', `${missing} is not in the repository`);
  storeManifest(repositories, name, isTag(reference) ? [reference] : [], {
    descriptor: { mediaType, digest, size: body.length },
    bytes: body,
  });
  const subject = referrers ? document.subject?.digest : undefined;
  return bytesAnswer(201, new Uint8Array(), {
    location: `/v2/${name}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(subject === undefined ? {} : { 'oci-subject': subject }),
  });
}

/** What a manifest names and the repository lacks. Foreign layers live elsewhere, and a subject may come later. */
function firstMissing(repository: Repository | undefined, document: ManifestDocument): string | undefined {
  const { config, layers = [], manifests = [] } = document;
  const named = [...(config === undefined ? [] : [config]), ...layers, ...manifests];
  return named.find(({ digest, urls }) => urls === undefined && repository?.contents.has(digest) !== true)?.digest;
}

function invalid(message: string): Answer {
  return errorAnswer(400, 'MANIFEST_INVALID', message);
}
