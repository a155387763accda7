/** For other rooms of this library; not published. */
export { imageSize, inspectImage, pullOnce } from './runtime-images.js';
export { traceImages } from './runtime-images.js';
export * as kinds from './kinds.js';
