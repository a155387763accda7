/** What other rooms use of the stores, and users do not need. */
export { DOCUMENT_START_BYTES, mayBeDocument, resolveGarbageGrace } from './garbage.js';
export { checkContentCall, checkNameCall } from './kinds.js';
export { withAbort } from './content.js';
export { STORED_LIMITS } from './limits.js';
export { checkFilled } from './verifier.js';
