export { credentialName } from './endpoints.js';
