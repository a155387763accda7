import { type Digest, digestAlgorithm, digestEncoded } from '../../digest/index.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  type ImageManifest,
  isImageConfigMediaType,
  isIndexMediaType,
  isManifestMediaType,
  layerKind,
  normalizeMediaType,
  parseImageConfig,
  parseManifest,
} from '../../oci/index.js';
import { readContent, reachableContent } from '../../store/index.js';
import { chunksOf } from './blob-file.js';
import { checkDiffIds } from './diff-ids.js';
import { layoutError } from './errors.js';
import { nameOf, readLayoutIndex } from './index-file.js';
import { attempt, type Validation } from './validation.js';
import type { FoundBlob } from './validate-files.js';

/** Levels of index in index. */
const MAX_DEPTH = 4;

type Blobs = ReadonlyMap<Digest, FoundBlob>;

interface Visit {
  readonly descriptor: Descriptor;
  readonly place: string;
  readonly depth: number;
  /** A config or layer is not read as a manifest, whatever its media type says. */
  readonly isLeaf: boolean;
}

/** Checks all that `index.json` leads to. */
export async function checkImages(validation: Validation, blobs: Blobs): Promise<void> {
  const { fs, paths, findings } = validation;
  const index = await attempt(findings, 'INDEX_INVALID', 'index.json', () => readLayoutIndex(fs, paths.index));
  if (index === undefined) return;
  checkNames(validation, index.manifests);
  const seen = new Set<string>();
  const visits = index.manifests.map((entry, at) => visitOf(entry, 'index.json', `manifests[${at}]`, 0, false));
  // It grows while it is gone through.
  for (const visit of visits) {
    validation.signal?.throwIfAborted();
    const key = `${visit.descriptor.mediaType} ${visit.descriptor.digest}`;
    if (!isPresent(validation, blobs, visit) || visit.isLeaf || seen.has(key)) continue;
    seen.add(key);
    visits.push(...(await checkDocument(validation, blobs, visit)));
  }
  await checkReferences(validation, blobs, index.manifests);
}

function visitOf(descriptor: Descriptor, file: string, field: string, depth: number, isLeaf: boolean): Visit {
  return { descriptor, place: `${file}#${field}`, depth, isLeaf };
}

function checkNames({ findings }: Validation, manifests: readonly Descriptor[]): void {
  const names = new Set<string>();
  for (const [at, manifest] of manifests.entries()) {
    const name = nameOf(manifest);
    if (name === undefined) continue;
    if (names.has(name))
      findings.add('NAME_REPEATED', `index.json#manifests[${at}]`, 'An entry before it has its name');
    names.add(name);
  }
}

function isPresent({ findings }: Validation, blobs: Blobs, { descriptor, place }: Visit): boolean {
  const { digest, size, mediaType } = descriptor;
  const blob = blobs.get(digest);
  if (blob === undefined) {
    const isElsewhere = layerKind(normalizeMediaType(mediaType))?.distributable === false;
    findings.add(isElsewhere ? 'CONTENT_ELSEWHERE' : 'CONTENT_MISSING', place, `There is no ${digest}`);
    return false;
  }
  if (blob.size !== size) findings.add('CONTENT_SIZE', place, `${digest} has ${blob.size} bytes, not ${size}`);
  return blob.isRight && blob.size === size;
}

async function checkDocument(validation: Validation, blobs: Blobs, visit: Visit): Promise<readonly Visit[]> {
  const { findings } = validation;
  const { descriptor, depth } = visit;
  const mediaType = normalizeMediaType(descriptor.mediaType);
  if (!isIndexMediaType(mediaType) && !isManifestMediaType(mediaType)) return [];
  const file = blobPlace(descriptor);
  const parsed = await attempt(findings, 'DOCUMENT_INVALID', file, async () =>
    parseManifest(await readBlobBytes(validation, descriptor), { mediaType }),
  );
  if (parsed === undefined) return [];
  if (parsed.kind === 'index') {
    if (depth >= MAX_DEPTH)
      findings.add('NESTING_TOO_DEEP', visit.place, `It is nested deeper than ${MAX_DEPTH} levels`);
    if (depth >= MAX_DEPTH) return [];
    return parsed.index.manifests.map((child, at) => visitOf(child, file, `manifests[${at}]`, depth + 1, false));
  }
  await checkConfig(validation, blobs, file, parsed.manifest);
  const { config, layers } = parsed.manifest;
  const leaves = layers.map((layer, at) => visitOf(layer, file, `layers[${at}]`, depth + 1, true));
  return [visitOf(config, file, 'config', depth + 1, true), ...leaves];
}

async function checkConfig(
  validation: Validation,
  blobs: Blobs,
  file: string,
  { config, layers }: ImageManifest,
): Promise<void> {
  const { findings, unpack } = validation;
  const isThere = (descriptor: Descriptor): boolean => {
    const blob = blobs.get(descriptor.digest);
    return blob?.isRight === true && blob.size === descriptor.size;
  };
  if (!isImageConfigMediaType(normalizeMediaType(config.mediaType)) || !isThere(config)) return;
  const parsed = await attempt(findings, 'DOCUMENT_INVALID', blobPlace(config), async () =>
    parseImageConfig(await readBlobBytes(validation, config)),
  );
  if (parsed === undefined) return;
  const { diffIds } = parsed;
  if (diffIds.length !== layers.length) {
    const message = `The config tells of ${diffIds.length} layers, and there are ${layers.length}`;
    findings.add('LAYERS_MISCOUNTED', `${file}#layers`, message);
  } else if (unpack) await checkDiffIds(validation, file, layers, diffIds, isThere);
}

/** Blobs that no name leads to are no fault, but take room. */
async function checkReferences(validation: Validation, blobs: Blobs, roots: readonly Descriptor[]): Promise<void> {
  const right = [...blobs].filter(([, { isRight }]) => isRight);
  const contents = new Map(right.map(([digest, { size }]) => [digest, size]));
  const read = (digest: Digest, size: number): Promise<Uint8Array | undefined> =>
    readBlobBytes(validation, { mediaType: '', digest, size });
  // What cannot be read was reported as what it is.
  const reached = await reachableContent({ contents, read }, roots).catch(() => undefined);
  if (reached === undefined) return;
  for (const [digest] of right) {
    if (reached.has(digest)) continue;
    validation.findings.add('CONTENT_UNREFERENCED', blobPlace({ digest }), 'Nothing in index.json leads to it');
  }
}

async function readBlobBytes({ fs, paths, signal }: Validation, descriptor: Descriptor): Promise<Uint8Array> {
  const path = paths.blob(descriptor);
  const { maxBytes } = DEFAULT_DOCUMENT_LIMITS;
  if (descriptor.size > maxBytes) {
    throw layoutError('read', path, `it has ${descriptor.size} bytes, more than the ${maxBytes} of a document`);
  }
  const file = await fs.open(path);
  try {
    return await readContent({ read: () => chunksOf(file, descriptor.size, signal) }, descriptor, { maxBytes });
  } finally {
    await file.close();
  }
}

function blobPlace({ digest }: Pick<Descriptor, 'digest'>): string {
  return `blobs/${digestAlgorithm(digest)}/${digestEncoded(digest)}`;
}
