import { type CallOptions, systemClock } from '../clock/index.js';
import { createSlots, type Slots, untilAbort, quote } from '../internal/index.js';
import { pullPolicyOf } from '../pull-policy/inner.js';
import type { VolumeLike } from '../kubernetes/index.js';
import { type ReleaseRules, rulesOf, serviceAccountNameOf, podKind } from '../kubernetes/inner.js';
import type { SecretLike } from '../pull-secrets/index.js';
import { type ImageReference, parseImageName } from '../reference/index.js';
import { type CheckedConfiguration, checkConfiguration } from './configuration.js';
import { ensureImage } from './ensure-image.js';
import { asError, check, errorText, rethrowAbort, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { pullStepEvent } from './events.js';
import { createImagePuller } from './image-puller.js';
import type { ManagerContext } from './image-step.js';
import { failedMounts, mountedImage, volumesKind } from './image-volumes.js';
import { createLedger } from '../image-access/inner.js';
import { checkManagerOptions, type ImageManagerOptions, type ImagePullEvent } from './manager-options.js';
import type {
  ContainerImageRequest,
  EnsureImageRequest,
  EnsureImageResult,
  ImageManager,
  ImageVolumeResult,
  ManagedPodLike,
  PodImageRequest,
  InvolvedObject,
  MountingContainerLike,
} from './manager-types.js';
import { createMemoryRecords } from '../image-access/index.js';
import { createPullFailures } from './pull-failures.js';
import { createTokenBucket } from './token-bucket.js';
import { traceImages } from '../image-service/inner.js';
import { ImageError } from '../errors/index.js';
import type { ImageService, PodSandbox } from '../image-service/index.js';

/**
 * Makes an image manager that does with the images of pods what kubelet does, in the same steps, and says the same words.
 *
 * It asks the runtime whether an image is there, compares the pod's credentials with its records, pulls with one
 * credential after the other, in turn and not too often, and backs off after a failure, by pod and image.
 *
 * @param options - the runtime, the node's credentials, and fields of kubelet's configuration under their own names
 * @returns the manager; it holds no resource that would have to be closed
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a configuration with which kubelet does not start, with its text
 * @example
 * ```ts
 * import { createImageManager } from 'kubepull/image-manager';
 * import { createPullerImageService } from 'kubepull/image-service';
 * import { createNodeRuntime, openOciLayout } from 'kubepull/node';
 *
 * const runtime = createNodeRuntime();
 * const images = createPullerImageService({ runtime, store: await openOciLayout('./layout') });
 * const manager = createImageManager({
 *   images,
 *   createHasher: runtime.createHasher,
 *   onEvent: ({ type, reason, message }) => console.log(type, reason, message),
 * });
 * const pod = { metadata: { name: 'web', uid: 'u1' }, spec: { containers: [{ name: 'app', image: 'nginx:1.27' }] } };
 * const result = await manager.ensureContainerImage({ pod, container: 'app' });
 * if (result.status === 'waiting') console.log(result.reason, result.message);
 * ```
 * @see NewImageManager in kubernetes pkg/kubelet/images/image_manager.go, v1.35
 * @public
 */
export function createImageManager(options: ImageManagerOptions): ImageManager {
  checkManagerOptions(options);
  const config = checkConfiguration(options);
  // Kubelet's serial queue holds ten and lets others wait before it; both are served as they came, so one does for both.
  const queue = createSlots(config.parallel);
  const context = createContext(options, config, queue);
  const rules = rulesOf(options);
  const run: Run = { context, rules, handlerOf: (pod, call) => runtimeHandler(options, config, pod, call) };
  return {
    async ensureImageExists(request) {
      checkRequest(request, { image: is.text, pullPolicy: is.nullable(is.text), fieldPath: is.optional(is.text) });
      return ensureForPod(run, request);
    },
    async ensureContainerImage(request) {
      checkRequest(request, { container: is.text, volumes: is.optional(volumesKind) });
      return ensureForContainer(run, request);
    },
    async ensureImageVolumes(request) {
      checkRequest(request, {});
      return ensureVolumes(run, request);
    },
    async recoverIntents(call = {}) {
      check<CallOptions>('Cannot recover intents', call, is.callOptions);
      return (await context.ledger?.recover(call)) ?? [];
    },
    async pruneRecords(options) {
      check('Cannot prune records', { options }, { options: is.shape({ startedAt: is.finite, ...is.callOptions }) });
      const { startedAt, ...call } = options;
      return (await context.ledger?.prune(await context.images.listImages(call), startedAt)) ?? [];
    },
    stats: {
      get pulling() {
        return queue.taken;
      },
      get queued() {
        return queue.waiting;
      },
      get inBackoff() {
        return context.failures.size;
      },
    },
  };
}

interface Run {
  readonly context: ManagerContext;
  readonly rules: ReleaseRules;
  /** The handler of the pod's RuntimeClass. */
  handlerOf(pod: ManagedPodLike, options: CallOptions): Promise<string>;
}

function createContext(options: ImageManagerOptions, config: CheckedConfiguration, queue: Slots): ManagerContext {
  const { createHasher, keyring, clock = systemClock, onEvent, onWarning = () => undefined, tracing } = options;
  const images = traceImages(watchPulls(options.images, options), tracing);
  const { mergeEqualPulls: merge = false, recheckPresence = false, records = createMemoryRecords() } = options;
  const bucket = createTokenBucket(config.qps, config.burst, clock);
  const { verification } = config;
  const listImages = (call: CallOptions): ReturnType<typeof images.listImages> => images.listImages(call);
  return {
    images,
    clock,
    createHasher,
    keyring,
    puller: createImagePuller({ images, queue, bucket, clock, merge }),
    failures: createPullFailures(options.backoff, clock),
    ledger:
      verification === undefined ? undefined : createLedger({ records, verification, clock, listImages, onWarning }),
    recheckPresence,
    rules: options.rules,
    release: options.release,
    tracing,
    emit: (about, event) => onEvent?.({ involvedObject: about, ...event }),
  };
}

async function runtimeHandler(
  { runtimeHandler: find }: ImageManagerOptions,
  { usesRuntimeClass }: CheckedConfiguration,
  { spec }: ManagedPodLike,
  call: CallOptions,
): Promise<string> {
  const name = spec?.runtimeClassName ?? '';
  return usesRuntimeClass && name !== '' && find !== undefined ? find(name, call) : '';
}

/** A failing look-up of the RuntimeClass comes before the first step, and has neither event nor message. */
async function tryHandler(run: Run, { pod, signal }: PodImageRequest): Promise<string | EnsureImageResult> {
  signal?.throwIfAborted();
  try {
    return await run.handlerOf(pod, { signal });
  } catch (error) {
    rethrowAbort(signal);
    return { status: 'error', reason: errorText(error), message: '', error: asError(error) };
  }
}

async function ensureForPod(run: Run, request: EnsureImageRequest): Promise<EnsureImageResult> {
  const handler = await tryHandler(run, request);
  return typeof handler === 'string' ? ensureWith(run, request, handler) : handler;
}

/** An image of a pod; of a container, or of the pod itself. */
interface ImageRequest extends EnsureImageRequest {
  /** Whether it is an event that the image is present. @defaultValue `true` */
  readonly tellsPresence?: boolean;
}

async function ensureWith({ context }: Run, request: ImageRequest, handler: string): Promise<EnsureImageResult> {
  const { pod, image, pullPolicy, pullSecrets = [], fieldPath, signal, tellsPresence = true } = request;
  if (context.ledger !== undefined) await untilAbort(context.ledger.ready(), signal);
  const ref = readName(image);
  return ensureImage(context, {
    image,
    ref,
    policy: pullPolicyOf(ref instanceof Error ? undefined : ref, pullPolicy),
    about: involvedObject(pod, fieldPath),
    sandbox: sandboxOf(pod),
    runtimeHandler: handler,
    serviceAccountName: serviceAccountNameOf(pod.spec),
    tellsPresence,
    pullSecrets,
    signal,
  });
}

function readName(image: string): ImageReference | Error {
  try {
    return parseImageName(image);
  } catch (error) {
    return asError(error);
  }
}

async function ensureForContainer(run: Run, request: ContainerImageRequest): Promise<EnsureImageResult> {
  const { pod, container: name, volumes = new Map() } = request;
  const { container, fieldPath } = findContainer(pod, name);
  const handler = await tryHandler(run, request);
  if (typeof handler !== 'string') return handler;
  const { imagePullPolicy: pullPolicy } = container;
  const image = container.image ?? '';
  const failed = failedMounts(container, volumes);
  // Every mount that failed is told of; the container shows the last.
  const results =
    failed.length > 0 ? failed : [await ensureWith(run, { ...request, image, pullPolicy, fieldPath }, handler)];
  for (const result of results) {
    if (result.status !== 'waiting' && result.status !== 'error') continue;
    run.context.emit(involvedObject(pod, fieldPath), pullStepEvent(image, { step: 'error', error: result.reason }));
  }
  return results.at(-1) as EnsureImageResult;
}

async function ensureVolumes(run: Run, request: PodImageRequest): Promise<ReadonlyMap<string, ImageVolumeResult>> {
  const handler = await tryHandler(run, request);
  const forAll = { ...request, pullSecrets: readOnce(request.pullSecrets ?? []) };
  const results = new Map<string, ImageVolumeResult>();
  for (const volume of request.pod.spec?.volumes ?? []) {
    const result = await ensureVolume(run, forAll, volume, handler);
    if (result !== undefined) results.set(result.volume, result);
  }
  return results;
}

/** `undefined` for a volume of another kind; YAML may have `null` for all of it or for its image. */
async function ensureVolume(
  run: Run,
  request: PodImageRequest,
  volume: VolumeLike | null,
  handler: string | EnsureImageResult,
): Promise<ImageVolumeResult | undefined> {
  if (!volume?.image) return undefined;
  const { pullPolicy } = volume.image;
  const reference = volume.image.reference ?? '';
  const isFound = typeof handler === 'string';
  const tellsPresence = run.rules.tellsPresentVolumes;
  const result = isFound
    ? await ensureWith(run, { ...request, image: reference, pullPolicy, tellsPresence }, handler)
    : handler;
  const { annotations } = sandboxOf(request.pod);
  const image = mountedImage(result, reference, { annotations, runtimeHandler: isFound ? handler : '' });
  return { volume: volume.name ?? '', reference, result, image };
}

/** The secrets for several images, also where the caller has them from a generator, which gives them only once. */
function readOnce(secrets: Iterable<SecretLike>): Iterable<SecretLike> {
  let read: readonly SecretLike[] | undefined;
  return { [Symbol.iterator]: () => (read ??= [...secrets])[Symbol.iterator]() };
}

/** Checks what every request of a pod says, and `members` of its own. Secrets are checked when they are read. */
function checkRequest(request: PodImageRequest, members: Readonly<Record<string, Kind>>): void {
  const all = { pod: podKind, pullSecrets: is.optional(is.iterable), ...is.callOptions, ...members };
  check('Cannot ensure an image', { request }, { request: is.shape(all) });
}

const KINDS = ['ephemeralContainers', 'initContainers', 'containers'] as const;

/** A container with the path that kubelet's events name. */
interface FoundContainer {
  readonly container: MountingContainerLike;
  readonly fieldPath: string;
}

function findContainer(pod: ManagedPodLike, name: string): FoundContainer {
  for (const kind of KINDS) {
    const container = pod.spec?.[kind]?.find((one: MountingContainerLike | null) => one?.name === name);
    if (container !== undefined) return { container, fieldPath: `spec.${kind}{${name}}` };
  }
  throw new ImageError('ERR_OPTION_INVALID', `Cannot start container ${quote(name)}: the pod has none of that name`);
}

function sandboxOf({ metadata }: ManagedPodLike): PodSandbox {
  const { namespace = 'default', name = '', uid = '', annotations = {} } = metadata ?? {};
  return { namespace, name, uid, annotations: { ...annotations } };
}

function involvedObject(pod: ManagedPodLike, fieldPath: string | undefined): InvolvedObject {
  const { namespace, name, uid } = sandboxOf(pod);
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid, fieldPath };
}

/**
 * The same image service, asked to tell what its pulls do and to judge images.
 *
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when images are to be judged by a service that does not: it would pull them all
 */
function watchPulls(
  images: ImageService,
  { verify, onPullEvent }: Pick<ImageManagerOptions, 'verify' | 'onPullEvent'>,
): ImageService {
  if (verify !== undefined && images.verifies !== true) {
    const cure = 'createPullerImageService() gives one; a runtime has its own policy for signatures';
    throw new ImageError(
      'ERR_OPTION_INVALID',
      `Cannot create the image manager: verify needs an image service that asks it: ${cure}`,
    );
  }
  if (verify === undefined && onPullEvent === undefined) return images;
  return {
    verifies: images.verifies,
    imageStatus: (image, call) => images.imageStatus(image, call),
    listImages: (call) => images.listImages(call),
    removeImage: (image, call) => images.removeImage(image, call),
    imageFsInfo: (call) => images.imageFsInfo(call),
    pullImage: (request, call) => {
      const { image, sandbox } = request;
      const tell =
        onPullEvent && ((event: ImagePullEvent['event']) => onPullEvent({ image: image.image, sandbox, event }));
      return images.pullImage(request, { ...call, verify, onEvent: tell });
    },
  };
}
