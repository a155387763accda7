import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { storeWith } from './kinds.js';
import type { CallOptions } from '../clock/index.js';
import type { Digest } from '../digest/index.js';
import { ImageError, StoreError } from '../errors/index.js';
import { printable, quote } from '../internal/index.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  isIndexMediaType,
  isManifestMediaType,
  normalizeMediaType,
  parseManifest,
} from '../oci/index.js';
import { readContent } from './content.js';
import { MAX_CONTENTS, STORED_LIMITS } from './limits.js';
import type { ContentStore } from './types.js';

/** Levels of index in index. */
const MAX_INDEX_DEPTH = 4;

interface Visit {
  readonly descriptor: Descriptor;
  /** What it is to whoever names it: a config or layer is not read, whatever its media type says. */
  readonly role: 'root' | 'listed' | 'leaf';
  readonly depth: number;
}

/**
 * Checks that a store holds everything that an image is made of: a manifest with its config and layers, or an index with
 * all that it lists. A store does so before it gives the image a name.
 *
 * @param store - where the content should be
 * @param root - the manifest or index
 * @param options - an abort signal
 * @returns all the content, each once, `root` first
 * @throws {@link StoreError} naming what is missing, or when the image is nested or spread beyond all measure
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when `root`, or what an index lists, is not a document that it
 * claims to be
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { checkClosure, type ContentStore } from 'kubepull/store';
 *
 * declare const store: ContentStore;
 * declare const manifest: Descriptor;
 * const contents = await checkClosure(store, manifest);
 * contents.reduce((total, { size }) => total + size, 0); // bytes on disk
 * ```
 * @public
 */
export async function checkClosure(
  store: Pick<ContentStore, 'has' | 'read'>,
  root: Descriptor,
  options: CallOptions = {},
): Promise<readonly Descriptor[]> {
  check('Cannot check an image', { store, root }, { store: storeWith('has', 'read'), root: is.descriptor });
  check<CallOptions>('Cannot check an image', options, is.callOptions);
  const seen = new Set<string>();
  const contents = new Map<Digest, Descriptor>();
  const open: Visit[] = [{ descriptor: root, role: 'root', depth: 0 }];
  for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
    const { descriptor } = visit;
    if (seen.has(keyOf(visit))) continue;
    if (seen.size >= MAX_CONTENTS) throw refuse(root, `it names more than ${MAX_CONTENTS} contents`);
    seen.add(keyOf(visit));
    if (!(await store.has(descriptor, options))) throw refuse(root, `the store lacks ${describe(descriptor)}`);
    contents.set(descriptor.digest, descriptor);
    for (const child of await childrenOf(store, root, visit, options)) open.push(child);
  }
  return [...contents.values()];
}

/** The same digest may be named in several ways, such as a manifest that another one has as a layer; each counts. */
function keyOf({ descriptor, role }: Visit): string {
  return `${role === 'leaf' ? '' : descriptor.mediaType} ${descriptor.digest} ${descriptor.size}`;
}

async function childrenOf(
  store: Pick<ContentStore, 'has' | 'read'>,
  root: Descriptor,
  { descriptor, role, depth }: Visit,
  options: CallOptions,
): Promise<readonly Visit[]> {
  const mediaType = normalizeMediaType(descriptor.mediaType);
  // An index may list anything; the root itself must be a document that names its content.
  const isDocument = isIndexMediaType(mediaType) || isManifestMediaType(mediaType);
  if (role === 'leaf' || (role === 'listed' && !isDocument)) return [];
  const bytes = await readContent(store, descriptor, { ...options, maxBytes: DEFAULT_DOCUMENT_LIMITS.maxBytes });
  const parsed = parseManifest(bytes, { mediaType, limits: STORED_LIMITS });
  if (parsed.kind === 'manifest') {
    const { config, layers } = parsed.manifest;
    return [config, ...layers].map((leaf) => ({ descriptor: leaf, role: 'leaf', depth: depth + 1 }));
  }
  if (depth >= MAX_INDEX_DEPTH) throw refuse(root, `its indexes are nested deeper than ${MAX_INDEX_DEPTH} levels`);
  return parsed.index.manifests.map((child) => ({ descriptor: child, role: 'listed', depth: depth + 1 }));
}

function describe({ mediaType, digest, size }: Descriptor): string {
  return `${digest} (${printable(mediaType)}, ${size} bytes)`;
}

function refuse({ digest }: Descriptor, reason: string): StoreError {
  return new StoreError(`Cannot name ${digest}: ${reason}`, { operation: 'tag' });
}

/** The longest image reference that this library reads. */
const MAX_NAME_LENGTH = 4096;
const UNFIT = /[\p{Cc}\p{Cs}]/u;

/**
 * Checks a name before a store keeps it. A name is text, never a path: `../x` is as good as any.
 *
 * @param name - such as `registry.example.com/app:1`
 * @returns the same name
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an empty name, one of more than 4,096 characters, and one with
 * control characters or lone surrogates
 * @example
 * ```ts
 * import { checkStoreName } from 'kubepull/store';
 *
 * checkStoreName('docker.io/library/nginx:1.27');
 * ```
 * @public
 */
export function checkStoreName(name: string): string {
  check('Cannot use a name in a store', { name }, { name: is.text });
  if (name.length > 0 && name.length <= MAX_NAME_LENGTH && !UNFIT.test(name)) return name;
  const reason =
    name === '' ? 'it is empty' : name.length > MAX_NAME_LENGTH ? 'it is too long' : 'it is not plain text';
  throw new ImageError('ERR_OPTION_INVALID', `Cannot use ${quote(name)} as a name in a store: ${reason}`);
}

/**
 * The part of a descriptor that a store keeps with a name.
 *
 * Annotations stay behind: an index from a registry brings them, and importers of a layout read names from them.
 *
 * @param descriptor - the manifest or index that is named
 * @returns media type, digest, size, and artifact type and platform if there are any
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { pickTarget } from 'kubepull/store';
 *
 * declare const chosen: Descriptor;
 * pickTarget(chosen).annotations; // undefined
 * ```
 * @public
 */
export function pickTarget(descriptor: Descriptor): Descriptor {
  check('Cannot name content', { descriptor }, { descriptor: is.descriptor });
  const { mediaType, digest, size, artifactType, platform } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(platform === undefined ? {} : { platform: { ...platform } }),
  };
}
