import type { Descriptor, ImageIndex } from '../../oci/index.js';
import { type BuiltContent, describeDocument } from '../build/content.js';
import { type ManifestDocument, readManifestDocument } from '../build/manifest-document.js';
import { MEDIA_TYPES } from '../build/media-types.js';
import type { Repository } from './repositories.js';

/** The index of what refers to a manifest, which need not be there itself. */
export function referrersIndex(repository: Repository, subject: string, artifactType?: string): BuiltContent {
  const manifests = [...repository.manifests]
    .flatMap((digest) => describeReferrer(repository.contents.get(digest), subject))
    .filter((descriptor) => artifactType === undefined || descriptor.artifactType === artifactType);
  const index: ImageIndex = { schemaVersion: 2, mediaType: MEDIA_TYPES.oci.index, manifests };
  return describeDocument(index.mediaType, index);
}

function describeReferrer(content: BuiltContent | undefined, subject: string): readonly Descriptor[] {
  const document = content === undefined ? undefined : readManifestDocument(content.bytes);
  if (content === undefined || document?.subject?.digest !== subject) return [];
  const { mediaType, digest, size } = content.descriptor;
  const { annotations } = document;
  const artifactType = artifactTypeOf(document);
  return [
    {
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  ];
}

/** An image manifest without a type of its own goes by its config's. */
function artifactTypeOf({ artifactType, config }: ManifestDocument): string | undefined {
  return artifactType ?? config?.mediaType;
}
