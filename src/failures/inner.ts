/** For other rooms of this library; not published. */
export { ruleOf } from './causes.js';
