import { isImageError } from './any-error.js';
import { InvalidConfigError } from './config-error.js';
import type { ImageError } from './image-error.js';
import { InvalidReferenceError } from './reference-error.js';

/** What kubelet would print of an error: Go's own words where we have them, else the message. */
export function errorText(error: unknown): string {
  if (isImageError(error) && (error instanceof InvalidConfigError || error instanceof InvalidReferenceError)) {
    return error.upstream;
  }
  return error instanceof Error ? error.message : 'unknown error';
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(errorText(thrown));
}

/** What is thrown after the caller gave up says nothing: the signal's reason counts then. */
export function rethrowAbort(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw signal.reason;
}

/** What a message of ours says behind `Cannot <verb> <input>: `, to say it of another input. */
export function reasonOf({ message }: ImageError): string {
  return message.slice(message.indexOf(': ') + 2);
}
