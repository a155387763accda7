/** For other rooms of this library; not published. */
export { pullImageTelling, pullMembers } from './pull.js';
