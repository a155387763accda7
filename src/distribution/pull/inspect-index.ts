import type { CallOptions } from '../../clock/index.js';
import { type Descriptor, type ImageIndex, type ImageManifest, type ParsedManifest } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import { ASK, type RegistrySession } from '../session/session.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

import { readConfig } from './config.js';
import { readManifest, type ReadManifest } from './manifests.js';

/**
 * How {@link inspectIndex} looks.
 *
 * @public
 */
export interface InspectIndexOptions extends CallOptions {
  /**
   * Whether each entry of an index is fetched, too; of an image without index, its config, for the platform.
   *
   * @defaultValue `false`
   */
  readonly verbose?: boolean | undefined;
}

/**
 * What {@link inspectIndex} found.
 *
 * @public
 */
export interface IndexInspection {
  /** What the reference names, by name and digest, such as `docker.io/library/nginx@sha256:…`. */
  readonly ref: string;
  /** The descriptor of the index, or of the manifest where there is no index. */
  readonly descriptor: Descriptor;
  /** The document as it came. */
  readonly bytes: Uint8Array;
  /** The document, read: what `docker manifest inspect` prints. */
  readonly document: ImageIndex | ImageManifest;
  /**
   * What `docker manifest inspect --verbose` prints: each entry, or the image itself when it has no index; `undefined`
   * unless `verbose`.
   */
  readonly entries: readonly InspectedEntry[] | undefined;
}

/**
 * A manifest of an index, or of an index within it.
 *
 * @public
 */
export interface InspectedEntry {
  /** By name and digest. */
  readonly ref: string;
  /** With its platform. */
  readonly descriptor: Descriptor;
  /** The manifest or index as the registry sent it, byte for byte. */
  readonly bytes: Uint8Array;
  /** The same, parsed. */
  readonly document: ImageIndex | ImageManifest;
}

/**
 * Looks at an index or a manifest in a registry, as `docker manifest inspect` does.
 *
 * @param session - with the reference's registry
 * @param ref - the image
 * @param options - whether to look at each entry, too
 * @returns the document; with `verbose` every entry of it, in order, each verified
 * @throws what {@link createRegistrySession} says of verbs
 * @example
 * ```ts
 * import { inspectIndex, type RegistrySession } from 'kubepull/distribution';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * const { entries = [] } = await inspectIndex(session, parseReference('r.example/app:1'), { verbose: true });
 * for (const { descriptor } of entries) console.log(descriptor.digest, descriptor.platform);
 * ```
 * @see runManifestInspect in docker/cli cli/command/manifest/inspect.go
 * @public
 */
export async function inspectIndex(
  session: RegistrySession,
  ref: ImageReference,
  options: InspectIndexOptions = {},
): Promise<IndexInspection> {
  check<InspectIndexOptions>(ASK, options, { verbose: is.optional(is.bool), ...is.callOptions });
  const { verbose = false, signal } = options;
  const found = await readManifest(session, ref, { signal });
  const inspected = describe(ref, found);
  const inspectEntries = (): Promise<readonly InspectedEntry[]> =>
    found.kind === 'index'
      ? readEntries(session, ref, found.index, signal)
      : readImage(session, ref, inspected, signal).then((entry) => [entry]);
  return { ...inspected, entries: verbose ? await inspectEntries() : undefined };
}

/** One after the other: an index may have a thousand entries, and a registry counts its requests. */
async function readEntries(
  session: RegistrySession,
  ref: ImageReference,
  { manifests }: ImageIndex,
  signal: AbortSignal | undefined,
): Promise<readonly InspectedEntry[]> {
  const entries: InspectedEntry[] = [];
  for (const entry of manifests) {
    const found = await readManifest(session, ref, { descriptor: entry, signal });
    entries.push({ ...describe(ref, found), descriptor: entry });
  }
  return entries;
}

async function readImage(
  session: RegistrySession,
  ref: ImageReference,
  inspected: InspectedEntry,
  signal: AbortSignal | undefined,
): Promise<InspectedEntry> {
  const { manifest } = await readConfig(session, ref, { descriptor: inspected.descriptor, signal });
  return { ...inspected, descriptor: manifest };
}

function describe({ name }: ImageReference, { descriptor, bytes, ...parsed }: ReadManifest): InspectedEntry {
  return { ref: `${name}@${descriptor.digest}`, descriptor, bytes, document: documentOf(parsed) };
}

function documentOf(parsed: ParsedManifest): ImageIndex | ImageManifest {
  return parsed.kind === 'index' ? parsed.index : parsed.manifest;
}
