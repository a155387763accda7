import type { DockerConfigEntry, Secret } from '../docker-config/index.js';
import type { LocalObjectReferenceLike, MetadataLike } from '../kubernetes/index.js';

/**
 * The credential of one registry in a pull secret: user name and password, or both in an `auth` field. What a keyring or a
 * cloud gives, a `Credential`, is one as well.
 *
 * @public
 */
export type PullSecretEntry =
  | {
      readonly username: string;
      readonly password: string | Secret;
      /** Left out of the secret when empty. @defaultValue none */
      readonly email?: string | undefined;
    }
  | {
      /** Base64 of `username:password`. */
      readonly auth: string | Secret;
    };

/**
 * A Secret, as far as this library reads one. Objects of `@kubernetes/client-node`, parsed YAML and literals all fit.
 *
 * @public
 */
export interface SecretLike {
  /** Name, namespace, UID and annotations of the secret. */
  readonly metadata?: MetadataLike | undefined;
  /**
   * The type, such as `kubernetes.io/dockerconfigjson`; kubelet passes over other types than that and
   * `kubernetes.io/dockercfg`.
   */
  readonly type?: string | undefined;
  /** Values in base64, as the API has them. */
  readonly data?: Readonly<Record<string, string>> | undefined;
  /** Values as plain text, which override those in `data`. */
  readonly stringData?: Readonly<Record<string, string>> | undefined;
}

/**
 * A ServiceAccount, as far as this library reads one.
 *
 * @public
 */
export interface ServiceAccountLike {
  /** Name, namespace, UID and annotations of the service account. */
  readonly metadata?: MetadataLike | undefined;
  /** The pull secrets that a pod gets at its creation when it lists none itself. */
  readonly imagePullSecrets?: readonly LocalObjectReferenceLike[] | undefined;
}

/**
 * The pull secrets of a pod.
 *
 * @public
 */
export interface SelectedPullSecrets<S extends SecretLike = SecretLike> {
  /** In the order of the pod's list; one that is listed twice is here twice. */
  readonly found: readonly S[];
  /** Names that no secret of the pod's namespace has. */
  readonly missing: readonly string[];
  /** Kubelet's event about the pod when some are missing; the pull goes on without them. */
  readonly event: MissingSecretsEvent | undefined;
  /** When kubelet records that event: at every sync of the pod, or, since 1.37, only when a pull has failed. */
  readonly eventWhen: 'every-sync' | 'failed-pull';
}

/**
 * What kubelet records when it could not get some of a pod's pull secrets.
 *
 * @public
 */
export interface MissingSecretsEvent {
  /** The type of the Event. */
  readonly type: 'Warning';
  /** Kubelet's word for it, the `reason` of the Event. */
  readonly reason: 'FailedToRetrieveImagePullSecret';
  /** Kubelet's text, which names the missing secrets. */
  readonly message: string;
}

/**
 * A secret that gives no entries, and why: another `type`, no data `key` for its type, an `empty` value, or, in the
 * lenient mode, `malformed` content.
 *
 * @public
 */
export interface SkippedSecret {
  /** The name of the secret; empty when it has none. */
  readonly name: string;
  /** What is wrong: another `type`, no data `key` for its type, an `empty` value, or `malformed` content. */
  readonly reason: 'type' | 'key' | 'empty' | 'malformed';
  /** The key of the bad entry; `undefined` when the secret as a whole is meant. */
  readonly pattern: string | undefined;
  /** Go's text for malformed content. */
  readonly upstream: string | undefined;
}

/**
 * How pull secrets are merged.
 *
 * @public
 */
export interface MergePullSecretsOptions {
  /**
   * With `kubelet` one bad secret spoils all, as in kubelet; with `lenient` bad secrets and bad entries are skipped and
   * reported.
   *
   * @defaultValue `'kubelet'`
   */
  readonly mode?: 'kubelet' | 'lenient' | undefined;
  /** Entries of the node's docker config, which come behind those of the secrets. @defaultValue none */
  readonly nodeConfig?: Iterable<DockerConfigEntry> | undefined;
}

/**
 * The virtual `config.json` of a pod: what no file could hold, since keys may occur more than once.
 *
 * @public
 */
