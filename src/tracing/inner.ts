/** For other rooms of this library; not published. */
export { checkTrace } from './traced.js';
