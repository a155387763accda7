import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import * as kinds from './kinds.js';

/**
 * Names one object of the API: what kubelet keeps of a service account, and of a secret besides its hash.
 *
 * @public
 */
export interface ObjectCoordinates {
  /** The UID of the object; empty when it is not known. */
  readonly uid: string;
  /** The namespace of the object. */
  readonly namespace: string;
  /** The name of the object. */
  readonly name: string;
}

/**
 * A pull secret with which an image was pulled, or which a pod offers.
 *
 * @public
 */
export interface RecordedSecret extends ObjectCoordinates {
  /** What `credentialHash` gives for the credential; empty when it could not be hashed. */
  readonly credentialHash: string;
}

/**
 * Who may use an image under one name, in the fields of kubelet's records.
 *
 * @public
 */
export interface ImagePullCredentials {
  /** Sorted by namespace, name and uid; no two with the same three. */
  readonly kubernetesSecrets: readonly RecordedSecret[];
  /** Sorted in the same way. */
  readonly kubernetesServiceAccounts: readonly ObjectCoordinates[];
  /** Whether every pod of the node may: it was pulled anonymously or with the node's own credentials. */
  readonly nodePodsAccessible: boolean;
}

/**
 * Kubelet's record of an image that it pulled.
 *
 * @public
 */
export interface ImagePulledRecord {
  /** The runtime's id of the image. */
  readonly imageRef: string;
  /** Epoch milliseconds; files have whole seconds. */
  readonly lastUpdatedAt: number;
  /** By the name that {@link toRecordedName} gives for an image. */
  readonly credentialMapping: ReadonlyMap<string, ImagePullCredentials>;
}

/**
 * How an image was got: what to record of a pull that succeeded. A secret or a service account is one object; anything
 * else (node files, plugins without token, no credential at all) opens the image to every pod of the node.
 *
 * @public
 */
export type PulledWith =
  | { readonly kind: 'secret'; readonly secret: RecordedSecret }
  | { readonly kind: 'service-account'; readonly serviceAccount: ObjectCoordinates }
  | { readonly kind: 'node' };

/**
 * What to record for the one credential with which a pull succeeded.
 *
 * @param pulledWith - the credential's origin
 * @returns the entry to merge with {@link recordPull}
 * @example
 * ```ts
 * import { toPullCredentials } from 'kubepull/image-access';
 *
 * toPullCredentials({ kind: 'node' }).nodePodsAccessible; // true
 * ```
 * @see trackedToImagePullCreds in kubernetes pkg/kubelet/images/image_manager.go, v1.35
 * @public
 */
export function toPullCredentials(pulledWith: PulledWith): ImagePullCredentials {
  check(
    'Cannot record a pull',
    { pulledWith },
    { pulledWith: is.shape({ kind: is.oneOf('secret', 'service-account', 'node') }) },
  );
  if (pulledWith.kind === 'secret')
    check('Cannot record a pull', pulledWith, { kind: is.text, secret: kinds.recordedSecret });
  if (pulledWith.kind === 'service-account')
    check('Cannot record a pull', pulledWith, { kind: is.text, serviceAccount: kinds.coordinates });
  return {
    kubernetesSecrets: pulledWith.kind === 'secret' ? [pulledWith.secret] : [],
    kubernetesServiceAccounts: pulledWith.kind === 'service-account' ? [pulledWith.serviceAccount] : [],
    nodePodsAccessible: pulledWith.kind === 'node',
  };
}

/**
 * Adds credentials to the record of an image: after a pull, or when a pod's secret turned out to be as good.
 *
 * What every pod may use stays so for ever. An entry that becomes open to every pod loses its lists. Secrets and service
 * accounts are united; of two secrets with the same coordinates the new hash wins. Empty credentials change nothing,
 * but make a record where there is none: one without entries, which asks for credentials from everybody.
 *
 * @param record - the record so far, `undefined` for none
 * @param added - whose credentials, for which image: `name` is what {@link toRecordedName} gives for it
 * @returns the record after it: the same value when nothing changed, so compare with `===`
 * @example
 * ```ts
 * import { toRecordedName, recordPull, toPullCredentials } from 'kubepull/image-access';
 *
 * const credentials = toPullCredentials({ kind: 'node' });
 * recordPull(undefined, { imageRef: 'sha256:…', name: toRecordedName('nginx:1'), credentials, at: Date.now() });
 * ```
 * @see pulledRecordMergeNewCreds in kubernetes pkg/kubelet/images/pullmanager/image_pull_manager.go, v1.35
 * @public
 */
