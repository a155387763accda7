export { readTarget } from './parse.js';
