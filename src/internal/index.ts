export { aggregate } from './go/aggregate.js';
export { decodeBase64, encodeBase64 } from './go/base64.js';
export { type ByteBuffer, createByteBuffer } from './byte-buffer.js';
export {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  invalidValue,
  required,
  unsupported,
} from './go/field-error.js';
export { durationMs, parseGoDuration, printGoDuration } from './go/duration.js';
export { collectBytes } from './collect-bytes.js';
export { cannotUnmarshal, goKind, matchField } from './go/json-decode.js';
export { equalSecrets } from './equal-secrets.js';
export { createExpiringMap, type ExpiringMap } from './expiring-map.js';
export { createFlights, type Flights } from './flights.js';
export { goQuote } from './go/quote.js';
export { quoteJson, wellFormed } from './go/json-text.js';
export {
  countMembers,
  eachMember,
  type JsonMember,
  type JsonNode,
  type JsonResult,
  memberOf,
  readJson,
} from './go/json.js';
export { countJsonValues, TOO_MANY_VALUES } from './go/json-grammar.js';
export { hideUserInfo, printable, quote } from './text.js';
export { hasOuterSpace, trimEnd } from './go/space.js';
export { createMask, type Mask, MIN_SECRET } from './mask.js';
export { USER_AGENT } from './version.js';
export { randomFraction } from './random.js';
export { createShared } from './shared.js';
export { createSlots, type Slots } from './slots.js';
export { linkAbort } from './link-abort.js';
export { runPool, type PoolOptions } from './pool.js';
export { untilAbort } from './until-abort.js';
export { redactUrl } from './url.js';
export { decodeUtf8, encodeUtf8 } from './go/utf8.js';
export {
  type CredentialSource,
  type Descriptor,
  type Digest,
  type DigestAlgorithm,
  type EndpointCapability,
  type Platform,
  type RegistryEndpoint,
} from './vocabulary.js';
