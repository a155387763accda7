import { type AnyImageError, isImageError } from '../../errors/index.js';
import type { SourceReport } from '../../keyring/index.js';
import { readConfigFile } from '../files/config-file.js';

/**
 * One place where a docker config may stand, and what became of it.
 *
 * @public
 */
export interface NodeConfigPlace {
  readonly path: string;
  /**
   * `used`: it was decoded. `missing`: there is nothing. `unreadable`: the system refuses it, or it is no regular file of
   * at most 4 MiB. `malformed`: it cannot be decoded. Kubelet passes the last three over in silence.
   */
  readonly outcome: 'used' | 'missing' | 'unreadable' | 'malformed';
  /** Why it is unreadable or malformed; nothing of the document is in it. */
  readonly error: AnyImageError | undefined;
}

/** A place, and what was read there. */
export interface ReadPlace<T> extends NodeConfigPlace {
  readonly value: T | undefined;
}

/** Reads the docker config at a path. A fault is part of the answer: whoever looks goes on to the next place. */
export async function readPlace<T>(path: string, parse: (bytes: Uint8Array) => T): Promise<ReadPlace<T>> {
  try {
    const bytes = await readConfigFile(path);
    if (bytes === undefined) return { path, outcome: 'missing', error: undefined, value: undefined };
    return parsePlace(path, () => parse(bytes));
  } catch (error) {
    return passedOver(path, 'unreadable', error);
  }
}

/** Decodes what stands in a place. */
export function parsePlace<T>(path: string, parse: () => T): ReadPlace<T> {
  try {
    return { path, outcome: 'used', error: undefined, value: parse() };
  } catch (error) {
    return passedOver(path, 'malformed', error);
  }
}

function passedOver<T>(path: string, outcome: 'unreadable' | 'malformed', error: unknown): ReadPlace<T> {
  if (!isImageError(error)) throw error;
  return { path, outcome, error, value: undefined };
}

/** What a keyring says of a place that gives it nothing. */
export function reportUnused({ path, outcome, error }: NodeConfigPlace): SourceReport {
  const source = { kind: 'file', path } as const;
  return error === undefined
    ? { source, outcome: 'unsuited', detail: outcome, error }
    : { source, outcome: 'failed', detail: error.message, error };
}
