/** What a request asks for, by its path alone. */
export type Route =
  { readonly kind: 'base' } | { readonly kind: 'token' } | RepositoryRoute | { readonly kind: 'unknown' };

/** A path under a repository. */
export type RepositoryRoute =
  | { readonly kind: 'manifest' | 'blob' | 'referrers'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'uploads'; readonly repository: string };

const CONTENT = /^\/v2\/(.+)\/(manifests|blobs|referrers|blobs\/uploads)\/([^/]+)$/;
const LIST = /^\/v2\/(.+)\/(tags\/list|blobs\/uploads\/?)$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

const KINDS = {
  manifests: 'manifest',
  blobs: 'blob',
  referrers: 'referrers',
  'blobs/uploads': 'upload',
} as const;

export function isRepository(text: string): boolean {
  return text.length <= 255 && REPOSITORY.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Reads a path. The last part may be percent-encoded, since some clients encode the colon of a digest. */
export function parseRoute(path: string): Route {
  if (path === '/v2/' || path === '/v2') return { kind: 'base' };
  if (path === '/token') return { kind: 'token' };
  const [, listed, list] = LIST.exec(path) ?? [];
  if (listed !== undefined) return { kind: list === 'tags/list' ? 'tags' : 'uploads', repository: listed };
  const [, repository, kind, encoded] = CONTENT.exec(path) ?? [];
  const reference = decode(encoded ?? '');
  if (repository === undefined || reference === undefined) return { kind: 'unknown' };
  return { kind: KINDS[kind as keyof typeof KINDS], repository, reference };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
