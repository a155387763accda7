/** For other rooms of this library; not published. */
export { credentialText, equalCredentials } from './create-credential.js';
