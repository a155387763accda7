/** For other rooms of this library; not published. */
export { imageSize, inspectImage, pullOnce, traceImages } from './runtime-images.js';
export { imageServiceKind, imageSpecKind, pullRequestKind } from './kinds.js';
