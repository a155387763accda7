import type { CallOptions, Clock } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import { ImageError } from '../../errors/index.js';
import { hasMethods, isOptionalFunction, wrongOption } from '../../internal/index.js';
import type { LayoutFileSystem } from './file-system.js';
import type { LayoutOwner } from './owner.js';

/**
 * How long a call waits for other processes that write to the same layout, when the caller does not say: 30 seconds.
 *
 * @public
 */
export const DEFAULT_LOCK_TIMEOUT_MS = 30_000;

/**
 * How long the part of a cut download is kept, when the caller does not say: a day.
 *
 * @public
 */
export const DEFAULT_PARTIAL_AGE_MS: number = 24 * 60 * 60 * 1000;

/**
 * How many bytes of cut downloads are kept, when the caller does not say: 16 GiB.
 *
 * @public
 */
export const DEFAULT_PARTIAL_BYTES: number = 16 * 1024 ** 3;

/**
 * Options of `openOciLayout`.
 *
 * @public
 */
export interface OciLayoutOptions extends CallOptions {
  /** @defaultValue {@link nodeFileSystem} */
  readonly fs?: LayoutFileSystem | undefined;
  /** @defaultValue {@link nodeHasher} */
  readonly createHasher?: CreateHasher | undefined;
  /** @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /**
   * Who owns the temporary files of this store.
   *
   * @defaultValue this process
   */
  readonly owner?: LayoutOwner | undefined;
  /**
   * How long to wait for other processes, in milliseconds.
   *
   * @defaultValue {@link DEFAULT_LOCK_TIMEOUT_MS}
   */
  readonly lockTimeoutMs?: number | undefined;
  /**
   * How long the part of a cut download is kept for the next one, in milliseconds; 0 keeps none.
   *
   * @defaultValue {@link DEFAULT_PARTIAL_AGE_MS}
   */
  readonly maxPartialAgeMs?: number | undefined;
  /**
   * How many bytes of cut downloads are kept; the oldest go first.
   *
   * @defaultValue {@link DEFAULT_PARTIAL_BYTES}
   */
  readonly maxPartialBytes?: number | undefined;
  /**
   * Whether content counts as there only once it was written through this store, as in `isolateStore`. By default all
   * who open a layout share what is in it: who names the digest of a private layer that somebody else has pulled need not
   * show a credential for it.
   *
   * @defaultValue `false`
   */
  readonly isolated?: boolean | undefined;
}

/** The numbers that hold with these options. */
export interface LayoutLimits {
  readonly lockTimeoutMs: number;
  readonly maxPartialAgeMs: number;
  readonly maxPartialBytes: number;
}

/** @throws ImageError for what is no time, or no number of bytes */
export function resolveLayoutLimits(options: OciLayoutOptions): LayoutLimits {
  const limits: LayoutLimits = {
    lockTimeoutMs: options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS,
    maxPartialAgeMs: options.maxPartialAgeMs ?? DEFAULT_PARTIAL_AGE_MS,
    maxPartialBytes: options.maxPartialBytes ?? DEFAULT_PARTIAL_BYTES,
  };
  for (const [name, value] of Object.entries(limits)) {
    if (!((value as number) >= 0)) {
      const reason = 'it must be a number from 0';
      throw new ImageError('ERR_OPTION_INVALID', `Cannot open a layout with ${name} ${String(value)}: ${reason}`);
    }
  }
  return limits;
}

/** @throws ImageError for what is no directory, or no option of this kind */
export function checkLayoutOptions(directory: string, { fs, createHasher, clock }: OciLayoutOptions): void {
  const wrong = wrongOption(
    ['directory', typeof directory === 'string' && directory !== '', 'the path of a directory'],
    ['fs', fs === undefined || hasMethods(fs, 'lstat', 'rename'), 'a file system, such as nodeFileSystem'],
    ['createHasher', isOptionalFunction(createHasher), 'a function, such as nodeHasher'],
    ['clock', clock === undefined || hasMethods(clock, 'now', 'monotonic', 'sleep'), 'a clock, such as systemClock'],
  );
  if (wrong !== undefined) throw new ImageError('ERR_OPTION_INVALID', `Cannot open a layout with ${wrong}`);
}
