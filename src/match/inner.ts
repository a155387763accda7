export { readTarget } from './parse.js';
export { matchParts } from './match.js';
export { checkMatchOptions } from './options.js';
export { bareKey, DOCKER_HUB_KEY, faultlessKey, findKeyFault, hostOf, nearestKey } from './key-faults.js';
export { placeOf, showKey, splitKey } from './key-parts.js';
export { findPlaceholder } from './placeholder.js';
