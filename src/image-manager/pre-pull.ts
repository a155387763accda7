import { type CallOptions, type Clock, systemClock } from '../clock/index.js';
import type { CredentialSource } from '../docker-config/index.js';
import { createSlots } from '../internal/index.js';
import type { Keyring } from '../keyring/index.js';
import { parseImageName } from '../reference/index.js';
import { textWithTag } from '../reference/inner.js';
import { refuseConfiguration } from './configuration.js';
import { pullWithEach } from './credential-loop.js';
import { asError, check, errorText, rethrowAbort } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { imageServiceKind, imageSize, inspectImage } from '../image-service/inner.js';
import type { ImageService, ImageSpec } from '../image-service/index.js';

/**
 * How a node is warmed up.
 *
 * @public
 */
export interface PrePullOptions extends CallOptions {
  /** The runtime to bring the images to. */
  readonly images: ImageService;
  /** The node's credentials. @defaultValue none */
  readonly keyring?: Keyring | undefined;
  /**
   * `Always` pulls what is present, too: the tag may have moved.
   *
   * @defaultValue `'IfNotPresent'`
   */
  readonly pullPolicy?: 'IfNotPresent' | 'Always' | undefined;
  /**
   * Images pulled at the same time, a whole number from 1.
   *
   * @defaultValue 1
   */
  readonly maxParallelImagePulls?: number | undefined;
  /** Measures how long each pull takes. @defaultValue `systemClock` */
  readonly clock?: Pick<Clock, 'monotonic'> | undefined;
  /** Hears of each image when it is done. */
  readonly onResult?: ((result: PrePulledImage) => void) | undefined;
}

/**
 * What came of one image of a warm-up.
 *
 * @public
 */
export interface PrePulledImage {
  /** As it was asked for. */
  readonly image: string;
  /** Whether the image was there already (`present`), was pulled, or could not be pulled (`failed`). */
  readonly outcome: 'present' | 'pulled' | 'failed';
  /** `undefined` when it failed. */
  readonly imageRef: string | undefined;
  /** In bytes; 0 when it failed, or the runtime could not tell. */
  readonly size: number;
  /** How long it took, in milliseconds, without waiting for its turn. */
  readonly ms: number;
  /** Where the accepted credential came from; `undefined` when nothing was pulled. */
  readonly source: CredentialSource | undefined;
  /** Why it failed, in kubelet's words. */
  readonly message: string | undefined;
  /** What failed, in the order of the credentials. */
  readonly errors: readonly Error[];
}

/**
 * What came of a warm-up.
 *
 * @public
 */
export interface PrePullReport {
  /** In the order of the images, each image string once. */
  readonly results: readonly PrePulledImage[];
  /** How many images were there already. */
  readonly present: number;
  /** How many were pulled. */
  readonly pulled: number;
  /** How many could not be pulled. */
  readonly failed: number;
  /** The sizes of all that was pulled. Layers that images share count for each. */
  readonly pulledBytes: number;
}

/**
 * Brings images to a node before any pod asks for them.
 *
 * One that fails does not stop the others. Nothing is recorded of it, so a kubelet or an image manager takes the images for
 * preloaded: by default every pod may use them without showing credentials.
 *
 * @param images - as pods name them
 * @param options - where to, and with whose credentials
 * @returns what came of each
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option of a wrong kind, and for a number of pulls that is not a whole number
 * @example
 * ```ts
 * import { createPullerImageService } from 'kubepull/image-service';
 * import { prepullImages } from 'kubepull/image-manager';
 * import { createNodeRuntime, loadNodeKeyring, openOciLayout } from 'kubepull/node';
 *
 * const images = createPullerImageService({ runtime: createNodeRuntime(), store: await openOciLayout('./layout') });
 * const report = await prepullImages(['nginx:1.27', 'busybox'], { images, keyring: await loadNodeKeyring() });
 * for (const { image, message } of report.results) if (message !== undefined) console.error(image, message);
 * ```
 * @public
 */
export async function prepullImages(images: Iterable<string>, options: PrePullOptions): Promise<PrePullReport> {
  const list = checkPrePull(images, options);
  const { maxParallelImagePulls: parallel = 1, signal, onResult } = options;
  if (!Number.isSafeInteger(parallel) || parallel < 1) {
    throw refuseConfiguration(`invalid configuration: maxParallelImagePulls ${parallel} must be a positive number`);
  }
  const queue = createSlots(parallel);
  const pullNext = async (image: string): Promise<PrePulledImage> => {
    const result = await queue.run(() => bring(image, options), signal);
    onResult?.(result);
    return result;
  };
  return report(await Promise.all(Array.from(new Set(list), pullNext)));
}

function checkPrePull(images: Iterable<string>, options: PrePullOptions): readonly string[] {
  const action = 'Cannot pull images';
  check(action, { images, options }, { images: is.iterable, options: is.object });
  const list = [...images];
  check(action, { list }, { list: is.listOf(is.text) });
  check<PrePullOptions>(action, options, {
    images: imageServiceKind,
    keyring: is.optional(is.having('a keyring', 'lookup')),
    pullPolicy: is.optional(is.oneOf('IfNotPresent', 'Always')),
    maxParallelImagePulls: is.optional(is.anything),
    clock: is.optional(is.monotonicClock),
    onResult: is.optional(is.callable),
    ...is.callOptions,
  });
  return list;
}

type Brought = Omit<PrePulledImage, 'image' | 'ms'>;

async function bring(image: string, options: PrePullOptions): Promise<PrePulledImage> {
  const { clock = systemClock, signal } = options;
  const start = clock.monotonic();
  const brought = await tryToBring(image, options);
  signal?.throwIfAborted();
  return { image, ...brought, ms: clock.monotonic() - start };
}

async function tryToBring(image: string, options: PrePullOptions): Promise<Brought> {
  const { images, keyring, pullPolicy, signal } = options;
  try {
    const name = parseImageName(image);
    const spec: ImageSpec = { image: textWithTag(name), annotations: {}, runtimeHandler: '' };
    const found = pullPolicy === 'Always' ? undefined : await inspectImage(images, spec, { signal });
    if (found !== undefined) return { ...NOTHING, outcome: 'present', imageRef: found.id, size: found.size };
    const lookup = await keyring?.lookup(name, { signal });
    const outcome = await pullWithEach(
      images,
      lookup?.candidates ?? [],
      { image: spec, sandbox: undefined },
      { signal },
    );
    if (!outcome.ok) return { ...NOTHING, message: outcome.text, errors: outcome.errors };
    const { imageRef, used } = outcome;
    const source = used?.entry.source ?? { kind: 'anonymous' };
    return { ...NOTHING, outcome: 'pulled', imageRef, size: await imageSize(images, spec, { signal }), source };
  } catch (error) {
    rethrowAbort(signal);
    return { ...NOTHING, message: errorText(error), errors: [asError(error)] };
  }
}

const NOTHING: Brought = {
  outcome: 'failed',
  imageRef: undefined,
  size: 0,
  source: undefined,
  message: undefined,
  errors: [],
};

function report(results: readonly PrePulledImage[]): PrePullReport {
  const count = (outcome: PrePulledImage['outcome']): number => results.filter((one) => one.outcome === outcome).length;
  const sizes = results.map(({ outcome, size }) => (outcome === 'pulled' ? size : 0));
  return {
    results,
    present: count('present'),
    pulled: count('pulled'),
    failed: count('failed'),
    pulledBytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}
