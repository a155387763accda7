/** For other rooms of this library; not published. */
export { asError, errorText, rethrowAbort } from './text.js';
export { noteBlobFailures } from './pull-error.js';
