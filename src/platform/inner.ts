/** For other rooms of this library; not published. */
export { checkLabel } from './label.js';
