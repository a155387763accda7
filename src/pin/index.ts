/**
 * Digests in the place of tags: in pods, workloads and Lists, and whether what runs is still what an image names.
 *
 * @packageDocumentation
 */
export {
  type LeftImage,
  type PinChange,
  type PinnedObject,
  pinImages,
  type PinOptions,
  type ResolveDigest,
} from './pin-images.js';
export { type CurrentAnswer, isCurrent, type KnownImage } from './is-current.js';
