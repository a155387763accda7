import { goQuote } from './quote.js';

/**
 * A fault of one field, in Kubernetes' own words.
 *
 * @public
 */
export interface FieldError {
  /** The kind of fault, after Kubernetes' `field.ErrorType`: `required` is its `FieldValueRequired`, and so on. */
  readonly type: 'required' | 'invalid' | 'unsupported' | 'forbidden' | 'duplicate';
  /** Where the field stands, such as `spec.containers[0].imagePullPolicy`. */
  readonly path: string;
  /** The whole text, path included. */
  readonly message: string;
}

export function required(path: string, detail?: string): FieldError {
  return { type: 'required', path, message: `${path}: Required value${detail === undefined ? '' : `: ${detail}`}` };
}

export function invalid(path: string, value: string, detail: string): FieldError {
  return invalidValue(path, goQuote(value), detail);
}

/** The same for a value that is no text; `shown` is how Go prints it. */
export function invalidValue(path: string, shown: string, detail: string): FieldError {
  return { type: 'invalid', path, message: `${path}: Invalid value: ${shown}: ${detail}` };
}

export function duplicate(path: string, value: string): FieldError {
  return { type: 'duplicate', path, message: `${path}: Duplicate value: ${goQuote(value)}` };
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
