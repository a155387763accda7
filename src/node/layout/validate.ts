import { join, resolve } from 'node:path';
import type { CallOptions } from '../../clock/index.js';
import { type CreateHasher, type Digest, isDigest } from '../../digest/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { quote } from '../../internal/index.js';
import { withStoreErrors } from '../files/errors.js';
import { fileSystemKind, type LayoutFileSystem, type LayoutStat, nodeFileSystem } from '../files/file-system.js';
import { nodeHasher } from '../hasher.js';
import { hashesTo } from './blobs.js';
import { layoutPaths } from './places.js';
import { readLayoutMarker } from './documents.js';
import { attempt, createFindings, type LayoutFinding, type Validation } from './findings.js';
import { checkImages, type FoundBlob } from './validate-images.js';

/**
 * Options of {@link validateLayout}.
 *
 * @public
 */
export interface ValidateLayoutOptions extends CallOptions {
  /**
   * Whether layers are unpacked, to hold what is in them against the image's config, as unpackers do. It takes most of
   * the time.
   *
   * @defaultValue `true`
   */
  readonly unpack?: boolean | undefined;
  /** The file system that the layout is on. @defaultValue {@link nodeFileSystem} */
  readonly fs?: LayoutFileSystem | undefined;
  /** Makes the hashers that verify content. @defaultValue {@link nodeHasher} */
  readonly createHasher?: CreateHasher | undefined;
}

/**
 * What {@link validateLayout} found.
 *
 * @public
 */
export interface LayoutValidation {
  /** Whether there is no finding of severity `error`. */
  readonly valid: boolean;
  /** All that is wrong or worth knowing; no more than the first 10,000. */
  readonly findings: readonly LayoutFinding[];
  /** Blobs that are what their names say. */
  readonly blobs: number;
  /** The size of these. */
  readonly bytes: number;
}

/**
 * Checks a whole OCI image layout, whoever wrote it: its files, the digest of every blob, every manifest, index and config
 * that a name leads to, and the content of layers. It goes on after a fault, so that all show at once, and changes nothing.
 *
 * @param directory - where the layout is
 * @param options - see {@link ValidateLayoutOptions}
 * @returns what was found; a layout that is missing or cannot be read is a finding, too
 * @example
 * ```ts
 * import { validateLayout } from 'kubepull/node';
 *
 * const { valid, findings } = await validateLayout('./');
 * for (const { code, place, message } of findings) console.log(code, place, message);
 * ```
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 * @public
 */
export async function validateLayout(
  directory: string,
  options: ValidateLayoutOptions = {},
): Promise<LayoutValidation> {
  check('Cannot validate a layout', { directory }, { directory: is.text });
  check<ValidateLayoutOptions>('Cannot validate a layout', options, {
    unpack: is.optional(is.bool),
    fs: is.optional(fileSystemKind),
    createHasher: is.optional(is.hasher),
    ...is.callOptions,
  });
  const { signal, createHasher = nodeHasher, unpack = true } = options;
  signal?.throwIfAborted();
  const fs = withStoreErrors(options.fs ?? nodeFileSystem);
  const findings = createFindings();
  const root = await attempt(findings, 'LAYOUT_UNREADABLE', '.', () => fs.realpath(resolve(directory)));
  const validation: Validation = { fs, paths: layoutPaths(root ?? directory), createHasher, signal, unpack, findings };
  const blobs = root === undefined ? undefined : await checkFiles(validation);
  if (blobs !== undefined) await checkImages(validation, blobs);
  const right = [...(blobs ?? [])].filter(([, { isRight }]) => isRight);
  return {
    valid: findings.list.every(({ severity }) => severity !== 'error'),
    findings: findings.list,
    blobs: right.length,
    bytes: right.reduce((total, [, { size }]) => total + size, 0),
  };
}

