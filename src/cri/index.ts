/**
 * Images through a container runtime: a client of CRI's `ImageService`. For Node.
 *
 * @packageDocumentation
 */
export { type CriImageService, createCriImageService } from './image-service.js';
export {
  type CriImageServiceOptions,
  DEFAULT_MAX_MESSAGE_BYTES,
  DEFAULT_RUNTIME_REQUEST_TIMEOUT_MS,
} from './options.js';
export { CriError, type CriOperation } from '../errors/index.js';
