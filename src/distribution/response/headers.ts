import { type Digest, isDigest } from '../../digest/index.js';
import { normalizeMediaType } from '../../oci/index.js';
import type { FollowedResponse } from '../transport/transport.js';

export function headerOf({ response }: FollowedResponse, name: string): string | undefined {
  return response.headers.get(name)?.[0];
}

/** The `Content-Type` without its parameters; empty when there is none. */
export function typeOf(followed: FollowedResponse): string {
  return normalizeMediaType(headerOf(followed, 'content-type') ?? '');
}

/** What the registry says the digest is, when that is one. */
export function digestHeader(followed: FollowedResponse): Digest | undefined {
  const digest = headerOf(followed, 'docker-content-digest');
  return isDigest(digest) ? digest : undefined;
}

/** The `Content-Length` of an answer to HEAD. Some count the body that they do not send: 0 tells nothing. */
export function lengthOf(followed: FollowedResponse): number | undefined {
  const text = headerOf(followed, 'content-length') ?? '';
  return /^\d{1,15}$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
}
