import type { DockerConfigEntry } from '../docker-config/index.js';
import { InvalidConfigError, InvalidReferenceError } from '../errors/index.js';
import { createKeyring, joinKeyrings, type Keyring } from '../keyring/index.js';
import type { PodLike } from '../kubernetes/index.js';
import { findPods, type FoundPod, serviceAccountNameOf } from '../kubernetes/inner.js';
import { type ContainerPullPolicy, defaultPodPullPolicies } from '../pull-policy/index.js';
import {
  admitServiceAccount,
  mergePullSecrets,
  type SecretLike,
  selectPullSecrets,
  type ServiceAccountLike,
} from '../pull-secrets/index.js';
import { formatReference, type ImageReference, parseDockerReference } from '../reference/index.js';
import { decideImage, type ImageRules } from '../rules/index.js';
import { failureOf } from './causes.js';
import type { ImageUse, PreflightFailure, PreflightOptions } from './types.js';

/** What pods with the same pull secrets have to show. */
export interface Credentials {
  readonly keyring: Keyring;
  /** Secrets that are named and not there, as `namespace/name`. */
  readonly missing: readonly string[];
  /** A secret that cannot be decoded: kubelet then pulls nothing for the pod. */
  readonly failure: PreflightFailure | undefined;
}

/** An image of a pod, with what the pod has to show. */
export interface WantedImage {
  readonly image: string;
  /** `undefined` when the image is no reference. */
  readonly ref: ImageReference | undefined;
  /** The full name with the default tag. */
  readonly name: string | undefined;
  readonly failure: PreflightFailure | undefined;
  readonly credentials: Credentials;
  readonly use: ImageUse;
}

const NO_SECRETS: { readonly found: readonly SecretLike[]; readonly missing: readonly string[] } = {
  found: [],
  missing: [],
};

/** Finds every image of the objects, and what each pod has to show for it. */
export function gatherImages(
  objects: unknown,
  options: Pick<PreflightOptions, 'secrets' | 'serviceAccounts' | 'nodeConfig' | 'keyring' | 'rules'>,
): { readonly pods: number; readonly images: readonly WantedImage[] } {
  const secrets = [...(options.secrets ?? [])];
  const accounts = new Map(Array.from(options.serviceAccounts ?? [], (account) => [keyOf(account), account]));
  const credentialsOf = shareCredentials(options);
  const read = new Map<string, ReadImage>();
  const readOnce = (image: string): ReadImage => {
    const found = read.get(image) ?? readImage(image, options.rules);
    read.set(image, found);
    return found;
  };
  const pods = findPods(objects, 'Cannot check pulls');
  const images = pods.flatMap((found) => {
    const pod = admit(found.pod, accounts);
    const names = pod.spec?.imagePullSecrets ?? [];
    const { found: own, missing } = names.length === 0 ? NO_SECRETS : selectPullSecrets(pod, secrets);
    const namespace = namespaceOf(pod);
    const credentials = credentialsOf(
      own,
      missing.map((name) => `${namespace}/${name}`),
    );
    return defaultPodPullPolicies(pod).decisions.map((decision) => ({
      ...readOnce(decision.image),
      credentials,
      use: useOf(found, decision),
    }));
  });
  return { pods: pods.length, images };
}

/** A pod without a list gets that of its service account; where admission would refuse it, it is taken as it is. */
function admit(pod: PodLike, accounts: ReadonlyMap<string, ServiceAccountLike>): PodLike {
  const name = serviceAccountNameOf(pod.spec) || 'default';
  const account = accounts.get(`${namespaceOf(pod)}/${name}`);
  const admission = account === undefined ? undefined : admitServiceAccount(pod, account);
  return admission?.allowed === true ? admission.pod : pod;
}

function keyOf(account: ServiceAccountLike): string {
  return `${namespaceOf(account)}/${account.metadata?.name ?? ''}`;
}

function namespaceOf({ metadata }: Pick<PodLike, 'metadata'>): string {
  return metadata?.namespace || 'default';
}

/** One keyring for all pods with the same secrets in the same order: they are decoded once. */
function shareCredentials({
  nodeConfig = [],
  keyring,
}: Pick<PreflightOptions, 'nodeConfig' | 'keyring'>): (
  secrets: readonly SecretLike[],
  missing: readonly string[],
) => Credentials {
  const ofNode = keyring === undefined ? createKeyring(nodeConfig) : joinKeyrings(createKeyring(nodeConfig), keyring);
  const numbers = new Map<SecretLike, number>();
  const shared = new Map<string, Credentials>();
  const numberOf = (secret: SecretLike): number => {
    const number = numbers.get(secret) ?? numbers.size;
    numbers.set(secret, number);
    return number;
  };
  return (secrets, missing) => {
    const key = `${secrets.map(numberOf).join()} ${missing.join()}`;
    const found = shared.get(key) ?? { ...readSecrets(secrets, ofNode), missing };
    shared.set(key, found);
    return found;
  };
}

function readSecrets(secrets: readonly SecretLike[], ofNode: Keyring): Omit<Credentials, 'missing'> {
  let entries: readonly DockerConfigEntry[] = [];
  let failure: PreflightFailure | undefined;
  try {
    entries = mergePullSecrets(secrets).entries;
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    failure = failureOf('secret-malformed', error.message, error);
  }
  return { keyring: joinKeyrings(createKeyring(entries), ofNode), failure };
}

type ReadImage = Pick<WantedImage, 'image' | 'ref' | 'name' | 'failure'>;

export function readImage(image: string, rules?: ImageRules): ReadImage {
  try {
    const ref = parseDockerReference(image);
    const decision = rules === undefined ? undefined : decideImage(ref, rules);
    const failure = decision?.allowed === false ? failureOf('policy', `${ref.name}: ${decision.message}`) : undefined;
    return { image, ref, name: formatReference(ref), failure };
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    return { image, ref: undefined, name: undefined, failure: failureOf('name', error.message, error) };
  }
}

function useOf(
  { pod, kind: objectKind, at, specAt }: FoundPod,
  { container, kind, path, policy }: ContainerPullPolicy,
): ImageUse {
  const { name, generateName } = pod.metadata ?? {};
  const named = name || (generateName ? `${generateName}…` : 'without a name');
  const object = `${objectKind} ${namespaceOf(pod)}/${named}`;
  return { object, container, kind, policy, path: `${at === '' ? '' : `${at}.`}${specAt}${path.slice('spec'.length)}` };
}
