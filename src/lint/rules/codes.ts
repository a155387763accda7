/**
 * A fault of a docker config document, as a whole or in one entry.
 *
 * @public
 */
export type DocumentLintCode =
  | 'DOCUMENT_UNREADABLE'
  | 'DOCUMENT_HAS_BOM'
  | 'DOCUMENT_IS_BASE64'
  | 'WRONG_TYPE'
  | 'AUTHS_MISSING'
  | 'AUTHS_DOUBLED'
  | 'AUTHS_REPEATED'
  | 'NO_ENTRIES'
  | 'FIELD_NAME_CASE'
  | 'CREDENTIAL_HELPER_IGNORED'
  | 'HTTP_HEADERS_IGNORED'
  | 'TOKEN_IGNORED'
  | 'ENTRY_EMPTY'
  | 'AUTH_NOT_BASE64'
  | 'AUTH_WITHOUT_COLON'
  | 'AUTH_DOUBLE_BASE64'
  | 'AUTH_OVERRIDES_FIELDS'
  | 'USERNAME_HAS_COLON'
  | 'CREDENTIAL_HALF_EMPTY'
  | 'PASSWORD_ENDS_WITH_NEWLINE'
  | 'PASSWORD_IS_AUTH'
  | 'CREDENTIAL_OUTER_SPACE'
  | 'CREDENTIAL_HAS_CONTROL'
  | 'CREDENTIAL_NOT_UTF8'
  | 'CREDENTIAL_QUOTED'
  | 'CREDENTIAL_PLACEHOLDER';

/**
 * A fault of a key of `auths`, by itself, beside the other keys, or against an image.
 *
 * @public
 */
export type KeyLintCode =
  | 'KEY_WITHOUT_HOST'
  | 'KEY_SCHEME_CASE'
  | 'KEY_SCHEME_UNKNOWN'
  | 'KEY_PLACEHOLDER'
  | 'KEY_HAS_SPACE'
  | 'KEY_HAS_USER_INFO'
  | 'KEY_CUT_SHORT'
  | 'KEY_IPV6_NEEDS_BRACKETS'
  | 'KEY_IPV6_NEEDS_PORT'
  | 'KEY_GLOB_UNSUPPORTED'
  | 'KEY_GLOB_IN_PATH'
  | 'KEY_DROPPED'
  | 'KEY_DOCKER_HUB_PATH'
  | 'KEY_DOCKER_HUB_ALIAS'
  | 'KEY_API_PATH'
  | 'KEY_PATH_IMPOSSIBLE'
  | 'KEY_HOST_IMPOSSIBLE'
  | 'KEY_HOST_CASE'
  | 'KEY_DEFAULT_PORT'
  | 'KEY_GLOB_TOO_BROAD'
  | 'KEY_GLOB_WITHOUT_DOT'
  | 'KEY_PREFIX_BROAD'
  | 'KEY_TRAILING_SLASH'
  | 'KEY_REPEATED'
  | 'KEY_SAME_NORMAL_FORM'
  | 'KEY_PORT_DIFFERS'
  | 'KEY_LABEL_COUNT'
  | 'KEY_PATH_DIFFERS'
  | 'KEY_CASE_DIFFERS'
  | 'CREDENTIAL_REPEATED'
  | 'DOCKER_HUB_ENTRY_HIDDEN'
  | 'DOCKER_HUB_OFFERED_ELSEWHERE'
  | 'IMAGE_NOT_COVERED';

/**
 * A fault of a pull secret around the document that it holds.
 *
 * @public
 */
export type SecretLintCode =
  | 'OBJECT_MALFORMED'
  | 'SECRET_TYPE_WRONG'
  | 'SECRET_TYPE_KEY_MISMATCH'
  | 'SECRET_KEY_MISSING'
  | 'SECRET_BOTH_KEYS'
  | 'SECRET_DATA_PLAIN_TEXT'
  | 'SECRET_DATA_NOT_BASE64'
  | 'SECRET_DATA_OVERRIDDEN'
  | 'SECRET_VALUE_EMPTY'
  | 'SECRET_KEY_ILLEGAL'
  | 'SECRET_TOO_LARGE';

/**
 * A fault of a pod: its images, pull policies and pull secrets.
 *
 * @public
 */
export type PodLintCode =
  | 'IMAGE_MISSING'
  | 'IMAGE_OUTER_SPACE'
  | 'IMAGE_INVALID'
  | 'IMAGE_PLACEHOLDER'
  | 'IMAGE_TAG_IMPLIED'
  | 'IMAGE_TAG_LATEST'
  | 'IMAGE_TAG_AND_DIGEST'
  | 'IMAGE_ANONYMOUS'
  | 'POLICY_UNKNOWN'
  | 'POLICY_KEEPS_LATEST'
  | 'POLICY_NEVER'
  | 'POLICY_ALWAYS_WITH_DIGEST'
  | 'PULL_SECRETS_MISPLACED'
  | 'PULL_SECRET_NAME_EMPTY'
  | 'PULL_SECRET_REPEATED'
  | 'PULL_SECRET_MISSING'
  | 'PULL_SECRET_OTHER_NAMESPACE'
  | 'PULL_SECRET_IGNORED'
  | 'PULL_SECRET_MALFORMED'
  | 'PULL_SECRET_UNUSED'
  | 'PULL_SECRET_UNLISTED'
  | 'PULL_SECRET_ELSEWHERE'
  | 'PULL_SECRETS_DISAGREE'
  | 'SERVICE_ACCOUNT_DIFFERS'
  | 'SERVICE_ACCOUNT_SECRETS_IGNORED'
  | 'IMAGE_NOT_ON_NODES'
  | 'IMAGE_ON_SOME_NODES';

/**
 * A difference between the docker configs of nodes.
 *
 * @public
 */
export type NodeLintCode = 'NODE_KEY_MISSING' | 'NODE_CREDENTIAL_DIFFERS';

/**
 * The name of a rule; it stays the same from release to release.
 *
 * @public
 */
export type LintCode = DocumentLintCode | KeyLintCode | SecretLintCode | PodLintCode | NodeLintCode;
