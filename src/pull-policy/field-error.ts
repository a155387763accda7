import { goQuote } from '../internal/index.js';

/**
 * A fault of one field, in the API server's words.
 *
 * @public
 */
export interface FieldError {
  readonly type: 'required' | 'invalid' | 'unsupported' | 'forbidden';
  /** Where the field stands, such as `spec.containers[0].imagePullPolicy`. */
  readonly path: string;
  /** The whole text, path included. */
  readonly message: string;
}

export function required(path: string): FieldError {
  return { type: 'required', path, message: `${path}: Required value` };
}

export function invalid(path: string, value: string, detail: string): FieldError {
  return { type: 'invalid', path, message: `${path}: Invalid value: ${goQuote(value)}: ${detail}` };
}

export function unsupported(path: string, value: string, supported: readonly string[]): FieldError {
  const list = supported.map((text) => goQuote(text)).join(', ');
  return {
    type: 'unsupported',
    path,
    message: `${path}: Unsupported value: ${goQuote(value)}: supported values: ${list}`,
  };
}

export function forbidden(path: string, detail: string): FieldError {
  return { type: 'forbidden', path, message: `${path}: Forbidden: ${detail}` };
}