const KNOWN: ReadonlyMap<string, LayoutStat['kind']> = /* @__PURE__ */ new Map<string, LayoutStat['kind']>([
  ['oci-layout', 'file'],
  ['index.json', 'file'],
  ['blobs', 'directory'],
  ['ingest', 'directory'],
]);

/** Checks what is in the directories, and hashes each blob. */
async function checkFiles(validation: Validation): Promise<ReadonlyMap<Digest, FoundBlob>> {
  const { fs, paths, findings } = validation;
  const blobs = new Map<Digest, FoundBlob>();
  for (const [name, kind] of await listKinds(validation, '.')) {
    const known = KNOWN.get(name);
    if (known === undefined) findings.add('FILE_UNKNOWN', printablePlace(name), 'It is no part of a layout');
    else if (kind !== known) findings.add('LAYOUT_UNREADABLE', name, `It is not a ${known}`);
  }
  await attempt(findings, 'MARKER_INVALID', 'oci-layout', async () => {
    if (!(await readLayoutMarker(fs, paths))) findings.add('MARKER_INVALID', 'oci-layout', 'It is missing');
  });
  for (const [algorithm, kind] of await listKinds(validation, 'blobs')) {
    const isDirectory = kind === 'directory' && isAlgorithm(algorithm);
    if (isDirectory) await checkBlobs(validation, algorithm, blobs);
    else findings.add('FILE_UNKNOWN', printablePlace('blobs', algorithm), 'It is not a directory of blobs');
  }
  return blobs;
}

function isAlgorithm(name: string): boolean {
  return ['sha256', 'sha384', 'sha512'].includes(name);
}

async function checkBlobs(validation: Validation, algorithm: string, blobs: Map<Digest, FoundBlob>): Promise<void> {
  const { findings } = validation;
  for (const [name, kind] of await listKinds(validation, `blobs/${algorithm}`)) {
    validation.signal?.throwIfAborted();
    const digest = `${algorithm}:${name}`;
    const place = printablePlace('blobs', algorithm, name);
    if (!isDigest(digest)) findings.add('FILE_UNKNOWN', place, 'It is not named as a blob');
    else if (kind !== 'file') findings.add('BLOB_NOT_A_FILE', place, 'It is not a file');
    else {
      const blob = await attempt(findings, 'LAYOUT_UNREADABLE', place, () => hashBlob(validation, digest));
      if (blob === undefined) continue;
      blobs.set(digest, blob);
      if (!blob.isRight) findings.add('BLOB_CORRUPT', place, `Its ${blob.size} bytes have another digest`);
    }
  }
}

async function hashBlob({ fs, paths, createHasher, signal }: Validation, digest: Digest): Promise<FoundBlob> {
  const file = await fs.open(paths.blob({ digest }));
  try {
    const { size } = await file.stat();
    return { size, isRight: await hashesTo({ createHasher }, file, { mediaType: '', digest, size }, signal) };
  } finally {
    await file.close();
  }
}

/** What is in a directory; one that cannot be read is a finding, and empty. */
async function listKinds(
  { fs, paths, findings }: Validation,
  below: string,
): Promise<readonly (readonly [string, LayoutStat['kind']])[]> {
  const list = async (): Promise<readonly (readonly [string, LayoutStat['kind']])[]> => {
    const directory = join(paths.root, below);
    const { kind } = await fs.lstat(directory);
    // What it is instead was said of its name.
    if (kind !== 'directory' && below !== '.') return [];
    const names = await fs.readdir(directory);
    const look = async (name: string) => [name, (await fs.lstat(join(directory, name))).kind] as const;
    return Promise.all(names.toSorted().map(look));
  };
  return (await attempt(findings, 'LAYOUT_UNREADABLE', below, list)) ?? [];
}

/** Names that others gave can hold anything. */
function printablePlace(...parts: readonly string[]): string {
  const place = parts.join('/');
  return /^[\w./-]{1,255}$/.test(place) ? place : quote(place);
}
