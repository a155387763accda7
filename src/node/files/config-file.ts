import { InvalidConfigError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';
import { readBounded } from './read-bounded.js';

/** The largest file that is read. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads a configuration file.
 *
 * @returns `undefined` when there is no such file
 * @throws {@link InvalidConfigError} when it cannot be read
 */
export async function readConfigFile(path: string): Promise<Uint8Array | undefined> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readBounded(path, MAX_BYTES);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw configError(path, `the system answers ${/^[A-Z]+$/.test(String(code)) ? code : 'with an error'}`);
  }
  if (bytes === undefined) throw configError(path, 'it is no regular file of at most 4 MiB');
  return bytes;
}

/** @param because - must not quote the document: a header or a URL in it may hold a credential */
export function configError(path: string, reason: string): InvalidConfigError {
  const message = `Cannot use ${quote(path)}: ${reason}`;
  return new InvalidConfigError(message, { upstream: reason, offset: undefined });
}
