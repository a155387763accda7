/**
 * Every code that this library's errors carry, one code per cure; codes are never renamed.
 *
 * @public
 */
export type ImageErrorCode =
  | 'ERR_REFERENCE_INVALID'
  | 'ERR_DIGEST_INVALID'
  | 'ERR_PLATFORM_INVALID'
  | 'ERR_CONFIG_INVALID'
  | 'ERR_OPTION_INVALID'
  | 'ERR_CREDENTIAL_PROVIDER'
  | 'ERR_TRANSPORT'
  | 'ERR_REQUEST_REFUSED'
  | 'ERR_REGISTRY_RESPONSE'
  | 'ERR_REGISTRY_DOCUMENT'
  | 'ERR_CONTENT_MISMATCH'
  | 'ERR_PLATFORM_NOT_FOUND'
  | 'ERR_STORE'
  | 'ERR_RUNTIME'
  | 'ERR_IMAGE_REFUSED'
  | 'ERR_PULL_FAILED';

const BRAND: unique symbol = /* @__PURE__ */ Symbol.for('kubepull.ImageError') as never;

/**
 * The base of every error that this library throws.
 *
 * A message has the form `Cannot <verb> <quoted input>: <reason>`. It never holds a secret, and URLs in it are without
 * user info, query and fragment.
 *
 * @example
 * ```ts
 * import { isImageError, parseReference } from 'kubepull';
 *
 * try {
 *   parseReference('Registry.example.com/App');
 * } catch (error) {
 *   if (isImageError(error)) console.error(error.code); // ERR_REFERENCE_INVALID
 * }
 * ```
 * @public
 */
export class ImageError<C extends ImageErrorCode = ImageErrorCode> extends Error {
  /** What went wrong, for programs; `docs/errors.md` has the cure of each. */
  readonly code: C;
  constructor(code: C, message: string, options?: { readonly cause?: unknown }) {
    super(message, safeCause(options?.cause));
    this.code = code;
    Object.defineProperties(this, {
      [BRAND]: { value: true },
      name: { value: new.target.name, configurable: true, writable: true },
    });
  }
}

/** Whether a value is an error of this library, also of another copy of it. */
export function hasImageErrorBrand(value: unknown): boolean {
  return BRAND in Object(value);
}

/**
 * Foreign errors may hold secrets (a `SyntaxError` quotes its input, `ERR_INVALID_URL` keeps it), so only what is known
 * to be harmless goes on: our own errors, and of others the name, the code and the system call.
 */
function safeCause(cause: unknown): ErrorOptions | undefined {
  if (hasImageErrorBrand(cause)) return { cause };
  if (!(cause instanceof Error)) return undefined;
  const { name, code, syscall } = cause as Error & { readonly code?: unknown; readonly syscall?: unknown };
  const words = [name, code, syscall].filter((word) => typeof word === 'string' && /^[\w.-]{1,64}$/.test(word));
  return { cause: new Error(words.join(' ')) };
}
