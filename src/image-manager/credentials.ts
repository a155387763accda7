import { type CallOptions, systemClock } from '../clock/index.js';
import type { CredentialProviderKeyring, PodIdentity } from '../credential-provider/index.js';
import type { DockerConfigEntry } from '../docker-config/index.js';
import { createKeyring, type CredentialCandidate, type Keyring, joinKeyrings } from '../keyring/index.js';
import { mergePullSecrets, type SecretLike } from '../pull-secrets/index.js';
import type { ImageReference } from '../reference/index.js';
import { type LookupTrace, runTraced, type Tracing } from '../tracing/index.js';

/**
 * The node's own credentials: a keyring, or a function that gives one on behalf of a pod. One that has a `forPod` of its
 * own, such as that of `openNodeKeyring` or of the plugins, is asked by it.
 *
 * @public
 */
export type NodeKeyring = Keyring | CredentialProviderKeyring | ((pod: PodIdentity) => Keyring);

/** What a pod has for an image: looked up when it is needed for the first time, and then kept. */
export type LazyCredentials = () => Promise<readonly CredentialCandidate[]>;

interface LookUpOptions extends CallOptions {
  readonly keyring: NodeKeyring | undefined;
  readonly pod: PodIdentity;
  readonly tracing: Tracing | undefined;
}

export function lazyCredentials(
  image: ImageReference,
  pullSecrets: Iterable<SecretLike>,
  options: LookUpOptions,
): LazyCredentials {
  let found: Promise<readonly CredentialCandidate[]> | undefined;
  return () => (found ??= lookUp(image, pullSecrets, options));
}

async function lookUp(
  name: ImageReference,
  pullSecrets: Iterable<SecretLike>,
  { keyring, pod, tracing, signal }: LookUpOptions,
): Promise<readonly CredentialCandidate[]> {
  const ofSecrets = createKeyring(await readSecrets(pullSecrets));
  const ofNode = keyringOf(keyring, pod);
  const union = ofNode === undefined ? ofSecrets : joinKeyrings(ofSecrets, ofNode);
  const trace: LookupTrace = { image: name.name, candidates: undefined };
  return runTraced(tracing, 'lookup', trace, async () => {
    const { candidates } = await union.lookup(name, { signal });
    trace.candidates = candidates.length;
    return candidates;
  });
}

/** Reads the secrets one by one. A secret may be large: whoever else has something to do gets a turn in between. */
async function readSecrets(pullSecrets: Iterable<SecretLike>): Promise<readonly DockerConfigEntry[]> {
  const entries: DockerConfigEntry[] = [];
  let read = 0;
  for (const secret of pullSecrets) {
    // A turn of the platform's loop, whatever clock the manager goes by.
    if (read >= SLICE) await systemClock.sleep(0);
    for (const entry of mergePullSecrets([secret]).entries) entries.push(entry);
    read = (read >= SLICE ? 0 : read) + sizeOf(secret);
  }
  return entries;
}

/** Characters that are read at once, unless one secret has more. */
const SLICE = 262_144;

function sizeOf({ data, stringData }: SecretLike): number {
  const values: readonly unknown[] = [...Object.values(data ?? {}), ...Object.values(stringData ?? {})];
  return values.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 0), 0);
}

/** A plugin that is not told of the pod gives what counts as the node's, and every pod could use it. */
function keyringOf(keyring: NodeKeyring | undefined, pod: PodIdentity): Keyring | undefined {
  if (typeof keyring === 'function') return keyring(pod);
  return keyring !== undefined && 'forPod' in keyring ? keyring.forPod(pod) : keyring;
}
