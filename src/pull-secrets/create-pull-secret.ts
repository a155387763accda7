import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { createCredential, encodeAuth } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { encodeBase64, encodeUtf8, quoteJson } from '../internal/index.js';
import { writeObject } from './docker-config-json.js';
import type { CreatePullSecretOptions, PullSecretManifest } from './types.js';

/** Where kubectl logs in when no server is given: Docker Hub. */
const DEFAULT_SERVER = 'https://index.docker.io/v1/';

/**
 * Makes the secret that `kubectl create secret docker-registry` makes; its data is the same byte for byte.
 *
 * The server is used as it is, neither normalised nor checked. A user name with a colon is written, but kubelet reads it
 * back as another pair.
 *
 * @param options - what kubectl takes as flags
 * @returns the manifest. It holds the password, so print it only to apply it
 * @throws {@link ImageError} `ERR_OPTION_INVALID` with kubectl's text when name, user, password or server is empty
 * @example
 * ```ts
 * import { createPullSecret } from 'kubepull/pull-secrets';
 *
 * const secret = createPullSecret({ name: 'creds', username: 'user', password: 'pass' });
 * secret.type; // 'kubernetes.io/dockerconfigjson'
 * ```
 * @see CreateSecretDockerRegistryOptions in kubectl pkg/cmd/create/create_secret_docker.go
 * @public
 */
export function createPullSecret(options: CreatePullSecretOptions): PullSecretManifest {
  check('Cannot create pull secret', options, {
    name: is.text,
    namespace: is.optional(is.text),
    server: is.optional(is.text),
    username: is.text,
    password: is.optional(is.either(is.text, is.secret)),
    email: is.optional(is.text),
  });
  const { name, namespace, server = DEFAULT_SERVER, username, email } = options;
  const password = createCredential(options).password.reveal();
  if (!name) throw refuseOptions('name must be specified');
  if (!username || !password || !server) {
    throw refuseOptions(
      'either --from-file or the combination of --docker-username, --docker-password and --docker-server is required',
    );
  }
  const entry = writeObject([
    ['username', username],
    ['password', password],
    ['email', email],
    ['auth', encodeAuth(username, password)],
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: namespace === undefined ? { name } : { name, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': encodeBase64(encodeUtf8(`{"auths":{${quoteJson(server)}:${entry}}}`)) },
  };
}

function refuseOptions(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot create pull secret: ${reason}`);
}
