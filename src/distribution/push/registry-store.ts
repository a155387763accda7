import type { CallOptions } from '../../clock/index.js';
import { isImageError, ImageError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import { collectBytes, quote } from '../../internal/index.js';
import {
  type Descriptor,
  isIndexMediaType,
  isManifestMediaType,
  normalizeMediaType,
  parseManifest,
} from '../../oci/index.js';
import { type ImageReference, parseDockerReference } from '../../reference/index.js';
import type { BroughtContent, CopySource, CopyTarget } from '../../store/index.js';
import { readBlob } from '../pull/read-blob.js';
import { atDigest, readManifestBytes, resolveManifest } from '../pull/manifests.js';
import { listReferrers } from '../pull/referrers.js';
import { ASK, enter, type RegistrySession } from '../session/session.js';
import { FROM, pushBlob } from './blob.js';
import { isManifestThere, type PushContent, putDocument } from './manifest.js';

/**
 * How a repository takes content.
 *
 * @public
 */
export interface RegistryStoreOptions {
  /**
   * Another repository of the same registry that may have the blobs: what is there is mounted and not sent.
   *
   * @defaultValue none
   */
  readonly mountFrom?: Pick<ImageReference, 'path'> | undefined;
}

/**
 * A repository of a registry, as `copyImage` takes it for a source and for a target.
 *
 * @public
 */
export type RegistryStore = CopySource & CopyTarget;

/** What registries take of a manifest. */
const MAX_MANIFEST = 4 * 1024 * 1024;
/** Manifests that are kept until they get a tag. */
const MAX_KEPT = 16;

/**
 * Makes a source and target for `copyImage` and `copyImages` of a repository. Nothing is sent before it is used.
 *
 * As a source it gives verified content, index and all, and tells what refers to it. As a target it takes what it lacks: a
 * blob that is there is not sent, one that `mountFrom` has is mounted. Names are those of images in this repository.
 *
 * @param session - with the registry
 * @param ref - an image of the repository; its tag and digest do not count
 * @param options - where blobs may be mounted from
 * @returns the source and target
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an argument of the wrong kind
 * @example
 * ```ts
 * import { createRegistryStore, type RegistrySession } from 'kubepull/distribution';
 * import { parseReference } from 'kubepull/reference';
 * import { copyImage } from 'kubepull/store';
 *
 * declare const source: RegistrySession;
 * declare const target: RegistrySession;
 * const [from, to] = ['registry.example.com/team/app:1', 'mirror.example.com/team/app:1'];
 * await copyImage(
 *   createRegistryStore(source, parseReference(from)),
 *   from,
 *   createRegistryStore(target, parseReference(to)),
 *   { as: to, referrers: true },
 * );
 * ```
 * @public
 */
export function createRegistryStore(
  session: RegistrySession,
  ref: ImageReference,
  options: RegistryStoreOptions = {},
): RegistryStore {
  check<RegistryStoreOptions>(ASK, options, { mountFrom: FROM });
  const inside = enter(session, ref);
  const { mountFrom } = options;
  const repository: ImageReference = { ...ref, tag: undefined, digest: undefined };
  const kept = new Map<string, PushContent>();
  const keep = (digest: string, content: PushContent): void => {
    kept.set(digest, content);
    for (const oldest of kept.keys()) if (kept.size > MAX_KEPT) kept.delete(oldest);
  };
  const imageOf = (name: string): ImageReference | undefined => {
    const image = parseDockerReference(name);
    return image.domain === ref.domain && image.path === ref.path ? image : undefined;
  };

  const bringManifest = async (
    descriptor: Descriptor,
    open: () => AsyncIterable<Uint8Array>,
    call: CallOptions,
  ): Promise<BroughtContent> => {
    const at = atDigest(repository, descriptor.digest);
    if (await isManifestThere(inside, at, descriptor, call)) return 'present';
    const bytes = await collectBytes(open(), Math.min(descriptor.size, MAX_MANIFEST));
    const parsed = parseManifest(bytes, { mediaType: normalizeMediaType(descriptor.mediaType) });
    const document = parsed.kind === 'index' ? parsed.index : parsed.manifest;
    const content = { bytes, mediaType: document.mediaType };
    await putDocument(inside, at, { ...content, document }, call);
    keep(descriptor.digest, content);
    return 'uploaded';
  };

  return {
    has: async () => true,
    async *read(descriptor, call = {}) {
      if (isDocument(descriptor)) yield (await readManifestBytes(session, repository, { ...call, descriptor })).bytes;
      else yield* readBlob(session, repository, descriptor, call);
    },
    async resolve(name, call = {}) {
      const image = imageOf(name);
      if (image === undefined) return undefined;
      try {
        return await resolveManifest(session, image, call);
      } catch (error) {
        if (isImageError(error) && error.code === 'ERR_REGISTRY_RESPONSE' && error.status === 404) return undefined;
        throw error;
      }
    },
    referrers: (descriptor, call = {}) => listReferrers(session, atDigest(repository, descriptor.digest), call),
    async bring(descriptor, open, call = {}) {
      if (isDocument(descriptor)) return bringManifest(descriptor, open, call);
      // Layers that must not be distributed stay where their URLs say.
      if ((descriptor.urls ?? []).length > 0) return 'present';
      return pushBlob(session, repository, descriptor, { content: open, mountFrom, signal: call.signal });
    },
    async tag(name, descriptor, call = {}) {
      const image = imageOf(name);
      if (image === undefined) {
        const cure = 'name the image in the target by the option as';
        throw new ImageError('ERR_OPTION_INVALID', `Cannot push ${quote(name)}: it is not of ${ref.name}; ${cure}`);
      }
      if (image.digest === descriptor.digest) return;
      const at = atDigest(repository, descriptor.digest);
      const content = kept.get(descriptor.digest) ?? (await readAgain(session, at, call));
      const parsed = parseManifest(content.bytes, { mediaType: content.mediaType });
      const document = parsed.kind === 'index' ? parsed.index : parsed.manifest;
      await putDocument(inside, image, { ...content, document }, call);
    },
  };
}

function isDocument({ mediaType }: Descriptor): boolean {
  const type = normalizeMediaType(mediaType);
  return isIndexMediaType(type) || isManifestMediaType(type);
}

async function readAgain(session: RegistrySession, at: ImageReference, call: CallOptions): Promise<PushContent> {
  const { bytes, descriptor } = await readManifestBytes(session, at, call);
  return { bytes, mediaType: descriptor.mediaType };
}
