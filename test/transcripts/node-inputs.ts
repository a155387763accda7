import type { Clock } from 'kubepull/clock';
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { createSecret, type DockerConfigEntry, parseDockerConfigJson } from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import type { NodeKeyring, PullConfiguration } from 'kubepull/image-manager';
import { createKeyring, joinKeyrings } from 'kubepull/keyring';
import type { KubernetesRelease } from 'kubepull/kubernetes';
import type { SecretLike, ServiceAccountLike } from 'kubepull/pull-secrets';

/** What a transcript was taken from. */
export interface Source {
  /** Such as `1.36.2`. */
  readonly version: string;
  readonly apiServer?: string;
}

export function releaseOf({ version }: Source): KubernetesRelease {
  return version.split('.').slice(0, 2).join('.') as KubernetesRelease;
}

/** The node of a transcript. */
export interface NodeInputs {
  readonly kubeletConfiguration: PullConfiguration;
  /** `config.json` in kubelet's root directory. */
  readonly dockerConfigJson?: string;
  readonly credentialProviders?: readonly object[];
  /** What each plugin prints, or how it ends without having printed anything. */
  readonly pluginOutputs?: Readonly<Record<string, string | { readonly exitCode: number }>>;
}

/** A secret as a transcript has it, without its object's frame. */
export interface SecretInput {
  readonly name: string;
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

export interface ServiceAccountInput {
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}

export function secretOf({ name, ...rest }: SecretInput, namespace: string, uid: string): SecretLike {
  return { metadata: { name, namespace, uid }, ...rest };
}

/** A credential as the runtime was shown it. */
export interface ShownAuth {
  readonly username?: string;
  readonly password?: string;
}

/**
 * The same secret with its entries in another order: first those whose credentials come first in a list. Only entries whose
 * keys are the same after normalisation have an order of their own, which in kubelet is that of a Go map: another one at
 * each pull.
 */
export function inOrderOf(secret: SecretLike, auths: readonly ShownAuth[]): SecretLike {
  const [[key, value] = []] = Object.entries(secret.data ?? {});
  if (key === undefined || value === undefined || auths.length < 2) return secret;
  const document = parsed(value);
  const isFlat = key === '.dockercfg';
  const entries = isFlat ? document : document?.['auths'];
  if (!isObject(document) || !isObject(entries) || !Object.values(entries).every(isObject)) return secret;
  const sorted = Object.entries(entries).toSorted(([, a], [, b]) => rankOf(a, auths) - rankOf(b, auths));
  if (sorted.every(([name], index) => Object.keys(entries)[index] === name)) return secret;
  const changed = isFlat ? Object.fromEntries(sorted) : { ...document, auths: Object.fromEntries(sorted) };
  const data = { ...secret.data, [key]: Buffer.from(JSON.stringify(changed)).toString('base64') };
  return { ...secret, data };
}

type Fields = Readonly<Record<string, unknown>>;

/** What cannot be parsed has no entries. */
function parsed(base64: string): Fields | undefined {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString()) as Fields;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function rankOf(entry: unknown, auths: readonly ShownAuth[]): number {
  const { auth = '', username, password } = entry as Readonly<Record<string, string | undefined>>;
  const [, user = username, pass = password] = /^([^:]*):(.*)$/su.exec(Buffer.from(auth, 'base64').toString()) ?? [];
  const at = auths.findIndex((one) => one.username === user && one.password === pass);
  return at < 0 ? auths.length : at;
}

export function serviceAccountOf(
  input: ServiceAccountInput = { name: 'default' },
  namespace: string,
): ServiceAccountLike {
  const { name, annotations = {}, imagePullSecrets } = input;
  return { metadata: { name, namespace, annotations, uid: `uid-of-${name}` }, imagePullSecrets };
}

/** The node's keyring: its docker config, then its plugins on behalf of the pod. */
export function keyringOf(node: NodeInputs, account: ServiceAccountLike, clock: Clock): NodeKeyring {
  const files = createKeyring(entriesOf(node));
  const { credentialProviders: providers = [] } = node;
  if (providers.length === 0) return files;
  const config = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers };
  const plugins = createCredentialProviderKeyring(parseCredentialProviderConfig(config), {
    clock,
    exec: async ({ provider }) => outputOf(node, provider),
    serviceAccounts: {
      async get({ name }) {
        const { metadata } = account;
        if (metadata?.name !== name) throw new Error(`no service account ${name}`);
        return { uid: metadata.uid ?? '', annotations: metadata.annotations ?? {} };
      },
      createToken: async ({ pod }) => createSecret(`token-of-${pod.uid}`),
    },
  });
  return (pod) => joinKeyrings(files, plugins.forPod(pod));
}

/** A file that cannot be decoded is passed over, as kubelet does. */
function entriesOf({ dockerConfigJson }: NodeInputs): readonly DockerConfigEntry[] {
  try {
    const source = { kind: 'file', path: '/var/lib/kubelet/config.json' } as const;
    return dockerConfigJson === undefined ? [] : parseDockerConfigJson(dockerConfigJson, source);
  } catch (error) {
    if (isImageError(error)) return [];
    throw error;
  }
}

function outputOf({ pluginOutputs = {} }: NodeInputs, provider: string): Uint8Array {
  const output = pluginOutputs[provider];
  if (typeof output !== 'string') throw new Error(`exit status ${output?.exitCode ?? 1}`);
  return new TextEncoder().encode(output);
}
