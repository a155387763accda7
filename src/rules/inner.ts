/** For other rooms of this library; not published. */
export { compileRules, isTooLong } from './compile.js';
export { rulesKind } from './decide-image.js';
