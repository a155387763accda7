import type { Digest } from '../../digest/index.js';
import type { BuiltContent } from '../build/content.js';
import { readManifestDocument } from '../build/manifest-document.js';
import { referrersIndex } from './referrers.js';
import { type PushedContent, type Repositories, storeManifest } from './repositories.js';

/** Keeps the tag with the referrers of each subject, as whoever pushes an artifact to a registry without the API does. */
export function tagReferrers(repositories: Repositories, name: string, { contents }: PushedContent): void {
  const repository = repositories.get(name);
  if (repository === undefined) return;
  const subjects = contents
    .filter(({ descriptor }) => repository.manifests.has(descriptor.digest))
    .flatMap((content) => subjectOf(content) ?? []);
  for (const subject of new Set(subjects)) {
    storeManifest(repositories, name, [referrersTag(subject)], referrersIndex(repository, subject));
  }
}

/** The tag of the distribution spec, which cuts both halves of a digest. */
function referrersTag(subject: Digest): string {
  const [algorithm = '', encoded = ''] = subject.split(':');
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`;
}

function subjectOf({ bytes }: BuiltContent): Digest | undefined {
  return readManifestDocument(bytes)?.subject?.digest;
}
