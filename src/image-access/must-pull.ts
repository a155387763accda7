import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import * as kinds from './kinds.js';
import { comparedName, type NameResult, tryRecordedName } from './access-name.js';
import {
  type ImagePullCredentials,
  type ImagePulledRecord,
  type ObjectCoordinates,
  type RecordedSecret,
  sameCoordinates,
  toPullCredentials,
} from './records.js';
import { isVerified, type VerificationOptions } from './verification.js';

/**
 * So many secrets are remembered for an image and a name; more are accepted where they match, but not written down.
 *
 * @public
 */
export const MAX_RECORDED_SECRETS = 100;

/**
 * The credentials that a pod has for an image: those that come from secrets, and from its service account. Credentials
 * of the node are left out, because every pod has them.
 *
 * @public
 */
export interface PodPullCredentials {
  /** The pull secrets that have a credential for the image, in the order of trying. */
  readonly secrets: readonly RecordedSecret[];
  /** The service account for which a plugin gave a credential; `undefined` when none did. */
  readonly serviceAccount: ObjectCoordinates | undefined;
}

/**
 * What is known of an image that is on the node, when a pod wants to use it.
 *
 * @public
 */
export interface MustPullQuestion extends VerificationOptions {
  /** The pod's image string. */
  readonly image: string;
  /** The runtime's id of the image; empty when it does not know it. */
  readonly imageRef: string;
  /** Kubelet's record for that id: `undefined` when there is none, `'unreadable'` when it cannot be read or decoded. */
  readonly record: ImagePulledRecord | 'unreadable' | undefined;
  /** Whether a pull of this image string is under way or was interrupted. Not looked at when there is a record. */
  readonly intent?: boolean | 'unreadable' | undefined;
  /** The pod's credentials. Leave them out to learn first whether they are needed at all. */
  readonly credentials?: PodPullCredentials | undefined;
}

/**
 * Whether a pod may use an image that is on the node, or must pull it with its own credentials.
 *
 * @public
 */
export interface MustPullDecision {
  /** `undefined` when it depends on the pod's credentials and they were left out. */
  readonly mustPull: boolean | undefined;
  /** The reason for that, as a code. */
  readonly reason:
    | 'no-image-ref'
    | 'record-unreadable'
    | 'not-required'
    | 'no-record'
    | 'invalid-image'
    | 'other-name'
    | 'node-accessible'
    | 'nothing-recorded'
    | 'credentials-needed'
    | 'same-credential'
    | 'same-secret'
    | 'same-service-account'
    | 'no-match';
  /** What to add to the record with `recordPull`, when the pod's secret turned out to be as good as a recorded one. */
  readonly record: ImagePullCredentials | undefined;
}

/**
 * Decides whether a pod must pull an image although the node has it, because it has not shown that it may use it.
 *
 * It is asked for `IfNotPresent` and `Never` only, and only while kubelet verifies credentials. What cannot be read asks
 * for a pull. A secret whose content was rotated is accepted by its coordinates, although the documentation says that
 * the image is pulled again.
 *
 * @param question - the image, kubelet's record of it, its configuration, and the pod's credentials
 * @returns the decision and its reason
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a verification policy that does not exist
 * @example
 * ```ts
 * import { decideMustPull } from 'kubepull/image-access';
 *
 * decideMustPull({ image: 'app:1', imageRef: 'sha256:…', record: undefined }).reason; // 'not-required': preloaded
 * ```
 * @see PullManager.MustAttemptImagePull in kubernetes pkg/kubelet/images/pullmanager/image_pull_manager.go, v1.35
 * @public
 */
export function decideMustPull(question: MustPullQuestion): MustPullDecision {
  check<MustPullQuestion>('Cannot decide about a pull', question, {
    image: is.text,
    imageRef: is.text,
    record: is.optional(is.either(kinds.pulledRecord, is.oneOf('unreadable'))),
    intent: is.optional(is.either(is.bool, is.oneOf('unreadable'))),
    credentials: is.optional(kinds.podCredentials),
    ...kinds.verification,
  });
  let name: NameResult | undefined;
  return decideNamed(question, () => (name ??= tryRecordedName(question.image, question)));
}

/** The same; the name under which the image is recorded is asked for only if there is need. */
export function decideNamed(question: MustPullQuestion, nameOf: () => NameResult): MustPullDecision {
  const { image, imageRef, record, intent } = question;
  if (imageRef === '') return pull('no-image-ref');
  if (record === 'unreadable' || (record === undefined && intent === 'unreadable')) return pull('record-unreadable');
  const pulledByKubelet = record !== undefined || intent === true;
  const compared = (): string => comparedName(image, nameOf, question);
  if (!isVerified(pulledByKubelet, question, compared)) return use('not-required');
  if (record === undefined) return pull('no-record');
  const name = nameOf();
  if (!name.ok) return pull('invalid-image');
  const recorded = record.credentialMapping.get(name.value);
  return recorded === undefined ? pull('other-name') : compare(recorded, question.credentials);
}

function compare(recorded: ImagePullCredentials, offered: PodPullCredentials | undefined): MustPullDecision {
  const { kubernetesSecrets: secrets, kubernetesServiceAccounts: accounts } = recorded;
  if (recorded.nodePodsAccessible) return use('node-accessible');
  if (secrets.length === 0 && accounts.length === 0) return pull('nothing-recorded');
  if (offered === undefined) return { mustPull: undefined, reason: 'credentials-needed', record: undefined };
  const account = offered.serviceAccount;
  return (
    acceptSecret(offered.secrets, secrets) ??
    (account !== undefined && accounts.some((other) => sameCoordinates(account, other))
      ? use('same-service-account')
      : pull('no-match'))
  );
}

function acceptSecret(
  offered: readonly RecordedSecret[],
  recorded: readonly RecordedSecret[],
): MustPullDecision | undefined {
  const hasRoom = recorded.length < MAX_RECORDED_SECRETS;
  for (const secret of offered) {
    for (const known of recorded) {
      const isSecret = sameCoordinates(secret, known);
      const entry = hasRoom ? toPullCredentials({ kind: 'secret', secret }) : undefined;
      if (known.credentialHash !== '' && secret.credentialHash === known.credentialHash) {
        return use('same-credential', isSecret ? undefined : entry);
      }
      if (isSecret && hasRoom) return use('same-secret', entry);
    }
  }
  return undefined;
}

function use(reason: MustPullDecision['reason'], record?: ImagePullCredentials): MustPullDecision {
  return { mustPull: false, reason, record };
}

function pull(reason: MustPullDecision['reason']): MustPullDecision {
  return { mustPull: true, reason, record: undefined };
}
