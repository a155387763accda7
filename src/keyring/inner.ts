export { withSources } from './lookup-result.js';
