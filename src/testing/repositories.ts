import type { Digest } from '../digest/index.js';
import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { BuiltContent } from './content.js';
import type { BuiltImage } from './image-builder.js';
import type { BuiltIndex } from './index-builder.js';
import { isRepository, isTag } from './route.js';

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
  pushed: BuiltImage | BuiltIndex,
): void {
  checkNames(name, tags);
  const repository = repositories.get(name) ?? { contents: new Map(), manifests: new Set(), tags: new Map() };
  repositories.set(name, repository);
  for (const content of pushed.contents) {
    const { digest, mediaType } = content.descriptor;
    repository.contents.set(digest, content);
    if (isManifestType(mediaType)) repository.manifests.add(digest);
  }
  for (const tag of tags) repository.tags.set(tag, pushed.descriptor.digest);
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

function isManifestType(mediaType: string): boolean {
  return /\.(?:manifest|index|manifest\.list)\.v\d\+json$/.test(mediaType);
}
