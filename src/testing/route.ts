/** What a request asks for, by its path alone. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'token' }
  | { readonly kind: 'manifest' | 'blob'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'unknown' };

const CONTENT = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/;
const TAGS = /^\/v2\/(.+)\/tags\/list$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

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
  const tags = TAGS.exec(path)?.[1];
  if (tags !== undefined) return { kind: 'tags', repository: tags };
  const [, repository, kind, encoded] = CONTENT.exec(path) ?? [];
  const reference = decode(encoded ?? '');
  if (repository === undefined || reference === undefined) return { kind: 'unknown' };
  return { kind: kind === 'blobs' ? 'blob' : 'manifest', repository, reference };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
