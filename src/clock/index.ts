/**
 * Time and cancellation: the clock that is passed in, and the options that every waiting call accepts.
 *
 * @packageDocumentation
 */
export { type CallOptions, type Clock, systemClock } from './clock.js';
