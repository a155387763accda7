import type { CallOptions } from '../clock/index.js';
import type { RegistrySession } from '../distribution/index.js';
import type { CredentialSource } from '../docker-config/index.js';
import { ImageError, ImageRefusedError } from '../errors/index.js';
import { errorText } from '../errors/inner.js';
import { printable, untilAbort } from '../internal/index.js';
import type { RegistryEndpoint } from '../mirrors/index.js';
import type { Descriptor, ImageManifest } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';

/**
 * An image of which the manifest has come and nothing else: what {@link PullOptions.verify} judges.
 *
 * @public
 */
export interface ResolvedImage {
  /** The image as the caller wrote it. */
  readonly image: string;
  /** What the name leads to: an index for an image of several platforms, else the manifest. Signers sign its digest. */
  readonly root: Descriptor;
  /** The manifest of the platform that is pulled; `root` itself where there is no index. */
  readonly descriptor: Descriptor;
  /** The manifest, checked. */
  readonly manifest: ImageManifest;
  /** The manifest as the registry sent it; they have the digest of `descriptor`. */
  readonly bytes: Uint8Array;
  /** What gave the manifest out. */
  readonly endpoint: RegistryEndpoint;
  /** Where the credential came from that it was given out for. */
  readonly source: CredentialSource;
  /** Asks the same endpoint with the same credential, such as for signatures. */
  readonly session: RegistrySession;
  /** The image for `session`: the endpoint's own repository, and the digest of `root`. */
  readonly ref: ImageReference;
}

/**
 * Judges an image before its config and layers are asked for. It is asked once for each pull, and once more for each
 * further manifest where an index does not say what its manifests are for.
 *
 * @param resolved - the image
 * @param options - the signal of the pull
 * @returns nothing when the image may be pulled; else why not, for the error's message. To throw is to refuse as well
 * @public
 */
export type VerifyImage = (
  resolved: ResolvedImage,
  options: CallOptions,
) => string | undefined | Promise<string | undefined>;

/** What a message shows of a reason. */
const MAX_REASON = 1024;

/** @throws {@link ImageRefusedError} unless `verify` has nothing against the image */
export async function verifyResolved(
  verify: VerifyImage,
  resolved: ResolvedImage,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { image, root } = resolved;
  let reason: unknown;
  let cause: unknown;
  try {
    const asked = async (): Promise<unknown> => verify(resolved, { signal });
    reason = await untilAbort(asked(), signal);
  } catch (error) {
    signal?.throwIfAborted();
    [reason, cause] = [errorText(error), error];
  }
  if (reason === undefined) return;
  // Whatever else comes, such as `false`, was not meant as a yes.
  if (typeof reason !== 'string') {
    const wanted = 'verify must give nothing, or the reason of a refusal as a text';
    throw new ImageError('ERR_OPTION_INVALID', `Cannot pull ${root.digest}: ${wanted}`);
  }
  throw new ImageRefusedError(image, { digest: root.digest, reason: printable(reason, MAX_REASON), cause });
}
