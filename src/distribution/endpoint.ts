/**
 * One place that answers for images of a registry: a mirror, or the registry itself.
 *
 * @public
 */
export interface RegistryEndpoint {
  /** Scheme, host and port, such as `https://mirror.example.com`. */
  readonly origin: string;
  /** Where the API begins there: `/v2`, unless the operator gave another path. */
  readonly apiPath: string;
  /** The repository to ask there for; mirrors may keep it under another name. */
  readonly repository: string;
  /** The registry to name in the query `ns`, for pull-through caches that serve several. */
  readonly namespace: string | undefined;
  /** What it may be asked for: tags (`resolve`), content by digest (`pull`), or both. */
  readonly capabilities: readonly ('pull' | 'resolve')[];
  /** Whether it is the image's own registry, not a mirror of it. */
  readonly upstream: boolean;
}
