import { cannotUnmarshal, encodeUtf8, goKind, type JsonNode, goQuote, readJson } from '../internal/index.js';
import { checkSecret, PULL_SECRET_TYPES, secretKeys, secretValue } from './secret-data.js';
import type { SecretFieldError, SecretLike, SecretValidation } from './types.js';

const MAX_SIZE = 1_048_576;
const MAX_KEY = 253;
/** The nesting that Go's own decoder allows. */
const MAX_DEPTH = 10_000;
const REDACTED = '<secret contents redacted>';
const ACCOUNT = 'kubernetes.io/service-account.name';

const KEY_FAULT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  " +
  "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/**
 * Checks a secret as the API server does when it is created: data keys, total size, and what its type asks for.
 *
 * Of docker configs only the outermost form is checked: the server takes `{"auths":5}` and an `auth` that is no base64,
 * both of which kubelet refuses later. Names, labels and annotations beyond those that a type needs are not looked at.
 * A value in `data` that is not base64 never reaches the server's checks; here it is an error of its field.
 *
 * @param secret - the secret
 * @returns the server's errors, in a fixed order, and its whole message; no content of the secret is in them
 * @example
 * ```ts
 * import { validateSecret } from 'kubepull/pull-secrets';
 *
 * validateSecret({ metadata: { name: 'creds' }, type: 'kubernetes.io/dockerconfigjson' }).message;
 * // 'Secret "creds" is invalid: data[.dockerconfigjson]: Required value'
 * ```
 * @see ValidateSecret in kubernetes pkg/apis/core/validation/validation.go, v1.32.10
 * @public
 */
export function validateSecret(secret: SecretLike): SecretValidation {
  checkSecret('Cannot validate a secret', secret);
  const values = new Map(secretKeys(secret).map((key) => [key, secretValue(secret, key) ?? '']));
  const errors = [...checkKeys(values), ...checkSize(values), ...checkType(secret, values)];
  const texts = [...new Set(errors.map(({ message }) => message))];
  const reason = texts.length > 1 ? `[${texts.join(', ')}]` : texts[0];
  const message = reason && `Secret ${goQuote(secret.metadata?.name ?? '')} is invalid: ${reason}`;
  return { valid: errors.length === 0, errors, message };
}

/** By key: the bytes, or Go's text when they are not base64. */
type Values = ReadonlyMap<string, Uint8Array | string>;

function* checkKeys(values: Values): Generator<SecretFieldError> {
  for (const [key, value] of values) {
    const field = `data[${key}]`;
    if (encodeUtf8(key).length > MAX_KEY) yield invalid(field, key, `must be no more than ${MAX_KEY} characters`);
    if (!/^[-._a-zA-Z0-9]+$/.test(key)) yield invalid(field, key, KEY_FAULT);
    if (key === '.' || key === '..') yield invalid(field, key, `must not be '${key}'`);
    else if (key.startsWith('..')) yield invalid(field, key, "must not start with '..'");
    if (typeof value === 'string') yield invalid(field, REDACTED, value);
  }
}

function* checkSize(values: Values): Generator<SecretFieldError> {
  const size = Array.from(values.values()).reduce((sum, { length }) => sum + length, 0);
  const message = `data: Too long: may not be more than ${MAX_SIZE} bytes`;
  if (size > MAX_SIZE) yield { type: 'FieldValueTooLong', field: 'data', message };
}

function* checkType({ type, metadata }: SecretLike, values: Values): Generator<SecretFieldError> {
  const config = PULL_SECRET_TYPES.find((one) => one.type === type);
  if (config !== undefined) yield* checkConfig(config.key, values.get(config.key));
  const annotations = metadata?.annotations ?? {};
  if (
    type === 'kubernetes.io/service-account-token' &&
    !(Object.hasOwn(annotations, ACCOUNT) && annotations[ACCOUNT])
  ) {
    yield required(`metadata.annotations[${ACCOUNT}]`);
  }
  if (type === 'kubernetes.io/basic-auth' && !values.has('username') && !values.has('password')) {
    yield* ['username', 'password'].map(requiredKey);
  }
  if (type === 'kubernetes.io/ssh-auth' && !values.get('ssh-privatekey')?.length) yield requiredKey('ssh-privatekey');
  if (type === 'kubernetes.io/tls') yield* ['tls.crt', 'tls.key'].filter((key) => !values.has(key)).map(requiredKey);
}

/** Go decodes into a map of anything; a value that is not base64 has its own error. */
function* checkConfig(key: string, value: Uint8Array | string | undefined): Generator<SecretFieldError> {
  if (value === undefined) yield requiredKey(key);
  if (value === undefined || typeof value === 'string') return;
  const result = readJson(value, { maxDepth: MAX_DEPTH });
  const fault = result.ok ? findTypeFault(result.node, result.hugeNumber) : result.upstream;
  if (fault !== undefined) yield invalid(`data[${key}]`, REDACTED, fault);
}

function findTypeFault(root: JsonNode, hugeNumber: string | undefined): string | undefined {
  if (root.kind !== 'object' && root.kind !== 'null') {
    return cannotUnmarshal(goKind(root), 'map[string]interface {}');
  }
  // Numbers become float64, wherever they stand.
  return hugeNumber === undefined ? undefined : cannotUnmarshal(`number ${hugeNumber}`, 'float64');
}

function requiredKey(key: string): SecretFieldError {
  return required(`data[${key}]`);
}

function required(field: string): SecretFieldError {
  return { type: 'FieldValueRequired', field, message: `${field}: Required value` };
}

function invalid(field: string, value: string, reason: string): SecretFieldError {
  return { type: 'FieldValueInvalid', field, message: `${field}: Invalid value: ${goQuote(value)}: ${reason}` };
}
