import type { Digest } from '../../digest/index.js';
import { ImageError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { BuiltContent } from '../build/content.js';
import { isRepository, isTag } from './route.js';

/**
 * What can be put into a loopback registry: an image, an index or an artifact, or documents of the test's own making.
 *
 * @beta
 */
export interface PushedContent {
  /** Names the manifest that the tags point to. It is served as a manifest whatever its media type. */
  readonly descriptor: Descriptor;
  /** The manifest and all that is to be had beside it. Nothing is verified: a test may want to serve what is wrong. */
  readonly contents: readonly BuiltContent[];
}

/** What one repository serves. Content of another repository is not there, as with a real registry. */
export interface Repository {
  readonly contents: Map<string, BuiltContent>;
  readonly manifests: Set<string>;
  readonly tags: Map<string, Digest>;
}

export type Repositories = Map<string, Repository>;

/** Puts an image, or everything under an index, into a repository, and points the tags to it. */
export function pushContent(
  repositories: Repositories,
  name: string,
  tags: readonly string[],
  pushed: PushedContent,
): void {
  checkNames(name, tags);
  const repository = openRepository(repositories, name);
  for (const content of pushed.contents) {
    const { digest, mediaType } = content.descriptor;
    repository.contents.set(digest, content);
    if (isManifestType(mediaType)) repository.manifests.add(digest);
  }
  const { digest } = pushed.descriptor;
  repository.manifests.add(digest);
  for (const tag of tags) repository.tags.set(tag, digest);
}

/** Takes a blob that a client uploaded or mounted. */
export function storeBlob(repositories: Repositories, name: string, digest: Digest, bytes: Uint8Array): Digest {
  const { contents } = openRepository(repositories, name);
  // What is known as a manifest keeps its media type.
  if (!contents.has(digest)) {
    contents.set(digest, { descriptor: { mediaType: 'application/octet-stream', digest, size: bytes.length }, bytes });
  }
  return digest;
}

/** Takes a manifest that a client pushed, and points the tags to it. */
export function storeManifest(
  repositories: Repositories,
  name: string,
  tags: readonly string[],
  manifest: BuiltContent,
): void {
  const repository = openRepository(repositories, name);
  const { digest } = manifest.descriptor;
  repository.contents.set(digest, manifest);
  repository.manifests.add(digest);
  for (const tag of tags) repository.tags.set(tag, digest);
}

export function isManifestType(mediaType: string): boolean {
  return /\.(?:manifest|index|manifest\.list)\.v\d\+json$/.test(mediaType);
}

function openRepository(repositories: Repositories, name: string): Repository {
  const repository = repositories.get(name) ?? { contents: new Map(), manifests: new Set(), tags: new Map() };
  repositories.set(name, repository);
  return repository;
}

function checkNames(name: string, tags: readonly string[]): void {
  if (!isRepository(name)) {
    throw new ImageError('ERR_OPTION_INVALID', `Cannot push to ${quote(name)}: it is not a repository name`);
  }
  for (const tag of tags) {
    if (isTag(tag)) continue;
    throw new ImageError('ERR_OPTION_INVALID', `Cannot push ${quote(tag)} to ${quote(name)}: it is not a tag`);
  }
}
