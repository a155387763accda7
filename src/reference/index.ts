/**
 * Image references: the grammar of distribution/reference, normalisation, default tag, and errors that say what is wrong.
 *
 * @packageDocumentation
 */
export { type ImageReference } from './types.js';