export function recordPull(
  record: ImagePulledRecord | undefined,
  added: {
    readonly imageRef: string;
    readonly name: string;
    readonly credentials: ImagePullCredentials;
    /** Epoch milliseconds. */
    readonly at: number;
  },
): ImagePulledRecord {
  check('Cannot record a pull', { record }, { record: is.optional(kinds.pulledRecord) });
  check('Cannot record a pull', added, {
    imageRef: is.text,
    name: is.text,
    credentials: kinds.pullCredentials,
    at: is.finite,
  });
  const { imageRef, name, credentials, at } = added;
  const base = record ?? { imageRef, lastUpdatedAt: at, credentialMapping: new Map() };
  const old = base.credentialMapping.get(name);
  const merged = mergePullCredentials(old, credentials);
  if (merged === undefined || merged === old) return base;
  return { ...base, lastUpdatedAt: at, credentialMapping: new Map(base.credentialMapping).set(name, merged) };
}

/**
 * Merges the credentials of one name: the rule of {@link recordPull} for a single entry.
 *
 * @param old - the entry so far, `undefined` for none
 * @param added - what comes to it
 * @returns the entry after it: `old` itself when nothing changed
 * @example
 * ```ts
 * import { mergePullCredentials, toPullCredentials } from 'kubepull/image-access';
 *
 * mergePullCredentials(undefined, toPullCredentials({ kind: 'node' }))?.nodePodsAccessible; // true
 * ```
 * @see pulledRecordMergeNewCreds in kubernetes pkg/kubelet/images/pullmanager/image_pull_manager.go, v1.35
 * @public
 */
export function mergePullCredentials(
  old: ImagePullCredentials | undefined,
  added: ImagePullCredentials,
): ImagePullCredentials | undefined {
  const known = is.optional(kinds.pullCredentials);
  check('Cannot merge credentials', { old, added }, { old: known, added: kinds.pullCredentials });
  const { kubernetesSecrets: secrets, kubernetesServiceAccounts: accounts, nodePodsAccessible } = added;
  if (!nodePodsAccessible && secrets.length === 0 && accounts.length === 0) return old;
  if (old?.nodePodsAccessible === true) return old;
  if (nodePodsAccessible) return { kubernetesSecrets: [], kubernetesServiceAccounts: [], nodePodsAccessible };
  const merged = {
    kubernetesSecrets: unite(old?.kubernetesSecrets ?? [], secrets),
    kubernetesServiceAccounts: unite(old?.kubernetesServiceAccounts ?? [], accounts),
    nodePodsAccessible,
  };
  return old !== undefined && isSame(old, merged) ? old : merged;
}

function unite<T extends ObjectCoordinates>(old: readonly T[], added: readonly T[]): readonly T[] {
  const byCoordinates = new Map([...old, ...added].map((item) => [coordinatesKey(item), item]));
  return [...byCoordinates.values()].toSorted(compareCoordinates);
}

function coordinatesKey({ uid, namespace, name }: ObjectCoordinates): string {
  return JSON.stringify([namespace, name, uid]);
}

function compareCoordinates(a: ObjectCoordinates, b: ObjectCoordinates): number {
  return compare(a.namespace, b.namespace) || compare(a.name, b.name) || compare(a.uid, b.uid);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function sameCoordinates(a: ObjectCoordinates, b: ObjectCoordinates): boolean {
  return a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;
}

/** Whether two entries say the same, in whatever order. */
function isSame(a: ImagePullCredentials, b: ImagePullCredentials): boolean {
  return credentialsJson(a) === credentialsJson(b);
}

function credentialsJson(value: ImagePullCredentials): string {
  const secrets = unite(value.kubernetesSecrets, []).map((s) => [coordinatesKey(s), s.credentialHash]);
  const accounts = unite(value.kubernetesServiceAccounts, []).map(coordinatesKey);
  return JSON.stringify([secrets, accounts, value.nodePodsAccessible]);
}

/**
 * Keeps what kubelet remembers of its pulls: an intent for each image string while it is pulled, and a record for each
 * image that was.
 *
 * It only reads and writes: what is written, and when, the manager decides. It never has two calls for one image string,
 * or for one `imageRef`, under way at the same time. A call that fails rejects; its error's `message` goes into kubelet's
 * texts.
 *
 * @see PullRecordsAccessor in kubernetes pkg/kubelet/images/pullmanager/interfaces.go, v1.35
 * @public
 */
export interface PulledRecords {
  /** Writes that an image string is about to be pulled; a success when that stands there already. */
  writeIntent(image: string): Promise<void>;
  /** Whether the image string has an intent: its pull is under way, or was interrupted. */
  hasIntent(image: string): Promise<boolean>;
  /** Takes an intent away; a success when there is none. */
  deleteIntent(image: string): Promise<void>;
  /** The image strings of all intents, in any order. */
  listIntents(): Promise<readonly string[]>;
  /** The record of an image id; rejects when there is one that cannot be read or decoded. */
  readRecord(imageRef: string): Promise<ImagePulledRecord | undefined>;
  /** Writes the record of `record.imageRef`, in place of the one before. */
  writeRecord(record: ImagePulledRecord): Promise<void>;
  /** Takes a record away; a success when there is none. */
  deleteRecord(imageRef: string): Promise<void>;
  /** All records that can be read, in any order. */
  listRecords(): Promise<readonly ImagePulledRecord[]>;
}
