/** For other rooms of this library; not published. */
export { pullPolicyOf } from './decide-pull-policy.js';
