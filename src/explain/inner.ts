/** For other rooms of this library; not published. */
export { checkExplainOptions, explainUser, findUsers, type FoundUser } from './explain-pull.js';
