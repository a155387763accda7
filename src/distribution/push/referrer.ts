import type { CallOptions } from '../../clock/index.js';
import { type Digest, digestOf } from '../../digest/index.js';
import { type Descriptor, encodeManifest, type ImageIndex, type ImageManifest, MEDIA_TYPES } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import type { ClientContext } from '../session/context.js';
import { readReferrersTag, referrersTag } from '../pull/referrers.js';

/** A manifest that was pushed, and what it is about. */
export interface Referrer {
  readonly descriptor: Descriptor;
  readonly document: ImageManifest | ImageIndex;
  readonly subject: Digest;
}

/** Sends a manifest under a tag. */
type PutManifest = (
  context: ClientContext,
  ref: ImageReference,
  manifest: Descriptor & { readonly bytes: Uint8Array },
  call: CallOptions,
) => Promise<unknown>;

/**
 * Adds a manifest to the list of its subject's referrers, in a registry that keeps none itself. Of two who do so at the
 * same time one may be lost: registries know no condition for it, and the specification leaves it at that.
 */
export async function pushReferrer(
  context: ClientContext,
  ref: ImageReference,
  referrer: Referrer,
  { signal }: CallOptions,
  put: PutManifest,
): Promise<void> {
  const entries = await readReferrersTag(context, ref, referrer.subject, { signal });
  if (entries.some(({ digest }) => digest === referrer.descriptor.digest)) return;
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: [...entries, describeReferrer(referrer)],
  };
  const bytes = encodeManifest(index);
  const descriptor = { mediaType: index.mediaType, digest: digestOf(bytes, context.createHasher), size: bytes.length };
  const tagged = { ...ref, tag: referrersTag(referrer.subject), digest: undefined };
  await put(context, tagged, { ...descriptor, bytes }, { signal });
}

/** An image goes by the type of its config. */
function describeReferrer({ descriptor, document }: Referrer): Descriptor {
  const artifactType = document.artifactType ?? ('config' in document ? document.config.mediaType : undefined);
  const { annotations } = document;
  return {
    ...descriptor,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}
