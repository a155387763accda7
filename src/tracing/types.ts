/**
 * The look-up of credentials for an image.
 *
 * @public
 */
export interface LookupTrace {
  /** The repository, or the name at the mirror, that credentials were looked up for. */
  readonly image: string;
  /** How many credentials there are to try. Known at the end. */
  candidates: number | undefined;
}

/**
 * A pull by this library's own puller.
 *
 * @public
 */
export interface PullTrace {
  /** The image as the caller wrote it. */
  readonly image: string;
  /** The digest of the config. Known at the end. */
  imageRef: string | undefined;
  /** `name@digest` of what the registry answered. Known at the end. */
  repoDigest: string | undefined;
  /** The registry or mirror that gave the image out. */
  endpoint: string | undefined;
  /** Credentials that were refused before one was accepted. */
  refused: number | undefined;
}

/**
 * A request for a manifest or an index, with its repetitions and the fetching of tokens.
 *
 * @public
 */
export interface ManifestTrace {
  /** `GET` when the content is wanted, `HEAD` when only the descriptor is. */
  readonly method: 'GET' | 'HEAD';
  /** Registry and repository. */
  readonly name: string;
  /** The tag or digest that is asked for. */
  readonly reference: string;
  /** The digest of the manifest or index. Known at the end. */
  digest: string | undefined;
  /** The media type of the manifest or index. Known at the end. */
  mediaType: string | undefined;
  /** The size in bytes. Known at the end. */
  size: number | undefined;
}

/**
 * The download of a blob that the store lacks, from its turn in the queue to its verification, with all repetitions.
 *
 * @public
 */
export interface BlobTrace {
  /** Registry and repository. */
  readonly name: string;
  /** The digest of the blob. */
  readonly digest: string;
  /** The media type of the blob. */
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  /** Bytes that were there from an earlier download. */
  readonly resumedFrom: number;
}

/**
 * What an image manager does for one image of one pod.
 *
 * @public
 */
export interface EnsureTrace {
  /** The image as the pod has it. */
  readonly image: string;
  /** The namespace of the pod. */
  readonly namespace: string;
  /** The name of the pod. */
  readonly pod: string;
  /** The UID of the pod. */
  readonly uid: string;
  /** The pull policy, given or filled in. */
  readonly pullPolicy: string;
  /** Whether the runtime has the image; `undefined` while that is not known. */
  presentLocally: boolean | undefined;
  /** Whether the pod must not use what is there without a pull; `undefined` when this was not asked. */
  pullRequired: boolean | undefined;
  /** Why the pod may, or may not, use the image that is there: `reason` of `decideMustPull`, or `error`. */
  check: string | undefined;
  /** Known at the end: `present`, `pulled`, `waiting` or `error`. */
  status: string | undefined;
  /** Kubelet's reason when the container waits. */
  reason: string | undefined;
  /** Of a pull, in bytes; 0 when it is not known. */
  size: number | undefined;
  /** Of a pull, in milliseconds, with the time in the queue. */
  totalMs: number | undefined;
}

/**
 * A call of the container runtime's image service, or of what stands for it.
 *
 * @public
 */
export interface RuntimeTrace {
  /** As kubelet names it. */
  readonly operation: 'image_fs_info' | 'image_status' | 'list_images' | 'pull_image' | 'remove_image';
  /** `undefined` for a call that is about no image. */
  readonly image: string | undefined;
}

/**
 * A run of an exec credential plugin.
 *
 * @public
 */
export interface PluginTrace {
  /** The name of the plugin, as its configuration has it. */
  readonly plugin: string;
  /** The image that it is asked for, without tag and digest. */
  readonly image: string;
}

/**
 * The removal of an image by garbage collection.
 *
 * @public
 */
export interface RemoveTrace {
  /** The runtime's id of the image. */
  readonly image: string;
  /** `age`: it was not used for too long. `space`: room was needed. */
  readonly reason: 'age' | 'space';
}

/**
 * What is traced, and what is told of it. Nothing in here is secret.
 *
 * @public
 */
export interface TraceContexts {
  /** A blob that the store lacks is downloaded. */
  readonly blob: BlobTrace;
  /** An image manager brings an image for a pod, or finds it. */
  readonly ensure: EnsureTrace;
  /** Credentials are looked up for an image. */
  readonly lookup: LookupTrace;
  /** A manifest or index, or only its digest, is asked for. */
  readonly manifest: ManifestTrace;
  /** A credential plugin is run. */
  readonly plugin: PluginTrace;
  /** An image is pulled by the puller of this library. */
  readonly pull: PullTrace;
  /** An image is removed by garbage collection. */
  readonly remove: RemoveTrace;
  /** The runtime's image service is called. */
  readonly runtime: RuntimeTrace;
}

/**
 * The name of something that is traced.
 *
 * @public
 */
export type TraceOperation = keyof TraceContexts;

/**
 * Every name of something that is traced.
 *
 * @public
 */
export const TRACE_OPERATIONS: readonly TraceOperation[] = [
  'blob',
  'ensure',
  'lookup',
  'manifest',
  'plugin',
  'pull',
  'remove',
  'runtime',
];

/**
 * Who watches. `createNodeRuntime` of `kubepull/node` brings one that publishes on `node:diagnostics_channel`; counters
 * are another, and `combineTracing` makes one of several.
 *
 * @public
 */
export interface Tracing {
  /**
   * Runs an action, and returns what it returns or throws what it throws. The context is one object from start to end;
   * what is learnt meanwhile is in it by the end.
   */
  trace<K extends TraceOperation, T>(operation: K, context: TraceContexts[K], action: () => Promise<T>): Promise<T>;
}
