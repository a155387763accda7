import type { CallOptions } from '../clock/index.js';
import { createKeyring, type Keyring, type LookupResult } from '../keyring/index.js';
import type { DockerConfigEntry } from '../docker-config/index.js';
import { ImageRefusedError, PullFailedError } from '../errors/index.js';
import { check, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { PullOptions, VerifyImage } from '../puller/index.js';
import { pullImageTelling, pullMembers } from '../puller/inner.js';
import { parseImageName } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { DEFAULT_GARBAGE_GRACE_MS, type ImageStore, type ManagedStore } from '../store/index.js';
import { imageSpecKind, orManaged, pullRequestKind } from './kinds.js';
import {
  contentBytes,
  createKnownImages,
  findImage,
  findWithAllNames,
  listStoredImages,
  managedSource,
  type StoredImage,
} from './stored-images.js';
import type { ImageService, ImageSpec, PullCall, PullImageRequest, RuntimeImage } from './types.js';

/**
 * How images are pulled into a store, and looked after there.
 *
 * @public
 */
export interface PullerImageServiceOptions extends Omit<PullOptions, 'store' | 'keyring' | 'credential' | 'signal'> {
  /** Where images are. To list and to remove them it has to be a `ManagedStore`. */
  readonly store: ImageStore | ManagedStore;
  /** Tells which images garbage collection must leave alone, by the name in the store. @defaultValue none */
  readonly isPinned?: ((name: string) => boolean) | undefined;
  /** What `imageFsInfo` says of where the store is. @defaultValue an empty text */
  readonly mountpoint?: string | undefined;
  /**
   * How long the content of removed images is spared: it must be longer than any pull, unless nobody else writes.
   *
   * @defaultValue {@link DEFAULT_GARBAGE_GRACE_MS}
   */
  readonly garbageGraceMs?: number | undefined;
}

/**
 * Makes an `ImageService` of this library's own puller and a store, so that an image manager needs no container runtime.
 *
 * Each call shows the credential of its request, or none: the loop over credentials is the manager's. A mirror is shown a credential only
 * if its entry is for the mirror's host. An image that the store holds as an index counts as absent, because a pull names
 * the manifest of one platform.
 *
 * @param options - as for `pullImage`, with a store; a `downloads` pool lets parallel pulls share layers
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option of the wrong kind
 * @returns the service; without a `ManagedStore`, `listImages`, `removeImage` and `imageFsInfo` reject with
 * `ERR_OPTION_INVALID`
 * @example
 * ```ts
 * import { createPullerImageService } from 'kubepull/image-service';
 * import { createDownloadPool } from 'kubepull/puller';
 * import { createNodeRuntime, openOciLayout } from 'kubepull/node';
 *
 * const images = createPullerImageService({
 *   runtime: createNodeRuntime(),
 *   store: await openOciLayout('./layout'),
 *   downloads: createDownloadPool(),
 * });
 * ```
 * @public
 */
export function createPullerImageService(options: PullerImageServiceOptions): ImageService {
  const members = pullMembers();
  check<PullerImageServiceOptions>(ACTION, options, {
    ...members,
    store: orManaged(members.store),
    isPinned: is.optional(is.callable),
    mountpoint: is.optional(is.text),
    garbageGraceMs: is.optional(is.numberFrom(0, Infinity)),
  });
  const { store, isPinned = () => false, mountpoint = '', garbageGraceMs, ...pull } = options;
  const source = { store, known: createKnownImages() };
  const describe = (image: StoredImage): RuntimeImage => describeImage(image, isPinned);
  return {
    verifies: true,
    async imageStatus(image, call = {}) {
      checkCall({ image, call }, imageSpecKind);
      const found = await findImage(source, image.image, call);
      return found === undefined ? undefined : describe(found);
    },
    async pullImage(request, call = {}) {
      checkCall({ image: request, call }, pullRequestKind);
      check<Omit<PullCall, 'signal'>>(ACTION, call, { onEvent: is.optional(is.callable), verify: members.verify });
      const { image, auth } = request;
      const { signal, onEvent = () => undefined } = call;
      const verify = bothOf(pull.verify, call.verify);
      const keyring = auth === undefined ? undefined : keyringOf(auth, image.image);
      try {
        return (await pullImageTelling(image.image, { ...pull, verify, signal, store, keyring }, onEvent)).imageRef;
      } catch (error) {
        throw onlyError(error);
      }
    },
    async listImages(call = {}) {
      checkCall({ call });
      return (await listStoredImages(managedSource(source, 'list images'), call)).map(describe);
    },
    async removeImage(image, call = {}) {
      checkCall({ image, call }, imageSpecKind);
      const managed = managedSource(source, 'remove an image');
      const found = await findWithAllNames(managed, image.image, call);
      if (found === undefined) return;
      for (const name of found.names) await managed.store.untag(name, call);
      await managed.store.collectGarbage({ ...call, graceMs: garbageGraceMs ?? DEFAULT_GARBAGE_GRACE_MS });
    },
    async imageFsInfo(call = {}) {
      checkCall({ call });
      const images = await listStoredImages(managedSource(source, 'measure images'), call);
      return [{ mountpoint, usedBytes: contentBytes(images), inodesUsed: undefined }];
    },
  };
}

const ACTION = 'Cannot look after images';

function checkCall(
  values: { readonly image?: ImageSpec | PullImageRequest; readonly call: CallOptions },
  image: Kind = is.anything,
): void {
  check<typeof values>(ACTION, values, { image, call: is.shape(is.callOptions) });
}

/** What the first has nothing against is for the second to judge. */
function bothOf(first: VerifyImage | undefined, second: VerifyImage | undefined): VerifyImage | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return async (resolved, options) => {
    const reason = await first(resolved, options);
    return reason === undefined ? second(resolved, options) : reason;
  };
}

/** The one credential for the image's own registry; for any other host it has to match as it would in a keyring. */
function keyringOf(auth: DockerConfigEntry, image: string): Keyring {
  const asFound = createKeyring([auth]);
  const own = parseImageName(image).name;
  return {
    lookup(name): LookupResult {
      const found = asFound.lookup(name);
      // Whoever asked for the pull may have found it by rules of its own.
      const pattern = imageNameText(name);
      const matches = pattern !== own || found.candidates.length > 0;
      return matches ? found : createKeyring([{ ...auth, pattern }]).lookup(name);
    },
  };
}

/**
 * The error with the text to show: one credential at one endpoint fails with one error, and a refusal begins as kubelet
 * knows it.
 */
function onlyError(error: unknown): unknown {
  if (error instanceof ImageRefusedError) {
    const text = `SignatureValidationFailed: ${error.digest} was refused: ${error.reason}`;
    return new ImageRefusedError(error.image, error, text);
  }
  if (!(error instanceof PullFailedError) || error.attempts.length !== 1) return error;
  return error.attempts[0]?.error ?? error;
}

function describeImage(image: StoredImage, isPinned: (name: string) => boolean): RuntimeImage {
  const { id, size, names, repoTags, repoDigests } = image;
  return { id, size, repoTags, repoDigests, pinned: names.some(isPinned), runtimeHandler: '' };
}
