import { runPool } from '../internal/index.js';
import { type BlobCarrier, type ManifestBytes, readManifestBytes } from '../distribution/index.js';
import { echoesSecret } from '../distribution/inner.js';
import { ImageError, isImageError } from '../errors/index.js';
import {
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  isImageConfigMediaType,
  parseImageConfig,
  parseManifest,
  type Platform,
} from '../oci/index.js';
import { createPlatformMatcher, selectManifest } from '../platform/index.js';
import { checkLabel } from '../platform/inner.js';
import type { PullContext } from './context.js';
import { downloadBlob, tellPresent } from './download.js';
import type { PullStep } from './events.js';
import { planPull } from './plan.js';
import type { PullLimits } from './types.js';
import type { ImageReference } from '../reference/index.js';
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

/** What a reference turned out to mean for one platform. */
export interface Selected {
  readonly root: Descriptor;
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly bytes: Uint8Array;
}

/**
 * Fetches the image of one platform: manifest, config, layers, each before what refers to it, so that the store never
 * holds a manifest whose content is missing.
 *
 * @param options - `onAuthorized` is called once the registry has given the manifest out, `onResolved` and `judge` once the
 * manifest for the platform is found
 */
export async function fetchImage(
  context: PullContext,
  wanted: Platform,
  options: {
    readonly signal: AbortSignal | undefined;
    readonly parallel: number;
    readonly strictPlatform: boolean | undefined;
    readonly limits: PullLimits | undefined;
    readonly carrier: BlobCarrier | undefined;
    readonly onAuthorized: () => void;
    readonly onResolved: (root: Descriptor) => void;
    /** Throws for an image that is not wanted. */
    readonly judge: (selected: Selected) => Promise<void>;
  },
): Promise<FetchedImage> {
  const { signal, parallel, strictPlatform, limits, carrier, onAuthorized, onResolved, judge } = options;
  const { ref, emit, session } = context;
  const read = (descriptor: Descriptor): Promise<ManifestBytes> =>
    readManifestBytes(session, ref, { descriptor, signal });
  const bytes = await readManifestBytes(session, ref, { signal });
  const passed: Descriptor[] = [];
  onAuthorized();
  for (;;) {
    const selected = await selectImage({ ref, emit, read }, wanted, { bytes, limits, passed });
    onResolved(selected.root);
    await judge(selected);
    const { manifest, descriptor } = selected;
    const present = await planPull(context, descriptor, manifest, signal);
    await downloadBlobs(context, [manifest.config], { signal, present, limit: 1 });
    const label = descriptor.platform ?? (await readLabel(context, manifest.config, signal));
    const isRoot = descriptor.digest === selected.root.digest;
    if (isRoot) tellLabel(context, label, { wanted, strict: strictPlatform });
    else if (!fits(label, wanted)) {
      // What an index says nothing of is for what its config says; containerd looks on then.
      passed.push({ ...descriptor, platform: label });
      continue;
    }
    const layers = uniqueBlobs(manifest.layers);
    const missing = layers.reduce((bytes, { digest, size }) => bytes + (present.has(digest) ? 0 : size), 0);
    const carries = carrier !== undefined && missing >= carrier.minBytes;
    await downloadBlobs({ ...context, carries }, layers, { signal, present, limit: parallel });
    await writeContent(context.store, descriptor, selected.bytes, { signal });
    return { root: selected.root, manifest: descriptor, config: manifest.config, platform: label };
  }
}

async function downloadBlobs(
  context: PullContext,
  blobs: readonly Descriptor[],
  {
    present,
    ...options
  }: {
    readonly signal: AbortSignal | undefined;
    readonly present: ReadonlySet<string>;
    readonly limit: number;
  },
): Promise<void> {
  const onFailure = (descriptor: Descriptor, error: unknown): void => {
    if (isImageError(error)) context.onBlobFailed({ descriptor, error });
  };
  await runPool(blobs, { ...options, onFailure }, async (blob, signal) =>
    present.has(blob.digest) ? tellPresent(context.emit, blob) : downloadBlob(context, blob, signal),
  );
}

/** What a reference names, and the entries of it that turned out to be for other platforms. */
interface FoundRoot {
  readonly bytes: ManifestBytes;
  readonly limits: PullLimits | undefined;
  readonly passed: readonly Descriptor[];
}

/** Who wants to know what a reference means for a platform, and how entries of an index are got. */
export interface Selecting {
  readonly ref: ImageReference;
  readonly emit: (event: PullStep) => void;
  readonly read: (entry: Descriptor) => Promise<ManifestBytes>;
}

/** Goes from what the reference names to a manifest, through as many indexes as there are. */
export async function selectImage(
  { ref, emit, read }: Selecting,
  wanted: Platform,
  { bytes: start, limits, passed }: FoundRoot,
): Promise<Selected> {
  let fetched = start;
  const root = fetched.descriptor;
  let descriptor = root;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth += 1) {
    emit({ type: 'manifest', descriptor });
    const parsed = parseManifest(fetched.bytes, { mediaType: descriptor.mediaType, limits });
    if (parsed.kind === 'manifest') return { root, descriptor, manifest: parsed.manifest, bytes: fetched.bytes };
    const chosen = selectManifest(withLabels(parsed.index, passed), wanted);
    emit({ type: 'platform', wanted, chosen, available: platformsOf(parsed.index.manifests) });
    fetched = await read(chosen);
    descriptor = { ...fetched.descriptor, platform: chosen.platform };
  }
  throw new ImageError(
    'ERR_REGISTRY_DOCUMENT',
    `Cannot pull ${ref.name}: its indexes are nested deeper than ${MAX_INDEX_DEPTH} levels`,
  );
}

/** An index with the platforms that were found in the configs of its entries. */
function withLabels(index: ImageIndex, labelled: readonly Descriptor[]): ImageIndex {
  if (labelled.length === 0) return index;
  const labels = new Map(labelled.map(({ digest, platform }) => [digest, platform]));
  const label = (entry: Descriptor): Descriptor => ({ ...entry, platform: entry.platform ?? labels.get(entry.digest) });
  return { ...index, manifests: index.manifests.map(label) };
}

function platformsOf(manifests: readonly Descriptor[]): readonly Platform[] {
  return manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
}

/** The platform that an image's config names; an image without index says nowhere else what it is for. */
async function readLabel(
  { ref, session, store }: PullContext,
  config: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Platform | undefined> {
  if (!isImageConfigMediaType(config.mediaType)) return undefined;
  const { platform } = parseImageConfig(await readContent(store, config, { maxBytes: MAX_CONFIG_BYTES, signal }));
  // It goes into events and results, as what a manifest says.
  if (!echoesSecret(session, JSON.stringify(platform ?? ''))) return platform;
  throw new ImageError(
    'ERR_REGISTRY_DOCUMENT',
    `Cannot pull ${ref.name}: its config has a secret in it that was sent to get it`,
  );
}

function fits(label: Platform | undefined, wanted: Platform): boolean {
  return label === undefined || createPlatformMatcher(wanted).matches(label);
}

function tellLabel(
  { ref, emit, origin }: PullContext,
  label: Platform | undefined,
  { wanted, strict }: { readonly wanted: Platform; readonly strict: boolean | undefined },
): void {
  const platform = checkLabel(label, { wanted, strict, action: `Cannot pull ${ref.name}` });
  if (platform !== undefined) emit({ type: 'notice', notice: { kind: 'platform', origin, wanted, platform } });
}

function uniqueBlobs(layers: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}
