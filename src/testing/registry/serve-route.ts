import { type Answer, errorAnswer, jsonAnswer } from './http/answer.js';
import { putManifest } from './put-manifest.js';
import type { Repositories, Repository } from './repositories.js';
import type { LoopbackRequest } from './request-log.js';
import type { RepositoryRoute, Route } from './route.js';
import { serveBlob, serveManifest, serveReferrers, serveTags } from './serve.js';
import { serveUpload, startUpload, type UploadRequest } from './serve-upload.js';
import type { UploadTable } from './uploads.js';

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
