import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import { rebuild, type ReferenceInput, toReference } from './derive.js';
import { formatReference } from './format.js';
import { parseReference } from './parse.js';
import type { ImageReference } from './types.js';

/**
 * The architectures that {@link stripArchSuffix} knows: those that Go and Kubernetes build for, by Go's names.
 *
 * @public
 */
export const KNOWN_ARCHITECTURES: readonly string[] = [
  '386',
  'amd64',
  'arm',
  'arm64',
  'loong64',
  'mips',
  'mips64',
  'mips64le',
  'mipsle',
  'ppc64',
  'ppc64le',
  'riscv64',
  's390x',
];

/**
 * Names the image of one architecture, as Kubernetes names its own: `pause` becomes `pause-amd64`.
 *
 * Multi-arch images made this the exception; the suffixed names stay for old manifests.
 *
 * @param ref - the reference, or a text to parse as one; tag kept
 * @param arch - a short name such as `amd64`: lower-case letters, digits, and single `-`, `.` or `_` between them
 * @returns a new reference
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an architecture that cannot end a name, or a reference with a
 * digest, which names other content; {@link InvalidReferenceError} when the name gets too long
 * @example
 * ```ts
 * import { formatReference, withArchSuffix } from 'kubepull/reference';
 *
 * formatReference(withArchSuffix('registry.k8s.io/pause:3.10', 'arm64')); // 'registry.k8s.io/pause-arm64:3.10'
 * ```
 * @see the section on multi-architecture images of the Images page of Kubernetes
 * @public
 */
export function withArchSuffix(ref: ReferenceInput, arch: string): ImageReference {
  check('Cannot add an architecture', { arch }, { arch: is.text });
  if (!/^[a-z\d]+(?:[._-][a-z\d]+)*$/.test(arch)) {
    throw refuseSuffix(`Cannot add architecture ${quote(arch)} to a name: it is not lower-case letters and digits`);
  }
  const base = withoutDigest(toReference(ref));
  // Parsed again for the limit of the path's length.
  return parseReference(formatReference({ ...base, path: `${base.path}-${arch}` }));
}

/**
 * A reference without the suffix that names an architecture, and which it was.
 *
 * @public
 */
export interface ArchSuffix {
  /** The reference without the suffix. */
  readonly reference: ImageReference;
  /** The architecture; `undefined` when the name ends with none that is known, and the reference is as it was. */
  readonly architecture: string | undefined;
}

/**
 * Takes the suffix for an architecture off a name: the inverse of {@link withArchSuffix}.
 *
 * @param ref - the reference, or a text to parse as one; tag kept
 * @param architectures - which suffixes to look for; defaults to {@link KNOWN_ARCHITECTURES}
 * @returns the reference without suffix, and the architecture
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a suffixed reference with a digest, which names the content of one
 * architecture; {@link InvalidReferenceError} as `parseReference`, for a text
 * @example
 * ```ts
 * import { stripArchSuffix } from 'kubepull/reference';
 *
 * stripArchSuffix('registry.k8s.io/pause-arm64:3.10').architecture; // 'arm64'
 * ```
 * @see the section on multi-architecture images of the Images page of Kubernetes
 * @public
 */
export function stripArchSuffix(
  ref: ReferenceInput,
  architectures: readonly string[] = KNOWN_ARCHITECTURES,
): ArchSuffix {
  check('Cannot strip an architecture', { architectures }, { architectures: is.listOf(is.text) });
  const reference = toReference(ref);
  const architecture = architectures.find((arch) => hasSuffix(reference.path, arch));
  if (architecture === undefined) return { reference, architecture };
  const path = reference.path.slice(0, -architecture.length - 1);
  return { reference: rebuild(withoutDigest(reference), { path }), architecture };
}

/** A path that is a suffix only, or that would end with a separator, keeps it: the rest would be no name. */
function hasSuffix(path: string, arch: string): boolean {
  return path.endsWith(`-${arch}`) && /[a-z\d]$/.test(path.slice(0, -arch.length - 1));
}

function withoutDigest(ref: ImageReference): ImageReference {
  if (ref.digest === undefined) return ref;
  throw refuseSuffix(`Cannot change the name of ${quote(formatReference(ref))}: its digest names other content`);
}

function refuseSuffix(message: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', message);
}
