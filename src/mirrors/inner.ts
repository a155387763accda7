export { credentialName } from './check.js';
