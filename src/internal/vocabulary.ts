// The words that errors carry, so that errors need no other room: each is published by the room whose word it is.

/**
 * The algorithms that kubelet, containerd and this library accept: those that go-digest registers.
 *
 * @public
 */
export type DigestAlgorithm = 'sha256' | 'sha384' | 'sha512';

declare const digestBrand: unique symbol;

/**
 * A checked content digest, `algorithm:encoded`, such as `sha256:e3b0c442…`.
 *
 * The encoded part is lower-case hex of exactly the algorithm's length, so a digest is safe in a path or a URL.
 *
 * @public
 */
export type Digest = `${DigestAlgorithm}:${string}` & { readonly [digestBrand]: true };

/**
 * The operating system and CPU that an image is for, in the spelling of the OCI image spec.
 *
 * @public
 */
export interface Platform {
  /** The operating system, as Go's `GOOS` spells it, such as `linux`. */
  readonly os: string;
  /** The architecture, as Go's `GOARCH` spells it, such as `arm64`. */
  readonly architecture: string;
  /** The variant of the CPU, such as `v8` of `arm64`. */
  readonly variant?: string | undefined;
  /** The version of the operating system, such as `10.0.20348.2849`; Windows images have one. */
  readonly 'os.version'?: string | undefined;
  /** Features that the operating system must have, such as `win32k` of Windows. */
  readonly 'os.features'?: readonly string[] | undefined;
}

/**
 * Names content by type, digest and size.
 *
 * @public
 */
export interface Descriptor {
  /** The media type of the content. */
  readonly mediaType: string;
  /** The digest of the content, by which it is fetched and verified. */
  readonly digest: Digest;
  /** Size of the content in bytes. */
  readonly size: number;
  /** Where the content may be had besides the registry; never followed by default. */
  readonly urls?: readonly string[] | undefined;
  /** Annotations: free text by key. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** The type of the artifact, where the content is the manifest of one. */
  readonly artifactType?: string | undefined;
  /** The platform that the image is for; entries of an index have it. */
  readonly platform?: Platform | undefined;
  /** The content itself in Base64, as a hint that nothing has verified; see {@link decodeEmbeddedContent}. */
  readonly data?: string | undefined;
}

/**
 * Where a credential came from; fit for logs and events, because it names the place and not the secret.
 *
 * @public
 */
export type CredentialSource =
  | { readonly kind: 'secret'; readonly namespace: string; readonly name: string; readonly uid: string | undefined }
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'plugin';
      readonly provider: string;
      /** On whose behalf the plugin was asked; `undefined` when its answer is the node's. */
      readonly serviceAccount: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined;
    }
  | { readonly kind: 'cloud'; readonly provider: string }
  | { readonly kind: 'helper'; readonly helper: string }
  | { readonly kind: 'inline' }
  | { readonly kind: 'anonymous' };

/**
 * What an endpoint may be asked for: tags (`resolve`), or content by its digest (`pull`).
 *
 * @public
 */
export type EndpointCapability = 'pull' | 'resolve';

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
  /** What it may be asked for. */
  readonly capabilities: readonly EndpointCapability[];
  /** Whether it is the image's own registry, not a mirror of it. */
  readonly upstream: boolean;
  /** Whether it is never sent a credential, also when there is one for it. */
  readonly anonymous: boolean;
}
