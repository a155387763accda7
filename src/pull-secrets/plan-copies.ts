import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { ImageError } from '../errors/index.js';
import { encodeBase64, encodeUtf8, quote } from '../internal/index.js';
import { copyWith } from '../kubernetes/inner.js';
import { checkSecret, checkSecrets, namespaceOf, secretKeys, secretValue } from './secret-data.js';
import type { SecretLike } from './types.js';
import { EXPIRES_AT_ANNOTATION } from './update-pull-secret.js';
import { validateSecret } from './validate-secret.js';

const ACTION = 'Cannot plan copies of a secret';

/**
 * The annotation of a copy that names what it is a copy of, such as `team/creds`.
 *
 * @public
 */
export const COPIED_FROM_ANNOTATION = 'kubepull/copied-from';

/**
 * Where a secret is to be, and what is there.
 *
 * @public
 */
export interface PlanSecretCopiesOptions {
  /** The namespaces that are to have the secret; its own may be among them. */
  readonly namespaces: readonly string[];
  /** The secrets of those namespaces, as the API server has them. Those of another name are not looked at. */
  readonly existing: Iterable<SecretLike>;
  /**
   * Whether a secret of the same name that is no copy of this one is written over.
   *
   * @defaultValue `false`: it is left alone
   */
  readonly overwrite?: boolean | undefined;
}

/**
 * A secret to send to the API server.
 *
 * @public
 */
export interface SecretCopy {
  /** The API version of a Secret. */
  readonly apiVersion: 'v1';
  /** The kind of a Secret. */
  readonly kind: 'Secret';
  /** The name, labels and annotations of the source, the new namespace, and the note of where it comes from. */
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  /** The type of the source. */
  readonly type: string;
  /** Holds the password: base64 hides nothing. */
  readonly data: Readonly<Record<string, string>>;
}

/**
 * What is to be done in one namespace.
 *
 * A secret is left alone because it is the `source` itself, is `equal` already, `foreign`: no copy of this one, of `other-type`,
 * which cannot be changed, or `immutable`. The last two have to be deleted first.
 *
 * @public
 */
export type SecretCopyStep =
  | { readonly action: 'create'; readonly namespace: string; readonly secret: SecretCopy }
  | {
      readonly action: 'update';
      readonly namespace: string;
      /** The one that is there, with its metadata, and with the data and annotations of the source: fit for a PUT. */
      readonly secret: SecretLike;
    }
  | {
      readonly action: 'leave';
      readonly namespace: string;
      readonly reason: 'source' | 'equal' | 'foreign' | 'other-type' | 'immutable';
    };

/**
 * Plans how a pull secret comes to other namespaces: kubelet reads those of the pod's own namespace only. Nothing is sent; the
 * objects are for whatever client there is.
 *
 * A copy has the name, type, data, labels and annotations of the secret, and a note of where it comes from. By that note a copy is
 * known and brought up to date; a secret that somebody else put there stays. What is the server's own is not copied, nor is
 * what `kubectl apply` keeps, which has the data once more.
 *
 * @param secret - the secret to copy
 * @param options - the namespaces, and the secrets that are in them
 * @returns one step for each namespace, in the order given; run again after it, the plan leaves all alone
 * @throws {@link ImageError} `ERR_OPTION_INVALID`, also for a secret that the API server would refuse
 * @example
 * ```ts
 * import { createPullSecret, planSecretCopies } from 'kubepull/pull-secrets';
 *
 * const entries = { 'r.example': { username: 'ci', password: 's3cr3t' } };
 * const secret = createPullSecret({ name: 'creds', namespace: 'team', entries });
 * planSecretCopies(secret, { namespaces: ['shop', 'team'], existing: [] }).map(({ action }) => action); // ['create', 'leave']
 * ```
 * @public
 */
