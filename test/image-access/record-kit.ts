import {
  createMemoryRecords,
  hashCredential,
  type ImagePullCredentials,
  type ImagePulledRecord,
  type RecordedSecret,
} from 'kubepull/image-access';
import { type EnsureImageResult, type ImageManagerOptions } from 'kubepull/image-manager';
import { nodeHasher } from 'kubepull/node';
import { createKeyring, type StaticKeyring } from 'kubepull/keyring';
import { createSecret, type CredentialSource, type DockerConfigEntry } from 'kubepull/docker-config';
import type { SecretLike } from 'kubepull/pull-secrets';
import { createKit, ensure, IMAGE, type Kit, REF, runtimeImage } from '../image-manager/fake-images.ts';

export const REPOSITORY = 'private.example/app';
export const SERVICE_ACCOUNT = { namespace: 'default', name: 'sa', uid: 'sa-uid' };

export const NOBODY: ImagePullCredentials = {
  kubernetesSecrets: [],
  kubernetesServiceAccounts: [],
  nodePodsAccessible: false,
};

export function entry(username: string, source: CredentialSource): DockerConfigEntry {
  const none = { identityToken: undefined, registryToken: undefined, email: undefined };
  return { pattern: 'private.example', source, credential: { username, password: createSecret('p'), ...none } };
}

/** A secret with the password `p`. */
export function secret(name: string, uid: string, username: string): SecretLike {
  const config = JSON.stringify({ auths: { 'private.example': { username, password: 'p' } } });
  return {
    metadata: { name, uid, namespace: 'default' },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': config },
  };
}

/** That secret, as it is recorded. */
export function recorded(name: string, uid: string, username: string): RecordedSecret {
  const { credential } = entry(username, { kind: 'inline' });
  return { namespace: 'default', name, uid, credentialHash: hashCredential(credential, nodeHasher) };
}

/** A record with an entry for one repository, or with none. */
export function record(
  credentials: Partial<ImagePullCredentials> | undefined,
  repository: string = REPOSITORY,
): ImagePulledRecord {
  const mapping = credentials === undefined ? [] : [[repository, { ...NOBODY, ...credentials }] as const];
  return { imageRef: REF, lastUpdatedAt: 5, credentialMapping: new Map(mapping) };
}

export const ONE = { kubernetesSecrets: [recorded('s', '1', 'u')] };

/** That one and as many others as are written down. */
export const FULL = {
  kubernetesSecrets: [
    ...ONE.kubernetesSecrets,
    ...Array.from({ length: 99 }, (_, at) => ({ ...recorded(`n${at}`, `${at}`, 'other'), namespace: 'zz' })),
  ],
};

/** What a plugin in token mode gives on behalf of a service account. */
export function tokenKeyring(serviceAccount: typeof SERVICE_ACCOUNT = SERVICE_ACCOUNT): StaticKeyring {
  return createKeyring([entry('t', { kind: 'plugin', provider: 'p', serviceAccount })]);
}

/** What is recorded of an image that is there, and what a pod offers. */
export interface Scene {
  readonly record?: ImagePulledRecord | 'unreadable';
  readonly intent?: boolean | 'unreadable';
  readonly secrets?: readonly SecretLike[];
  readonly keyring?: ImageManagerOptions['keyring'];
}

export function kitOf(scene: Scene, options: Partial<ImageManagerOptions> = {}): Kit {
  const state = scene.record === undefined || scene.record === 'unreadable' ? [] : [scene.record];
  const memory = createMemoryRecords({ records: state, intents: scene.intent === true ? [IMAGE] : [] });
  const broken = (): Promise<never> => Promise.reject(new Error('bad file'));
  const records = {
    ...memory,
    ...(scene.record === 'unreadable' && { readRecord: broken }),
    ...(scene.intent === 'unreadable' && { hasIntent: broken }),
  };
  const kit = createKit({ records, keyring: scene.keyring, ...options });
  kit.images.present.set(IMAGE, runtimeImage(IMAGE));
  return kit;
}

export function ask(kit: Kit, { secrets = [] }: Scene, policy = 'IfNotPresent'): Promise<EnsureImageResult> {
  return ensure(kit, policy, { pullSecrets: secrets });
}

/** What is recorded of the repository. */
export async function entryOf({ records }: Kit): Promise<ImagePullCredentials | undefined> {
  return (await records.readRecord(REF))?.credentialMapping.get(REPOSITORY);
}
