import { quote } from '../internal/index.js';
import { ImageError } from './image-error.js';
import { type Fault, findFault, type Kind, object } from './kinds.js';

/** A kind for each member, so that no option can be forgotten. */
export type Kinds<T> = { readonly [K in keyof T]-?: Kind };

/**
 * Checks arguments or options, and says which is wrong, what it must be, and what came: only its type, as it may be a secret.
 *
 * @param action - what cannot be done with it, such as `Cannot make a keyring`
 * @param values - the options, or an object of the arguments by their names
 * @param kinds - what each must be
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for the first that is not
 */
export function check<T extends object>(action: string, values: T, kinds: Kinds<T>): void {
  const fault = findFault(values, { ...object, members: kinds });
  if (fault !== undefined) throw new ImageError('ERR_OPTION_INVALID', `${action}: ${reasonOf(fault)}`);
}

function reasonOf({ path, value, kind }: Fault): string {
  const name = path === '' ? 'options' : path;
  if (value === undefined) return `${name} is missing, it must be ${kind.what}`;
  return `${name} must be ${kind.what}, not ${shown(value, kind)}`;
}

function shown(value: unknown, { quotes }: Kind): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return quotes === true ? quote(value) : value === '' ? 'an empty text' : 'a text';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Checks one argument, at no cost where it is right: for what is called often. */
export function checkFast(action: string, name: string, value: unknown, kind: Kind): void {
  if (!kind.accepts(value)) check<Readonly<Record<string, unknown>>>(action, { [name]: value }, { [name]: kind });
}
