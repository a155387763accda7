/** For other rooms of this library; not published. */
export { compileRule, isTooLong } from './compile.js';
