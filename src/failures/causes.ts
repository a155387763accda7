/**
 * What may be the cause of a failed pull.
 *
 * @public
 */
export type FailureCause =
  | 'name'
  | 'repository'
  | 'tag'
  | 'platform'
  | 'format'
  | 'auth-missing'
  | 'auth-wrong'
  | 'denied'
  | 'forbidden'
  | 'rate-limit'
  | 'quota'
  | 'policy'
  | 'signature'
  | 'tls-authority'
  | 'tls-name'
  | 'tls-expired'
  | 'tls'
  | 'plain-http'
  | 'proxy'
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'interrupted'
  | 'registry'
  | 'content'
  | 'disk'
  | 'node'
  | 'secret-missing'
  | 'secret-malformed'
  | 'never'
  | 'throttled'
  | 'back-off'
  | 'unknown';

/**
 * A cause, in general.
 *
 * @public
 */
export interface FailureRule {
  /** The cause, as a code. */
  readonly cause: FailureCause;
  /** What has happened. */
  readonly title: string;
  /** What to do about it. */
  readonly cure: string;
}

const RULES: Readonly<Record<FailureCause, Omit<FailureRule, 'cause'>>> = {
  'secret-missing': {
    title: 'A pull secret that the pod names cannot be read',
    cure: 'Create the secret in the namespace of the pod, or correct its name in imagePullSecrets; the pull goes on without it',
  },
  name: {
    title: 'The image is no reference that the node can read, and nothing was asked',
    cure: 'Write registry/repository:tag in lower case, with the registry and without a scheme',
  },
  never: {
    title: 'The policy is Never, and the image is not on the node or may not be used by this pod',
    cure: 'Bring the image to the node, or use the policy IfNotPresent',
  },
  signature: {
    title: 'The signature of the image is missing or not accepted',
    cure: 'Sign the image with the key that the policy names, or correct the policy for signatures on the node or the registry',
  },
  policy: {
    title: 'A rule of the node or of the registry refuses this image or this client',
    cure: 'Ask who keeps the rule: policy.json and registries.conf on the node, scan and network rules of the registry',
  },
  throttled: {
    title: 'Kubelet starts no more pulls at this moment',
    cure: 'Wait: it tries again by itself; raise registryPullQPS and registryBurst of the kubelet if it happens often',
  },
  disk: {
    title: 'The disk of the node is full or cannot be written',
    cure: 'Free space where the runtime keeps its images, or give the node a larger disk; a read-only file system needs a repair',
  },
  quota: {
    title: 'The allowance of the account at the registry is used up',
    cure: 'Raise the quota, wait until it renews, or pull with another account or from a mirror',
  },
  'rate-limit': {
    title: 'The registry was asked too often',
    cure: 'Pull with a credential, from a mirror or a cache, or later; anonymous pulls are counted by the address of the node',
  },
  platform: {
    title: 'The image is not built for the operating system or the CPU of the node',
    cure: 'Build the image for the platform of the node, or keep the pod to nodes that fit, by kubernetes.io/arch',
  },
  format: {
    title: 'The runtime does not know the format of the image',
    cure: 'Build or push the image anew with a current tool, as an OCI image or as Docker schema 2; or it is no container image',
  },
  content: {
    title: 'What was downloaded is not what its digest says, or a part of the image is not there',
    cure: 'Pull again, and look for a proxy that cuts or changes downloads; else push the image anew and remove it on the node',
  },
  node: {
    title: 'The runtime of the node or its storage has failed, not the registry',
    cure: 'Read the logs of the runtime; remove the image on the node and pull again, or restart the runtime',
  },
  proxy: {
    title: 'The proxy of the node cannot be reached or refuses the request',
    cure: 'Correct HTTPS_PROXY and NO_PROXY of the runtime, not of the pod, and restart the runtime',
  },
  'plain-http': {
    title: 'The node and the registry do not agree on TLS',
    cure: 'Give the registry a certificate, or name it on the node as one for plain HTTP, in hosts.toml or registries.conf',
  },
  'tls-expired': {
    title: 'The certificate of the server has expired or is not valid yet',
    cure: 'Renew the certificate, and check the clock of the node',
  },
  'tls-name': {
    title: 'The certificate of the server is for another name',
    cure: 'Use a name of the certificate in the image, or give the registry a certificate with this name as subject alternative name',
  },
  'tls-authority': {
    title: 'The node does not trust who has signed the certificate of the server',
    cure: 'Add the authority, of the registry or of a proxy between, to the runtime: ca in hosts.toml, or certs.d; then restart it',
  },
  dns: {
    title: 'The name of the server does not resolve on the node',
    cure: 'Correct the name, or the DNS servers of the node: it does not use those of the pods',
  },
  refused: {
    title: 'Nothing listens at the address and port of the server',
    cure: 'Check the port in the image and that the registry runs; localhost is the node, not the pod',
  },
  unreachable: {
    title: 'There is no way from the node to the server',
    cure: 'Check routes and firewalls of the node, and whether it has IPv6 where the address is one',
  },
  timeout: {
    title: 'The server did not answer in time',
    cure: 'Check firewalls, proxies and the load of the registry; for a large image raise the time limit of the runtime',
  },
  interrupted: {
    title: 'The download broke off',
    cure: 'Pull again; if it breaks off at the same place, look for a proxy, a firewall or a limit of the registry between',
  },
  tls: {
    title: 'The TLS connection to the server cannot be made',
    cure: 'Compare the TLS versions and ciphers of both sides, and look for a proxy between that ends TLS',
  },
  'auth-wrong': {
    title: 'The registry knows the credential as wrong or expired',
    cure: 'Renew the password or token, and update the pull secret; tokens of clouds live for hours only',
  },
  forbidden: {
    title: 'The account is known, and may not read this repository',
    cure: 'Grant the account of the pull secret or of the node the right to read the repository',
  },
  'auth-missing': {
    title: 'The registry wants a credential, and got none that it accepts',
    cure: 'Name a pull secret in the pod or its service account whose key matches the image; a public image needs none',
  },
  denied: {
    title: 'The registry does not say whether the repository does not exist or may not be read',
    cure: 'Check the name first; then name a pull secret with a right to read the repository',
  },
  repository: {
    title: 'The registry has no such repository',
    cure: 'Correct the registry and the path in the image; some registries say so to those who may not see it',
  },
  tag: {
    title: 'The registry has no such tag or digest, or no such repository',
    cure: 'Correct the tag, or push the image; check also the registry and the path',
  },
  registry: {
    title: 'The registry, or what stands before it, answers with an error or with something else',
    cure: 'Wait and try again; look at the status page and the logs of the registry and of a proxy or mirror before it',
  },
  'secret-malformed': {
    title: 'A pull secret of the pod cannot be decoded, which spoils the good ones beside it',
    cure: 'Lint the pull secrets of the pod, and correct the one at fault',
  },
  'back-off': {
    title: 'A pull has failed before, and kubelet waits before it tries again',
    cure: 'Read the event Failed of the pod, which has the cause; the wait grows from 10 seconds to 5 minutes',
  },
  unknown: {
    title: 'The text does not say a cause that is known here',
    cure: 'Read the logs of the runtime on the node; if the text is cut off, read the event or the status of the pod in whole',
  },
};

/**
 * Every cause that {@link explainFailure} tells, with what it means and what to do.
 *
 * @example
 * ```ts
 * import { FAILURE_RULES } from 'kubepull/failures';
 *
 * FAILURE_RULES.find(({ cause }) => cause === 'dns')?.cure;
 * ```
 * @public
 */
export const FAILURE_RULES: readonly FailureRule[] = /* @__PURE__ */ listRules();

function listRules(): readonly FailureRule[] {
  return Object.entries(RULES).map(([cause, rule]) => ({ cause: cause as FailureCause, ...rule }));
}

export function ruleOf(cause: FailureCause): FailureRule {
  return { cause, ...RULES[cause] };
}
