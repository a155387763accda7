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
  /** The name of the secret, and more. */
  readonly metadata?: MetadataLike | undefined;
  /** The type of the secret. */
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
  /** The name of the service account, and more. */
  readonly metadata?: MetadataLike | undefined;
  /** The pull secrets that its pods get. */
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
  /** Always a warning. */
  readonly type: 'Warning';
  /** Kubelet's reason. */
  readonly reason: 'FailedToRetrieveImagePullSecret';
  /** Kubelet's message, which names the secrets. */
  readonly message: string;
}

/**
 * A secret that gives no entries, and why: another `type`, no data `key` for its type, an `empty` value, or, in the
 * lenient mode, `malformed` content.
 *
 * @public
 */
export interface SkippedSecret {
  /** The name of the secret. */
  readonly name: string;
  /** What is wrong: its type, no key for that type, no content, or content that cannot be read. */
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
  /** Secrets and entries that could not be used, and why. */
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
  /** Whether another entry has its key, or it cannot be written as JSON that kubelet reads. */
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
  /** Entries that are left out, and why. */
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
  /** Its namespace. @defaultValue none, which is for whoever applies it to say */
  readonly namespace?: string | undefined;
  /**
   * Used as the key as it is.
   *
   * @defaultValue `'https://index.docker.io/v1/'`
   */
  readonly server?: string | undefined;
  /** The user name. */
  readonly username: string;
  /** The password or token. */
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
  /** Its namespace. @defaultValue none, which is for whoever applies it to say */
  readonly namespace?: string | undefined;
  /** Credentials by the keys of their registries, such as `registry.example.com/team/` or `https://index.docker.io/v1/`. */
  readonly entries: Readonly<Record<string, PullSecretEntry>>;
  /**
   * When the first of the credentials ends, in milliseconds since 1970: the annotation {@link EXPIRES_AT_ANNOTATION}.
   *
   * @defaultValue no annotation
   */
  readonly expiresAt?: number | undefined;
  /** Its labels. @defaultValue none */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Its annotations. @defaultValue none */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * A Secret manifest with a docker config, ready for the API.
 *
 * @public
 */
export interface PullSecretManifest {
  /** The version of a secret. */
  readonly apiVersion: 'v1';
  /** Always a secret. */
  readonly kind: 'Secret';
  /** Its name, namespace, labels and annotations. */
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** The type of a pull secret. */
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
  /** What is wrong, in the words of the API server. */
  readonly type: 'FieldValueInvalid' | 'FieldValueRequired' | 'FieldValueTooLong';
  /** The path of the field. */
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
  /** Whether the API server takes the secret. */
  readonly valid: boolean;
  /** What is wrong with it. */
  readonly errors: readonly SecretFieldError[];
  /** The whole message, as kubectl shows it; `undefined` for a valid secret. */
  readonly message: string | undefined;
}
