import type { DocumentLintCode } from './codes.js';
import type { RuleTable } from './table.js';

export const DOCUMENT_RULES: RuleTable<DocumentLintCode> = {
  DOCUMENT_UNREADABLE: {
    severity: 'error',
    title: 'The document is not JSON, or too large',
    cure: 'Write one JSON object: no comments, no trailing commas, nothing behind it',
  },
  DOCUMENT_HAS_BOM: {
    severity: 'error',
    title: 'The document begins with a byte order mark',
    cure: 'Save the file as UTF-8 without a byte order mark',
  },
  DOCUMENT_IS_BASE64: {
    severity: 'error',
    title: 'The document is base64 once too often',
    cure: 'Put the JSON text itself here; in a Secret, encode it once for data and not at all for stringData',
  },
  WRONG_TYPE: {
    severity: 'error',
    title: 'A field has the wrong JSON type, which spoils the whole document',
    cure: 'Give an object where entries stand and a string where a value stands',
  },
  AUTHS_MISSING: {
    severity: 'error',
    title: 'The entries stand at the top, without the level auths',
    cure: 'Put the entries into {"auths": …}, or use the format and secret type of .dockercfg',
  },
  AUTHS_DOUBLED: {
    severity: 'error',
    title: 'The level auths stands where a registry belongs',
    cure: 'Remove one level auths; in a .dockercfg remove it altogether',
  },
  AUTHS_REPEATED: {
    severity: 'warning',
    title: 'The document has auths more than once',
    cure: 'Put all entries into one auths',
  },
  NO_ENTRIES: {
    severity: 'warning',
    title: 'The document has no entry',
    cure: 'Add an entry, or remove the document: as a node file it hides every file that is searched after it',
  },
  FIELD_NAME_CASE: {
    severity: 'info',
    title: 'A field name is written in another case',
    cure: 'Write the field in lower case; readers other than Go programs may not find it',
  },
  CREDENTIAL_HELPER_IGNORED: {
    severity: 'warning',
    title: 'The document names a credential helper, and kubelet runs none',
    cure: 'Write user name and password into the entry, or configure a credential provider plugin on the node',
  },
  HTTP_HEADERS_IGNORED: {
    severity: 'info',
    title: 'The document has HttpHeaders, and kubelet sends none of them',
    cure: 'Remove HttpHeaders, and set such headers in the container runtime if they are needed',
  },
  TOKEN_IGNORED: {
    severity: 'error',
    title: 'The entry has a token of Docker, and kubelet sends user name and password only',
    cure: 'Create an access token at the registry and write it as password',
  },
  ENTRY_EMPTY: {
    severity: 'error',
    title: 'The entry has neither user name nor password, as a credential helper leaves it behind',
    cure: 'Log in without a credential store, or create the secret from user name and password',
  },
  AUTH_NOT_BASE64: {
    severity: 'error',
    title: 'The auth field is not standard base64, which spoils the whole document',
    cure: 'Write auth as standard base64 of user:password, with whole padding or none; a key or token goes into password',
  },
  AUTH_WITHOUT_COLON: {
    severity: 'error',
    title: 'The auth field has no colon in it, which spoils the whole document',
    cure: 'Encode user:password, not the password alone',
  },
  AUTH_DOUBLE_BASE64: {
    severity: 'error',
    title: 'The auth field is base64 of base64, which spoils the whole document',
    cure: 'Encode user:password once',
  },
  AUTH_OVERRIDES_FIELDS: {
    severity: 'warning',
    title: 'The auth field differs from username and password, and wins',
    cure: 'Remove the stale one, or write auth again from username and password',
  },
  USERNAME_HAS_COLON: {
    severity: 'error',
    title: 'The user name has a colon, which ends it when it is sent',
    cure: 'Use a user name without a colon',
  },
  CREDENTIAL_HALF_EMPTY: {
    severity: 'warning',
    title: 'The entry has a user name or a password, but not both',
    cure: 'Write both; most registries refuse half a credential',
  },
  PASSWORD_ENDS_WITH_NEWLINE: {
    severity: 'warning',
    title: 'The password ends with a line break',
    cure: 'Encode it again without the line break: printf or echo -n instead of echo',
  },
  PASSWORD_IS_AUTH: {
    severity: 'warning',
    title: 'The password is the base64 of user and password',
    cure: 'Write the password itself, or move the text to auth',
  },
  CREDENTIAL_OUTER_SPACE: {
    severity: 'warning',
    title: 'User name or password has white space at its ends',
    cure: 'Remove the white space; it is sent as it stands',
  },
  CREDENTIAL_HAS_CONTROL: {
    severity: 'warning',
    title: 'User name or password has a control character',
    cure: 'Create the entry again from clean text',
  },
  CREDENTIAL_NOT_UTF8: {
    severity: 'warning',
    title: 'User name or password is not UTF-8',
    cure: 'Create the entry again in UTF-8; other bytes do not survive the way to the container runtime',
  },
  CREDENTIAL_QUOTED: {
    severity: 'warning',
    title: 'User name or password stands in quotes',
    cure: 'Remove the quotes; they are sent as a part of it',
  },
  CREDENTIAL_PLACEHOLDER: {
    severity: 'warning',
    title: 'User name or password is a variable that was not filled in',
    cure: 'Fill in the variable before the document is written; nothing expands it later',
  },
};
