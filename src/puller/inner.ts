/** For other rooms of this library; not published. */
export { pullMembers } from './pull.js';
