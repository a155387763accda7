import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { createCredential, encodeAuth } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { encodeBase64, encodeUtf8, quoteJson } from '../internal/index.js';
import { writeObject } from './docker-config-json.js';
import { entriesKind } from './entries.js';
import type { CreatePullSecretOptions, PullSecretFromEntriesOptions, PullSecretManifest } from './types.js';
import { applyPullSecretUpdate, timeKind } from './update-pull-secret.js';

/** Where kubectl logs in when no server is given: Docker Hub. */
const DEFAULT_SERVER = 'https://index.docker.io/v1/';
const ACTION = 'Cannot create pull secret';

/**
 * Makes a pull secret: of `entries`, so that kubelet reads every one of them, or of the flags of
 * `kubectl create secret docker-registry`, byte for byte as kubectl does.
 *
 * Of `entries`, what kubelet could not read or match with any image is refused, by the rules of the linters: a key with a
 * space or an unsupported wildcard, an `auth` that is no base64, a user name with a colon, a password that ends with a line
 * break. A token that ends soon has `expiresAt`, which becomes an annotation.
 *
 * Of kubectl's flags the server is used as it is, neither normalised nor checked, and a user name with a colon is written,
 * though kubelet reads it back as another pair.
 *
 * @param options - name and entries, or what kubectl takes as flags
 * @returns the manifest. It holds the passwords, so print it only to apply it
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an entry that kubelet would not use; with kubectl's text when name, user,
 * password or server is empty
 * @example
 * ```ts
 * import { createPullSecret } from 'kubepull/pull-secrets';
 *
 * const ci = { username: 'ci', password: 's3cr3t' };
 * createPullSecret({ name: 'creds', entries: { 'registry.example.com/team/': ci, '*.example.org': ci } });
 * createPullSecret({ name: 'creds', username: 'user', password: 'pass' }).type; // 'kubernetes.io/dockerconfigjson'
 * ```
 * @see CreateSecretDockerRegistryOptions in kubectl pkg/cmd/create/create_secret_docker.go
 * @public
 */
export function createPullSecret(options: CreatePullSecretOptions | PullSecretFromEntriesOptions): PullSecretManifest {
  check(ACTION, { options }, { options: is.object });
  return 'entries' in options ? fromEntries(options) : fromFlags(options);
}

function fromEntries(options: PullSecretFromEntriesOptions): PullSecretManifest {
  check<PullSecretFromEntriesOptions>(ACTION, options, {
    name: is.filledText,
    namespace: is.optional(is.text),
    entries: entriesKind,
    expiresAt: is.optional(timeKind),
    labels: is.optional(is.stringMap),
    annotations: is.optional(is.stringMap),
  });
  const { name, namespace, entries, expiresAt, labels, annotations } = options;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return applyPullSecretUpdate(manifestOf(metadata, ''), { set: entries, expiresAt }).secret;
}

function fromFlags(options: CreatePullSecretOptions): PullSecretManifest {
  check(ACTION, options, {
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
  return manifestOf(namespace === undefined ? { name } : { name, namespace }, `${quoteJson(server)}:${entry}`);
}

function manifestOf(metadata: PullSecretManifest['metadata'], members: string): PullSecretManifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': encodeBase64(encodeUtf8(`{"auths":{${members}}}`)) },
  };
}

function refuseOptions(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `${ACTION}: ${reason}`);
}
