import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { type Digest, getDigestAlgorithm, getDigestHex } from '../../digest/index.js';
import { printable } from '../../internal/index.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  type ImageManifest,
  isImageConfigMediaType,
  isIndexMediaType,
  isManifestMediaType,
  classifyLayer,
  normalizeMediaType,
  parseImageConfig,
  parseManifest,
} from '../../oci/index.js';
import { listReachableContent, readContent } from '../../store/index.js';
import { copyBytes } from '../files/copy-bytes.js';
import { layoutError } from '../files/errors.js';
import { chunksOf } from './blobs.js';
import { readLayoutIndex } from './documents.js';
import { attempt, type Validation } from './findings.js';
import { namesOf } from './entry-names.js';

/** Levels of index in index. */
const MAX_DEPTH = 4;

/** A file that is named as a blob is. */
export interface FoundBlob {
  readonly size: number;
  readonly isRight: boolean;
}

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
  const index = await attempt(
    findings,
    'INDEX_INVALID',
    'index.json',
    async () => (await readLayoutIndex(fs, paths.index)).index,
  );
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
    for (const next of await checkDocument(validation, blobs, visit)) visits.push(next);
  }
  await checkReferences(validation, blobs, index.manifests);
}

function visitOf(descriptor: Descriptor, file: string, field: string, depth: number, isLeaf: boolean): Visit {
  return { descriptor, place: `${file}#${field}`, depth, isLeaf };
}

function checkNames({ findings }: Validation, manifests: readonly Descriptor[]): void {
  const names = new Set<string>();
  for (const [at, manifest] of manifests.entries()) {
    const { name, ref, full } = namesOf(manifest);
    if (ref === undefined && full === undefined) continue;
    if (names.has(name))
      findings.add('NAME_REPEATED', `index.json#manifests[${at}]`, 'An entry before it has its name');
    names.add(name);
  }
}

function isPresent({ findings }: Validation, blobs: Blobs, { descriptor, place }: Visit): boolean {
  const { digest, size, mediaType } = descriptor;
  const blob = blobs.get(digest);
  if (blob === undefined) {
    const isElsewhere = classifyLayer(normalizeMediaType(mediaType))?.distributable === false;
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
  const found = await listReachableContent({ contents, read }, roots).catch(() => undefined);
  if (found === undefined) return;
  for (const [digest] of right) {
    if (found.reached.has(digest)) continue;
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
  return `blobs/${getDigestAlgorithm(digest)}/${getDigestHex(digest)}`;
}

/**
 * Unpacks layers and compares what is in them with what the config says, as unpackers do before they trust it. Nothing is
 * written, and no more than a chunk is in memory, however much a layer unpacks to.
 */
async function checkDiffIds(
  validation: Validation,
  file: string,
  layers: readonly Descriptor[],
  diffIds: readonly Digest[],
  isThere: (layer: Descriptor) => boolean,
): Promise<void> {
  for (const [at, layer] of layers.entries()) {
    const [place, diffId] = [`${file}#layers[${at}]`, diffIds[at]];
    if (diffId !== undefined && isThere(layer)) await checkLayer(validation, place, layer, diffId);
  }
}

async function checkLayer(validation: Validation, place: string, layer: Descriptor, diffId: Digest): Promise<void> {
  const { findings, signal } = validation;
  const kind = classifyLayer(normalizeMediaType(layer.mediaType));
  if (kind === undefined) return;
  const unpacker = unpackerOf(kind.compression);
  if (unpacker === undefined) {
    findings.add('LAYER_UNCHECKED', place, `This version of Node does not unpack ${kind.compression}`);
    return;
  }
  try {
    const actual = await hashUnpacked(validation, layer, diffId, unpacker.stream);
    if (actual !== diffId) findings.add('DIFF_ID_MISMATCH', place, `Its content is ${actual}, and not ${diffId}`);
  } catch (error) {
    signal?.throwIfAborted();
    const reason = error instanceof Error ? printable(error.message) : 'no reason is given';
    findings.add('LAYER_INVALID', place, `It cannot be unpacked: ${reason}`);
  }
}

function unpackerOf(compression: 'none' | 'gzip' | 'zstd'): { readonly stream: Transform | undefined } | undefined {
  if (compression === 'none') return { stream: undefined };
  if (compression === 'gzip') return { stream: zlib.createGunzip() };
  // Node has it from 22.15 on.
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  return typeof create === 'function' ? { stream: Reflect.apply(create, zlib, []) as Transform } : undefined;
}

async function hashUnpacked(
  { fs, paths, createHasher, signal }: Validation,
  layer: Descriptor,
  diffId: Digest,
  unpacker: Transform | undefined,
): Promise<Digest> {
  const hasher = createHasher(getDigestAlgorithm(diffId));
  const hashAll = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of chunks) hasher.update(chunk);
  };
  const file = await fs.open(paths.blob(layer));
  try {
    // The unpacker reads a chunk when its turn comes, and by then the buffer may hold the next.
    const source = copiesOf(chunksOf(file, layer.size, signal));
    if (unpacker === undefined) await hashAll(source);
    else await pipeline(Readable.from(source), unpacker, hashAll);
  } finally {
    await file.close();
  }
  return hasher.digest();
}

async function* copiesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) yield copyBytes(chunk);
}
