import { linkAbort } from '../internal/index.js';
import type { CallOptions } from '../clock/index.js';
import { readManifestBytes } from '../distribution/index.js';
import { ImageError, isImageError, PlatformNotFoundError } from '../errors/index.js';
import {
  type Descriptor,
  type ImageManifest,
  isImageConfigMediaType,
  parseImageConfig,
  parseManifest,
  type Platform,
} from '../oci/index.js';
import { formatPlatform, createPlatformMatcher, selectManifest } from '../platform/index.js';
import { downloadBlob, type PullContext } from './download.js';
import { readContent, writeContent } from '../store/index.js';

/** Levels of index in index that a pull goes down. */
const MAX_INDEX_DEPTH = 4;
/** An image config is a page of JSON; this is what is read into memory of it. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** What a pull with one credential brought into the store. */
export interface FetchedImage {
  /** What the reference named: an index, or the manifest itself. */
  readonly root: Descriptor;
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly platform: Platform | undefined;
}

interface Selected {
  readonly root: Descriptor;
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly bytes: Uint8Array;
}

/**
 * Fetches the image of one platform: manifest, config, layers, each before what refers to it, so that the store never
 * holds a manifest whose content is missing.
 *
 * @param options - `onAuthorized` is called once the registry has given the manifest out, `onResolved` once the
 * manifest for the platform is found
 */
export async function fetchImage(
  context: PullContext,
  wanted: Platform,
  options: {
    readonly signal: AbortSignal | undefined;
    readonly parallel: number;
    readonly onAuthorized: () => void;
    readonly onResolved: (root: Descriptor) => void;
  },
): Promise<FetchedImage> {
  const { signal, parallel, onAuthorized, onResolved } = options;
  const selected = await selectImage(context, wanted, signal, onAuthorized);
  onResolved(selected.root);
  const { manifest, descriptor } = selected;
  await downloadBlobs(context, [manifest.config], { signal, limit: 1 });
  const platform = descriptor.platform ?? (await checkConfigPlatform(context, manifest.config, wanted, signal));
  await downloadBlobs(context, uniqueBlobs(manifest.layers), { signal, limit: parallel });
  await writeContent(context.store, descriptor, selected.bytes, { signal });
  return { root: selected.root, manifest: descriptor, config: manifest.config, platform };
}

async function downloadBlobs(
  context: PullContext,
  blobs: readonly Descriptor[],
  options: { readonly signal: AbortSignal | undefined; readonly limit: number },
): Promise<void> {
  const onFailure = (descriptor: Descriptor, error: unknown): void => {
    if (isImageError(error)) context.onBlobFailed({ descriptor, error });
  };
  await runPool(blobs, { ...options, onFailure }, (blob, signal) => downloadBlob(context, blob, signal));
}

/** Follows the reference to a manifest, through as many indexes as there are. */
async function selectImage(
  context: PullContext,
  wanted: Platform,
  signal: AbortSignal | undefined,
  onAuthorized: () => void,
): Promise<Selected> {
  const { ref, session, emit } = context;
  let fetched = await readManifestBytes(session, ref, { signal });
  onAuthorized();
  const root = fetched.descriptor;
  let descriptor = root;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth += 1) {
    emit({ type: 'manifest', descriptor });
    const parsed = parseManifest(fetched.bytes, { mediaType: descriptor.mediaType });
    if (parsed.kind === 'manifest') return { root, descriptor, manifest: parsed.manifest, bytes: fetched.bytes };
    const chosen = selectManifest(parsed.index, wanted);
    emit({ type: 'platform', wanted, chosen, available: platformsOf(parsed.index.manifests) });
    fetched = await readManifestBytes(session, ref, { descriptor: chosen, signal });
    descriptor = { ...fetched.descriptor, platform: chosen.platform };
  }
  throw new ImageError(
    'ERR_REGISTRY_DOCUMENT',
    `Cannot pull ${ref.name}: its indexes are nested deeper than ${MAX_INDEX_DEPTH} levels`,
  );
}

function platformsOf(manifests: readonly Descriptor[]): readonly Platform[] {
  return manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
}

/** An image without index says what it is for in its config only; containerd refuses one for another platform. */
async function checkConfigPlatform(
  context: PullContext,
  config: Descriptor,
  wanted: Platform,
  signal: AbortSignal | undefined,
): Promise<Platform | undefined> {
  if (!isImageConfigMediaType(config.mediaType)) return undefined;
  const bytes = await readContent(context.store, config, { maxBytes: MAX_CONFIG_BYTES, signal });
  const { platform } = parseImageConfig(bytes);
  if (platform === undefined || createPlatformMatcher(wanted).matches(platform)) return platform;
  const [want, have] = [formatPlatform(wanted), formatPlatform(platform)];
  throw new PlatformNotFoundError(
    `Cannot pull ${context.ref.name} for ${want}: the image is for ${have} only`,
    wanted,
    [platform],
  );
}

function uniqueBlobs(layers: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}

/** How a pool runs. */
export interface PoolOptions<T> extends CallOptions {
  /** Tasks at once. */
  readonly limit: number;
  /** Hears of each failure; those that were only cancelled because of another are none. */
  readonly onFailure?: ((item: T, error: unknown) => void) | undefined;
}

/**
 * Runs `task` for every item, at most `limit` at once. When one fails the others are aborted and awaited, and its error
 * is thrown: nothing of the pool runs on after it has settled.
 */
export async function runPool<T>(
  items: readonly T[],
  { limit, signal, onFailure }: PoolOptions<T>,
  task: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { controller, release } = linkAbort(signal);
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const fail = (item: T, error: unknown): void => {
    if (signal?.aborted || error === failure?.error) return;
    failure ??= { error };
    onFailure?.(item, error);
    controller.abort(error);
  };
  const work = async (): Promise<void> => {
    for (const item of queue) {
      if (controller.signal.aborted) return;
      try {
        await task(item, controller.signal);
      } catch (error) {
        fail(item, error);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  } finally {
    release();
  }
  signal?.throwIfAborted();
  if (failure !== undefined) throw failure.error;
}