export function planSecretCopies(secret: SecretLike, options: PlanSecretCopiesOptions): readonly SecretCopyStep[] {
  checkSecret(ACTION, secret);
  check<PlanSecretCopiesOptions>(ACTION, options, {
    namespaces: is.listOf(is.filledText),
    existing: is.iterable,
    overwrite: is.optional(is.bool),
  });
  const { namespaces, existing, overwrite = false } = options;
  const { name } = secret.metadata ?? {};
  if (!name) throw new ImageError('ERR_OPTION_INVALID', `${ACTION}: it has no name`);
  const { message } = validateSecret(secret);
  if (message !== undefined) throw new ImageError('ERR_OPTION_INVALID', `${ACTION} ${quote(name)}: ${message}`);
  const there = new Map<string, SecretLike>();
  for (const one of checkSecrets(existing)) if (one.metadata?.name === name) there.set(namespaceOf(one.metadata), one);
  return [...new Set(namespaces)].map((namespace) => {
    if (namespace === namespaceOf(secret.metadata)) return { action: 'leave', namespace, reason: 'source' };
    const copy = copyOf(secret, name, namespace);
    const old = there.get(namespace);
    return old === undefined ? { action: 'create', namespace, secret: copy } : planUpdate(old, copy, overwrite);
  });
}

/** What the API server fills in, and what a client wrote of the whole object. */
const OWN_ANNOTATIONS = ['kubectl.kubernetes.io/last-applied-configuration'];

function copyOf(secret: SecretLike, name: string, namespace: string): SecretCopy {
  const { labels, annotations } = (secret.metadata ?? {}) as SecretCopy['metadata'];
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !OWN_ANNOTATIONS.includes(key));
  const source = `${namespaceOf(secret.metadata)}/${name}`;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      ...(labels ? { labels: { ...labels } } : {}),
      annotations: { ...Object.fromEntries(kept), [COPIED_FROM_ANNOTATION]: source },
    },
    type: typeOf(secret),
    data: valuesOf(secret),
  };
}

function planUpdate(old: SecretLike, copy: SecretCopy, overwrite: boolean): SecretCopyStep {
  const { namespace } = copy.metadata;
  // A time that the source does not have any more would be a lie.
  const { [EXPIRES_AT_ANNOTATION]: expiry, ...before } = old.metadata?.annotations ?? {};
  const isOurs = before[COPIED_FROM_ANNOTATION] === copy.metadata.annotations[COPIED_FROM_ANNOTATION];
  if (!isOurs && !overwrite) return { action: 'leave', namespace, reason: 'foreign' };
  if (typeOf(old) !== copy.type) return { action: 'leave', namespace, reason: 'other-type' };
  const labels = (old.metadata as Partial<SecretCopy['metadata']> | undefined)?.labels ?? {};
  const isEqual =
    expiry === copy.metadata.annotations[EXPIRES_AT_ANNOTATION] &&
    hasAll({ ...old.metadata?.annotations }, copy.metadata.annotations) &&
    hasAll(labels, copy.metadata.labels ?? {}) &&
    isSame(valuesOf(old), copy.data);
  if (isEqual) return { action: 'leave', namespace, reason: 'equal' };
  if ((old as { readonly immutable?: unknown }).immutable === true)
    return { action: 'leave', namespace, reason: 'immutable' };
  const metadata = copyWith(old.metadata ?? {}, {
    annotations: { ...before, ...copy.metadata.annotations },
    ...(copy.metadata.labels ? { labels: { ...labels, ...copy.metadata.labels } } : {}),
  });
  return { action: 'update', namespace, secret: copyWith(old, { metadata, data: copy.data, stringData: undefined }) };
}

/** The API server takes an absent type for this one. */
function typeOf({ type }: SecretLike): string {
  return type || 'Opaque';
}

/** Every value in base64, those of `stringData` as well. */
function valuesOf(secret: SecretLike): Readonly<Record<string, string>> {
  const pairs = secretKeys(secret).map((key) => {
    const value = secretValue(secret, key) ?? '';
    return [key, encodeBase64(typeof value === 'string' ? encodeUtf8(value) : value)] as const;
  });
  return Object.fromEntries(pairs);
}

type Texts = Readonly<Record<string, string>>;

function hasAll(all: Texts, some: Texts): boolean {
  return Object.entries(some).every(([key, value]) => Object.hasOwn(all, key) && all[key] === value);
}

function isSame(a: Texts, b: Texts): boolean {
  return Object.keys(a).length === Object.keys(b).length && hasAll(a, b);
}
