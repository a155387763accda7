/** For other rooms of this library; not published. */
export { asError, errorText, rethrowAbort } from './text.js';
export { noteBlobFailures } from './pull-error.js';
export { check, type Kinds } from './check.js';
export { type Kind } from './kinds.js';
export * as is from './kinds.js';
