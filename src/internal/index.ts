export { encodeBase64 } from './base64.js';
export { printable, quote } from './text.js';
export { redactUrl } from './url.js';
export { decodeUtf8, encodeUtf8 } from './utf8.js';
