export { withSources } from './lookup-result.js';
export { lookupKind } from './lookup-result.js';
