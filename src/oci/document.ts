import { ImageError } from '../errors/index.js';
import { printable, readJson, TOO_MANY_VALUES } from '../internal/index.js';
import type { DocumentLimits } from './limits.js';
import { type Place, refuse } from './place.js';

/**
 * Reads the bytes of a document as JSON: within the limits, in well-formed UTF-8 without byte order mark, one value and
 * nothing behind it.
 */
export function readDocument(bytes: Uint8Array, document: string, limits: DocumentLimits): Place {
  const root = { document, path: '' };
  // An ArrayBuffer has no length, so no limit would hold for it.
  if (!ArrayBuffer.isView(bytes)) {
    throw new ImageError('ERR_OPTION_INVALID', `Cannot read ${document}: it must be given as Uint8Array`);
  }
  if (bytes.length > limits.maxBytes) throw refuse(root, `has ${bytes.length} bytes, more than ${limits.maxBytes}`);
  if (bytes.length === 0) throw refuse(root, 'is empty');
  const text = decodeStrictly(bytes);
  if (text === undefined) throw refuse(root, 'is not UTF-8');
  const result = readJson(text, limits);
  if (result.ok) return { ...root, node: result.node };
  if (result.upstream === TOO_MANY_VALUES)
    throw refuse(root, `has more than ${limits.maxValues} values (limit maxValues)`);
  throw refuse(root, `is not JSON: ${printable(result.upstream)}, at byte ${result.offset}`);
}

function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
