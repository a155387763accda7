/**
 * The plug between the image manager and a runtime, modelled on CRI's `ImageService`, and the one that this library's own
 * puller and stores fill.
 *
 * @packageDocumentation
 */
export {
  type ImageFileSystem,
  type ImageService,
  type ImageSpec,
  type PodSandbox,
  type PullCall,
  type PullImageRequest,
  type RuntimeImage,
} from './types.js';
export { createPullerImageService, type PullerImageServiceOptions } from './puller-service.js';
