import { status } from '@grpc/grpc-js';
import type { PullImageRequest } from '../image-service/index.js';
import { type CriOperation } from '../errors/index.js';
import { criError } from './cri-error.js';

const LONE_SURROGATE = /\p{Cs}/u;

/**
 * Refuses text that has no UTF-8, as Go's protobuf does; the one here would send other bytes than were meant. A password
 * that was not UTF-8 in its secret is such text.
 */
export function checkText(operation: CriOperation, texts: readonly string[]): void {
  if (!texts.some((text) => LONE_SURROGATE.test(text))) return;
  const description = 'grpc: error while marshaling: string field contains invalid UTF-8';
  throw criError({ operation, code: status.INTERNAL, description });
}

/** All text of a pull that comes from outside. */
export function textsOfPull({ image, auth, sandbox }: PullImageRequest): readonly string[] {
  const shown = auth === undefined ? [] : [auth.credential.username, auth.credential.password.reveal()];
  const pod = sandbox === undefined ? [] : [sandbox.name, sandbox.namespace, sandbox.uid];
  return [...textsOfSpec(image), ...shown, ...pod, ...Object.entries(sandbox?.annotations ?? {}).flat()];
}

/** All text of an image's name. */
export function textsOfSpec({ image, annotations, runtimeHandler }: PullImageRequest['image']): readonly string[] {
  return [image, runtimeHandler, ...Object.entries(annotations).flat()];
}
