import type { CallOptions } from '../clock/index.js';
import type { Secret } from '../docker-config/index.js';
import { quote } from '../internal/index.js';
import type { PodIdentity, ServiceAccountAccess, TokenAttributes } from './types.js';

/** On whose behalf a plugin is asked. */
export interface ServiceAccountIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Those that the configuration names. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly token: Secret;
}

/** A plugin that is not asked for this pod, and why; that is no failure. */
export interface NotAsked {
  readonly notAsked: string;
}

/**
 * Finds out on whose behalf to ask: nobody's, a service account's, or that the plugin is not to be asked at all.
 *
 * The token is requested before the cache is looked at, as kubelet does it.
 */
export async function findServiceAccount(
  attributes: TokenAttributes | undefined,
  pod: PodIdentity | undefined,
  access: ServiceAccountAccess | undefined,
  options: CallOptions,
): Promise<ServiceAccountIdentity | NotAsked | undefined> {
  if (attributes === undefined) return undefined;
  if (pod === undefined || pod.serviceAccountName === '')
    return attributes.requireServiceAccount ? { notAsked: 'the pod has no service account' } : undefined;
  if (access === undefined) return { notAsked: 'service accounts cannot be read here' };
  const { namespace, serviceAccountName: name } = pod;
  const account = await access.get({ namespace, name }, options);
  const annotations = pickAnnotations(account.annotations, attributes);
  if (typeof annotations === 'string')
    return { notAsked: `the service account has no annotation ${quote(annotations)}` };
  const token = await access.createToken(
    {
      namespace,
      serviceAccountName: name,
      serviceAccountUid: account.uid,
      audience: attributes.serviceAccountTokenAudience,
      pod: { name: pod.name, uid: pod.uid },
    },
    options,
  );
  return { namespace, name, uid: account.uid, annotations, token };
}

/** The annotations that the plugin gets, or the key of one that must be there and is not. */
function pickAnnotations(
  all: Readonly<Record<string, string>>,
  attributes: TokenAttributes,
): Readonly<Record<string, string>> | string {
  const { requiredServiceAccountAnnotationKeys: required, optionalServiceAccountAnnotationKeys: optional } = attributes;
  const missing = required.find((key) => !Object.hasOwn(all, key));
  if (missing !== undefined) return missing;
  const wanted = [...required, ...optional].filter((key) => Object.hasOwn(all, key));
  return Object.fromEntries(wanted.map((key) => [key, all[key] ?? '']));
}
