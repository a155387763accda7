export { readTarget } from './parse.js';
export { matchParts } from './match.js';
export { checkMatchOptions } from './options.js';
