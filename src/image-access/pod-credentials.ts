import type { CreateHasher } from '../digest/index.js';
import type { CredentialCandidate } from '../keyring/index.js';
import { hashCredential } from './credential-hash.js';
import type { PodPullCredentials } from './must-pull.js';
import {
  type ImagePullCredentials,
  type ObjectCoordinates,
  type RecordedSecret,
  toPullCredentials,
} from './records.js';

/** What can be compared with the records: credentials of the node have no owner there, because every pod has them. */
export function podCredentials(
  candidates: readonly CredentialCandidate[],
  createHasher: CreateHasher,
): PodPullCredentials {
  const owners = candidates.map((candidate) => ownerOf(candidate, createHasher));
  return {
    secrets: owners.flatMap(({ secret }) => secret ?? []),
    serviceAccount: owners.find(({ serviceAccount }) => serviceAccount !== undefined)?.serviceAccount,
  };
}

/** What to record of the credential with which a pull succeeded; an anonymous pull counts as the node's. */
export function recordedCredentials(
  used: CredentialCandidate | undefined,
  createHasher: CreateHasher,
): ImagePullCredentials {
  const { secret, serviceAccount } = used === undefined ? NOBODY : ownerOf(used, createHasher);
  if (secret !== undefined) return toPullCredentials({ kind: 'secret', secret });
  if (serviceAccount !== undefined) return toPullCredentials({ kind: 'service-account', serviceAccount });
  return toPullCredentials({ kind: 'node' });
}

interface Owner {
  readonly secret: RecordedSecret | undefined;
  readonly serviceAccount: ObjectCoordinates | undefined;
}

const NOBODY: Owner = { secret: undefined, serviceAccount: undefined };

function ownerOf({ entry: { source, credential } }: CredentialCandidate, createHasher: CreateHasher): Owner {
  if (source.kind === 'plugin' && source.serviceAccount !== undefined) {
    const { namespace, name, uid } = source.serviceAccount;
    return { secret: undefined, serviceAccount: { namespace, name, uid } };
  }
  if (source.kind !== 'secret') return NOBODY;
  const { namespace, name, uid = '' } = source;
  const secret = { uid, namespace, name, credentialHash: hashCredential(credential, createHasher) };
  return { secret, serviceAccount: undefined };
}
