import { type Digest, isDigest } from '../../digest/index.js';
import { type Answer, bytesAnswer, errorAnswer } from './http/answer.js';
import { digestInvalid } from './serve.js';
import { type Repositories, storeBlob } from './repositories.js';
import type { LoopbackRequest } from './request-log.js';
import type { Upload, UploadTable } from './uploads.js';

/** A request about an upload, with what it works on. */
export interface UploadRequest {
  readonly repositories: Repositories;
  readonly uploads: UploadTable;
  readonly repository: string;
  readonly query: URLSearchParams;
  readonly request: LoopbackRequest;
  /** Whether the client may pull what it wants to mount. */
  readonly mayMount: boolean;
}

/** Starts an upload, or spares it: the blob is mounted from another repository, or came with the request. */
export function startUpload(asked: UploadRequest): Answer {
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
export function serveUpload(asked: UploadRequest, id: string): Answer {
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
