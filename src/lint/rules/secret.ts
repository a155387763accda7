import type { SecretLintCode } from './codes.js';
import type { RuleTable } from './table.js';

export const SECRET_RULES: RuleTable<SecretLintCode> = {
  OBJECT_MALFORMED: {
    severity: 'error',
    title: 'A part of the object has a type that the API does not allow',
    cure: 'Write it as the API reference has it',
  },
  SECRET_TYPE_WRONG: {
    severity: 'error',
    title: 'The secret has another type than that of a pull secret, and is ignored',
    cure: 'Create the secret anew with the right type; the type of a secret cannot be changed',
  },
  SECRET_TYPE_KEY_MISMATCH: {
    severity: 'error',
    title: 'The secret has the data key of the other type',
    cure: 'Change the type or the data key: .dockerconfigjson has the level auths, .dockercfg has not',
  },
  SECRET_KEY_MISSING: {
    severity: 'error',
    title: 'The secret lacks the data key that its type asks for',
    cure: 'Give the docker config under this key, as kubectl create secret docker-registry does',
  },
  SECRET_BOTH_KEYS: {
    severity: 'warning',
    title: 'The secret has both data keys, of which only that of its type is read',
    cure: 'Remove the other key, or move it to a secret of its own',
  },
  SECRET_DATA_PLAIN_TEXT: {
    severity: 'error',
    title: 'The value in data is plain JSON',
    cure: 'Encode it as base64, or move it to stringData',
  },
  SECRET_DATA_NOT_BASE64: {
    severity: 'error',
    title: 'The value in data is not base64',
    cure: 'Encode it as standard base64 with padding, or move it to stringData',
  },
  SECRET_DATA_OVERRIDDEN: {
    severity: 'warning',
    title: 'The key stands in data and in stringData, which wins',
    cure: 'Keep one of them',
  },
  SECRET_VALUE_EMPTY: {
    severity: 'error',
    title: 'The value of the docker config is empty, and the secret is ignored',
    cure: 'Fill in the docker config; an empty value often comes from a variable that is not set',
  },
  SECRET_KEY_ILLEGAL: {
    severity: 'error',
    title: 'A data key has characters or a length that the API server refuses',
    cure: 'Use letters, digits, - _ and . in at most 253 characters',
  },
  SECRET_TOO_LARGE: {
    severity: 'error',
    title: 'The values together are larger than 1 MiB, which the API server refuses',
    cure: 'Split the secret',
  },
};
