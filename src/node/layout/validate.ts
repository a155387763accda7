import { resolve } from 'node:path';
import type { CallOptions } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import { type LayoutFileSystem, nodeFileSystem } from './file-system.js';
import { nodeHasher } from '../hasher.js';
import { withStoreErrors } from './errors.js';
import { createFindings, type LayoutFinding } from './findings.js';
import { layoutPaths } from './paths.js';
import { checkFiles } from './validate-files.js';
import { checkImages } from './validate-images.js';
import { attempt, type Validation } from './validation.js';

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
  /** @defaultValue {@link nodeFileSystem} */
  readonly fs?: LayoutFileSystem | undefined;
  /** @defaultValue {@link nodeHasher} */
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
