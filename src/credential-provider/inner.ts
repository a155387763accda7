/** For other rooms of this library; not published. */
export { podIdentityKind } from './create-keyring.js';
export { checkConfigOptions } from './parse-config.js';