export interface MergedPullSecrets {
  /** In the order of the secrets, each with its source; then those of the node. */
  readonly entries: readonly DockerConfigEntry[];
  /** Secrets and entries that give nothing, with reasons; `malformed` ones in the lenient mode only. */
  readonly skipped: readonly SkippedSecret[];
}

/**
 * An entry that a plain docker config file cannot express: another one has its key (`duplicate-key`), or it is not
 * UTF-8 and its user name has a colon, so that neither way of writing it reads back (`unwritable`).
 *
 * @public
 */
export interface OmittedEntry {
  /** The entry that is left out. */
  readonly entry: DockerConfigEntry;
  /** Whether another entry has its key already, or no way of writing it reads back. */
  readonly reason: 'duplicate-key' | 'unwritable';
}

/**
 * A `config.json` made of entries, and what it leaves out.
 *
 * @public
 */
export interface DockerConfigDocument {
  /** The JSON text; `reveal()` gives it, since it holds every password. */
  readonly document: Secret;
  /** Entries that are left out, with reasons. */
  readonly omitted: readonly OmittedEntry[];
}

/**
 * What `kubectl create secret docker-registry` is told.
 *
 * @public
 */
export interface CreatePullSecretOptions {
  /** The name of the secret. */
  readonly name: string;
  /** The namespace of the secret. @defaultValue none: whoever applies the manifest chooses it */
  readonly namespace?: string | undefined;
  /**
   * Used as the key as it is.
   *
   * @defaultValue `'https://index.docker.io/v1/'`
   */
  readonly server?: string | undefined;
  /** The user name at the registry. */
  readonly username: string;
  /** The password at the registry, or a token that is used as one. */
  readonly password: string | Secret;
  /** Left out of the secret when empty. @defaultValue none */
  readonly email?: string | undefined;
}

/**
 * What a pull secret is made of, so that kubelet reads every entry.
 *
 * @public
 */
export interface PullSecretFromEntriesOptions {
  /** The name of the secret. */
  readonly name: string;
  /** The namespace of the secret. @defaultValue none: whoever applies the manifest chooses it */
  readonly namespace?: string | undefined;
  /** Credentials by the keys of their registries, such as `registry.example.com/team/` or `https://index.docker.io/v1/`. */
  readonly entries: Readonly<Record<string, PullSecretEntry>>;
  /**
   * When the first of the credentials ends, in milliseconds since 1970: the annotation {@link EXPIRES_AT_ANNOTATION}.
   *
   * @defaultValue no annotation
   */
  readonly expiresAt?: number | undefined;
  /** The labels of the secret. @defaultValue none */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The annotations of the secret, besides that of `expiresAt`. @defaultValue none */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * A Secret manifest with a docker config, ready for the API.
 *
 * @public
 */
export interface PullSecretManifest {
  /** The API version of a Secret. */
  readonly apiVersion: 'v1';
  /** The kind of a Secret. */
  readonly kind: 'Secret';
  /** Name, namespace, labels and annotations of the secret; what was not given is absent. */
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** The type of a pull secret with a docker config. */
  readonly type: 'kubernetes.io/dockerconfigjson';
  /** Holds the password: base64 hides nothing. */
  readonly data: { readonly '.dockerconfigjson': string };
}

/**
 * A fault that the API server finds in a secret.
 *
 * @public
 */
export interface SecretFieldError {
  /** The kind of fault, as the API server calls it. */
  readonly type: 'FieldValueInvalid' | 'FieldValueRequired' | 'FieldValueTooLong';
  /** The path of the field, such as `data[.dockerconfigjson]`. */
  readonly field: string;
  /** The API server's text, which begins with the field. */
  readonly message: string;
}

/**
 * What the API server says of a secret.
 *
 * @public
 */
export interface SecretValidation {
  /** Whether the API server accepts the secret. */
  readonly valid: boolean;
  /** Each fault that the API server finds; empty for a valid secret. */
  readonly errors: readonly SecretFieldError[];
  /** The whole message, as kubectl shows it; `undefined` for a valid secret. */
  readonly message: string | undefined;
}
