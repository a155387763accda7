export { aggregate } from './aggregate.js';
export { decodeBase64, encodeBase64 } from './base64.js';
export { cannotUnmarshal, goKind, matchField } from './go-json-decode.js';
export { goQuote } from './go-quote.js';
export { quoteJson, wellFormed } from './go-json-text.js';
export { type JsonMember, type JsonNode, type JsonResult, readJson } from './json.js';
export { printable, quote } from './text.js';
export { redactUrl } from './url.js';
export { decodeUtf8, encodeUtf8 } from './utf8.js';
