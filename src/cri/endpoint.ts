import { isAbsolute } from 'node:path';
import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';

/** Linux gives a socket's name 108 bytes, one of them for its end. */
const MAX_PATH_BYTES = 107;

/**
 * The socket that an endpoint names: `unix:///path`, as in kubelet's configuration, or the path alone.
 *
 * Nothing but a Unix socket will do, because credentials go over it in the clear.
 */
export function socketPathOf(endpoint: string): string {
  const path = endpoint.replace(/^unix:(?:\/\/(?=\/))?/, '');
  if (!isAbsolute(path) || path.includes('\0')) throw refusal(endpoint, 'it is not the absolute path of a Unix socket');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw refusal(endpoint, `its path is longer than ${MAX_PATH_BYTES} bytes`);
  return path;
}

function refusal(endpoint: string, reason: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot connect to the runtime at ${quote(endpoint)}: ${reason}`);
}
