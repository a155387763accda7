import type { FailureCause } from './causes.js';

/** Words that tell of a cause, any of which is enough; a `*` in them stands for whatever is between. */
type Row = readonly [cause: FailureCause, words: readonly string[]];

/**
 * What runtimes, registries and kubelet say, in lower case, and what it means. The first row that fits counts: what is special
 * stands above what is general, and what is behind an error above what it led to.
 */
const ROWS: readonly Row[] = [
  [
    'secret-missing',
    ['unable to retrieve some image pull secrets', 'failedtoretrieveimagepullsecret', 'unable to retrieve pull secret'],
  ],
  [
    'name',
    [
      'failed to apply default image tag',
      'invalid reference format',
      'invalidimagename',
      "couldn't parse image",
      'repository name must be lowercase',
      'repository name must be canonical',
      'invalid repository name',
      'short-name',
      'unqualified-search',
      'unqualified image',
    ],
  ],
  ['never', ['not present with pull policy of never', 'errimageneverpull']],
  [
    'signature',
    [
      'signaturevalidationfailed',
      'signature validation failed',
      'signature verification failed',
      'a signature was required',
      'not signed',
      'signature for identity',
      'no matching signatures',
    ],
  ],
  [
    'policy',
    [
      'rejected by policy',
      'due to configured policy',
      'projectpolicyviolation',
      'prohibited by policy',
      'is blocked in',
      'blocked by',
      'is not allowed access',
      'download blocked',
      'it is denied by the rule',
      'it is allowed by no rule',
      'denied the request:',
    ],
  ],
  ['throttled', ['pull qps exceeded']],
  [
    'disk',
    [
      'no space left on device',
      'disk quota exceeded',
      'not enough space',
      'not enough free space',
      'read-only file system',
      'input/output error',
    ],
  ],
  [
    'quota',
    [
      'data limit exceeded',
      'quota exceeded',
      'exceeded quota',
      'quota has been exceeded',
      'exceeded your quota',
      'payment required',
    ],
  ],
  [
    'rate-limit',
    ['toomanyrequests', 'too many requests', 'rate limit', 'rate exceeded', 'status 429', 'status code 429'],
  ],
  [
    'platform',
    [
      'no match for platform',
      'no matching manifest',
      'no image found in manifest list',
      'no image found in image index',
      'cannot be used on this platform',
      'does not match the expected platform',
    ],
  ],
  [
    'format',
    [
      'media type * no longer supported',
      'media type * not supported',
      'manifest.v1+',
      'unsupported media type',
      'unsupported mediatype',
      'encountered unknown type',
      'unsupported docker v1',
    ],
  ],
  [
    'content',
    [
      'unexpected commit digest',
      'failed size validation',
      'failed commit on ref',
      'content digest * not found',
      'could not fetch content descriptor',
      'blob unknown',
      'unknown blob',
      'digest did not match',
      'does not match the digest',
      'not match digest',
      'layer verification failed',
      'digest verification failed',
      'digest mismatch',
    ],
  ],
  [
    'node',
    [
      '.sock',
      'dial unix',
      'transport: error while dialing',
      'on snapshotter',
      'failed to extract layer',
      'failed to register layer',
      'failed to prepare extraction',
      'error processing tar file',
      'imagevolumemountfailed',
      'image pull intent',
      'unknown service runtime',
      'locked: unavailable',
      '/certs.d/',
      'id or size of image * is not set',
      'imageref of image * is not set',
    ],
  ],
  ['proxy', ['proxyconnect', 'proxy authentication required', 'socks connect']],
  [
    'plain-http',
    [
      'server gave http response to https client',
      'first record does not look like a tls handshake',
      'http request was sent to https port',
      'sent an http request to an https server',
      'wrong version number',
    ],
  ],
  ['tls-expired', ['certificate has expired', 'is not yet valid']],
  [
    'tls-name',
    [
      'certificate is valid for',
      'any ip sans',
      'not valid for any names',
      'legacy common name',
      'cannot validate certificate for',
    ],
  ],
  [
    'tls-authority',
    ['unknown authority', 'self-signed certificate', 'self signed certificate', 'certificate is not trusted'],
  ],
  ['dns', ['no such host', 'server misbehaving', 'name resolution', 'name or service not known', 'dial tcp: lookup']],
  ['refused', ['connection refused', 'actively refused']],
  ['unreachable', ['no route to host', 'network is unreachable', 'host is unreachable']],
  [
    'timeout',
    [
      'i/o timeout',
      'handshake timeout',
      'client.timeout exceeded',
      'deadline exceeded',
      'deadlineexceeded',
      'timed out',
      'gateway timeout',
      'gateway time-out',
      'no progress',
    ],
  ],
  [
    'interrupted',
    [
      'connection reset by peer',
      'forcibly closed',
      'unexpected eof',
      ': eof',
      'broken pipe',
      'stream error',
      'http2: ',
      'context canceled',
      'code = canceled',
    ],
  ],
  ['tls', ['x509: ', 'tls: ', 'ssl_error', 'ssl routines']],
  [
    'auth-wrong',
    [
      'incorrect username or password',
      'invalid username or password',
      'invalid username/password',
      'wrong login',
      'bad credentials',
      'token has expired',
      'cannot be authenticated',
      'token is expired',
      'expired token',
      'invalid token',
      'security token included in the request',
      'http basic: access denied',
      'authentication failed',
      'invalid_client',
      'failed to fetch oauth token*401',
    ],
  ],
  [
    'forbidden',
    [
      'permission * denied on resource',
      'permission_denied',
      'not have permission for',
      'failed to fetch oauth token*403',
    ],
  ],
  [
    'auth-missing',
    [
      'no basic auth credentials',
      'failed to fetch anonymous token',
      'unauthenticated request',
      'no user/password was provided',
    ],
  ],
  [
    'denied',
    [
      'insufficient_scope',
      'does not exist or may require',
      'does not exist or no pull access',
      'requested access to the resource is denied',
      'access to the requested resource is not authorized',
      'access to the resource is denied',
      'or it may not exist',
      'unauthorized to access repository',
      'pull access denied',
    ],
  ],
  ['registry', ['error parsing http']],
  [
    'repository',
    [
      'name unknown',
      'name_unknown',
      'repository name not known',
      'repo not found',
      'repository not found',
      'repository does not exist',
      'project not found',
      'repository * not found',
    ],
  ],
  [
    'tag',
    [
      'manifest unknown',
      'manifest_unknown',
      'tag unknown',
      'manifest for * not found',
      'manifest for * is not found',
      'tag * not found',
      'artifact * not found',
      'failed to resolve reference * not found',
      'failed to resolve image * not found',
      'code = notfound',
      '404 not found',
      'status code 404',
      'from registry 404',
      'image not found',
      'image * not found',
    ],
  ],
  [
    'registry',
    [
      'internal server error',
      'bad gateway',
      'service unavailable',
      'service temporarily unavailable',
      'unexpected http status',
      'bad request',
      'precondition failed',
      'registryunavailable',
      'registry is unavailable',
      'api error (500)',
      'from registry 5',
    ],
  ],
  [
    'secret-malformed',
    [
      'illegal base64 data',
      'invalid character * looking for',
      'invalid character * after',
      'invalid character * in ',
      'unexpected end of json input',
      'json: cannot unmarshal',
    ],
  ],
  // Words that many texts have, which decide only when nothing else does.
  ['forbidden', ['forbidden', ': denied', 'access denied']],
  [
    'auth-missing',
    ['unauthorized', 'authentication required', 'authorization failed', 'no credentials on this request'],
  ],
  ['node', ['failed to inspect image', 'imageinspecterror']],
  ['tag', [': not found']],
  ['back-off', ['back-off pulling image', 'imagepullbackoff', 'is in back-off']],
];

/** The cause that a text tells of, and the words that say so. */
export type FoundCause = Readonly<{ cause: FailureCause; words: string | undefined }>;

/** @param text - in lower case, without what may be called anything: images and addresses */
export function findCause(text: string): FoundCause {
  for (const [cause, patterns] of ROWS) {
    const words = patterns.find((one) => hasWords(text, one));
    if (words !== undefined) return { cause, words: words.replaceAll('*', '…').trim() };
  }
  return { cause: 'unknown', words: undefined };
}

/** Whether the parts between the stars stand in the text, one behind the other. */
function hasWords(text: string, words: string): boolean {
  let at = 0;
  return words.split('*').every((part) => {
    const found = text.indexOf(part, at);
    at = found + part.length;
    return found >= 0;
  });
}
