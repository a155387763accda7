import { checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { ImageError } from '../errors/index.js';

/**
 * How much of a document from a registry is read at most.
 *
 * @public
 */
export interface DocumentLimits {
  /** Size of a document in bytes. */
  readonly maxBytes: number;
  /** Levels of arrays and objects within each other. */
  readonly maxDepth: number;
  /** Texts, numbers, arrays and objects in all: small ones take far more memory than bytes. */
  readonly maxValues: number;
  /** Layers of a manifest. */
  readonly maxLayers: number;
  /** Entries of an index. */
  readonly maxManifests: number;
}

/**
 * The limits that hold unless others are given: 4 MiB, 64 levels, 16,384 values, 1,024 layers, 1,024 entries.
 *
 * @public
 */
export const DEFAULT_DOCUMENT_LIMITS: DocumentLimits = {
  maxBytes: 4 * 1024 * 1024,
  maxDepth: 64,
  maxValues: 16_384,
  maxLayers: 1024,
  maxManifests: 1024,
};

/**
 * How a document is read.
 *
 * @public
 */
export interface DocumentOptions {
  /** Limits other than {@link DEFAULT_DOCUMENT_LIMITS}; those left out keep their default. */
  readonly limits?: { readonly [K in keyof DocumentLimits]?: DocumentLimits[K] | undefined } | undefined;
}

/** The limits that hold with these options. */
export function resolveLimits(options: DocumentOptions): DocumentLimits {
  checkFast('Cannot read documents', 'options', options, is.object);
  const { limits = {} } = options;
  checkFast('Cannot read documents', 'limits', limits, is.object);
  const pick = (name: keyof DocumentLimits): number => {
    const { [name]: value = DEFAULT_DOCUMENT_LIMITS[name] } = limits;
    if (Number.isSafeInteger(value) && value > 0) return value;
    throw new ImageError('ERR_OPTION_INVALID', `Cannot read documents: limit ${name} must be a positive whole number`);
  };
  return {
    maxBytes: pick('maxBytes'),
    maxDepth: pick('maxDepth'),
    maxValues: pick('maxValues'),
    maxLayers: pick('maxLayers'),
    maxManifests: pick('maxManifests'),
  };
}
