import { type Answer, errorAnswer, jsonAnswer, bytesAnswer } from './http/answer.js';
import { type Repositories, type Repository, isManifestType, storeManifest, storeBlob } from './repositories.js';
import type { LoopbackRequest } from './request-log.js';
import { type RepositoryRoute, type Route, isTag } from './route.js';
import { serveBlob, serveManifest, serveReferrers, serveTags, digestInvalid } from './serve.js';
import type { UploadTable, Upload } from './uploads.js';
import { isDigest, type Digest } from '../../digest/index.js';
import { isContentOf, sha256 } from '../build/content.js';
import { type ManifestDocument, readManifestDocument } from '../build/manifest-document.js';

/** What the answers come from. */
export interface Served {
  readonly repositories: Repositories;
  readonly uploads: UploadTable;
  readonly referrers: boolean;
}

/** Answers a request that is allowed, with a method that the path takes. */
export function serveRoute(
  served: Served,
  route: Route,
  request: LoopbackRequest,
  query: URLSearchParams,
  mayMount: () => boolean,
): Answer {
  if (!('repository' in route)) return jsonAnswer(200, {});
  const { repositories, uploads, referrers } = served;
  const { repository } = route;
  const upload = (): UploadRequest => {
    return { repositories, uploads, repository, query, request, mayMount: mayMount() };
  };
  if (route.kind === 'uploads') return startUpload(upload());
  if (route.kind === 'upload') return serveUpload(upload(), route.reference);
  if (route.kind === 'manifest' && request.method === 'PUT') {
    return putManifest(repositories, repository, route.reference, request, referrers);
  }
  const found = repositories.get(repository);
  if (found !== undefined) return serveContent(found, route, request, query, referrers);
  return errorAnswer(404, 'NAME_UNKNOWN', 'repository name not known to registry');
}

function serveContent(
  repository: Repository,
  route: Exclude<RepositoryRoute, { kind: 'upload' | 'uploads' }>,
  request: LoopbackRequest,
  query: URLSearchParams,
  referrers: boolean,
): Answer {
  switch (route.kind) {
    case 'manifest':
      return serveManifest(repository, route.reference);
    case 'blob':
      return serveBlob(repository, route.reference, request.headers);
    case 'tags':
      return serveTags(route.repository, repository, query);
    case 'referrers':
      return referrers
        ? serveReferrers(repository, route.reference, query)
        : errorAnswer(404, 'UNSUPPORTED', 'no such endpoint');
  }
}

/** Takes a manifest or index by tag or digest, once all that it names is in the repository. */
function putManifest(
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

/** A request about an upload, with what it works on. */
interface UploadRequest {
  readonly repositories: Repositories;
  readonly uploads: UploadTable;
  readonly repository: string;
  readonly query: URLSearchParams;
  readonly request: LoopbackRequest;
  /** Whether the client may pull what it wants to mount. */
  readonly mayMount: boolean;
}

/** Starts an upload, or spares it: the blob is mounted from another repository, or came with the request. */
function startUpload(asked: UploadRequest): Answer {
  const { repositories, uploads, repository, query, request, mayMount } = asked;
  const [mount, from, digest] = [query.get('mount'), query.get('from'), query.get('digest')];
  if (mount !== null) {
    if (!isDigest(mount)) return digestInvalid();
    const content = mayMount ? repositories.get(from ?? '')?.contents.get(mount) : undefined;
    if (content !== undefined) return created(storeBlob(repositories, repository, mount, content.bytes), repository);
  }
  const upload = uploads.start(repository);
  if (digest === null) return accepted(upload);
  uploads.append(upload.id, request.body ?? new Uint8Array());
  return finishUpload(asked, upload, digest);
}

/** Answers for an upload that was started: its state, the next part, its end, or its cancellation. */
function serveUpload(asked: UploadRequest, id: string): Answer {
  const { uploads, repository, query, request } = asked;
  const upload = uploads.find(repository, id, query.get('_state'));
  if (upload === undefined) return errorAnswer(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
  if (request.method === 'GET') return bytesAnswer(204, new Uint8Array(), uploadHeaders(upload));
  if (request.method === 'DELETE') {
    uploads.cancel(id);
    return bytesAnswer(204, new Uint8Array(), {});
  }
  const { body = new Uint8Array() } = request;
  if (!follows(request.headers['content-range'], upload.size, body.length)) {
    return errorAnswer(416, 'BLOB_UPLOAD_INVALID', 'the part does not follow the last one', uploadHeaders(upload));
  }
  const grown = uploads.append(id, body) ?? upload;
  return request.method === 'PATCH' ? accepted(grown) : finishUpload(asked, grown, query.get('digest'));
}

function finishUpload(
  { repositories, uploads, repository }: UploadRequest,
  upload: Upload,
  digest: string | null,
): Answer {
  if (!isDigest(digest)) return digestInvalid();
  const bytes = uploads.finish(upload.id, digest);
  if (bytes === undefined) return digestInvalid();
  return created(storeBlob(repositories, repository, digest, bytes), repository);
}

/** A part without `Content-Range` is the next one. */
function follows(contentRange: string | undefined, size: number, length: number): boolean {
  return contentRange === undefined || contentRange === `${size}-${size + length - 1}`;
}

function accepted(upload: Upload): Answer {
  return bytesAnswer(202, new Uint8Array(), uploadHeaders(upload));
}

function created(digest: Digest, repository: string): Answer {
  const location = `/v2/${repository}/blobs/${digest}`;
  return bytesAnswer(201, new Uint8Array(), { location, 'docker-content-digest': digest });
}

/** The location has a query already, so that a client that puts `?digest=` behind it does not get far. */
function uploadHeaders({ id, state, repository, size }: Upload): Answer['headers'] {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}?_state=${state}`,
    range: `0-${Math.max(0, size - 1)}`,
    'docker-upload-uuid': id,
  };
}
