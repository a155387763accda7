/** For other rooms of this library; not published. */
export { credentialName } from './endpoints.js';
