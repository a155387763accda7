import { ImageError } from '../errors/index.js';

declare const secretBrand: unique symbol;

/**
 * A value that does not show: string conversion, JSON, `util.inspect` and structured printing all give `[redacted]`.
 *
 * @public
 */
export interface Secret {
  /** The value itself. Call it where the secret is used, and keep the result nowhere. */
  reveal(): string;
  /** Gives `[redacted]`, never the value. */
  toString(): string;
  /** Gives `[redacted]`, never the value. */
  toJSON(): string;
  /** Exists in the types only: `createSecret` alone makes a secret. */
  readonly [secretBrand]: true;
}

const REDACTED = '[redacted]';

class RedactedValue {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  // What Node's util.inspect and console.log call; a registered symbol, so no Node import is needed.
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}

/**
 * Wraps a secret so that no print, inspect or JSON of an object that holds it shows it.
 *
 * @param value - the secret text. Bytes that are not UTF-8 stand as lone surrogates U+DC80…U+DCFF, as `decodeAuth` gives
 * them, and turn back into those bytes on the wire.
 * @returns the redacting value
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is no text, such as a variable that is not set
 * @example
 * ```ts
 * import { createSecret } from 'kubepull/docker-config';
 *
 * const password = createSecret('s3cr3t');
 * String(password); // '[redacted]'
 * password.reveal(); // 's3cr3t'
 * ```
 * @public
 */
export function createSecret(value: string): Secret {
  if (typeof value !== 'string') throw new ImageError('ERR_OPTION_INVALID', 'Cannot keep a secret: it must be text');
  return new RedactedValue(value) as unknown as Secret;
}
