/** For other rooms of this library; not published. */
export { pullImageTelling, pullMembers } from './pull.js';
export { askEndpoints, findEndpoints, referenceAt, sessionFor } from './run-pull.js';
export { planAttempts, type PullRun } from './try-endpoints.js';
export { selectImage } from './fetch-image.js';
export { type PullStep } from './events.js';
export { planContents } from './plan.js';
export { type AskOptions } from './types.js';
