import { createHash } from 'node:crypto';
import { createFakeClock, type FakeClock } from 'kubepull/testing';
import {
  createImageManager,
  type EnsureImageResult,
  type ImageEvent,
  type ImageManager,
  type ImageManagerOptions,
} from 'kubepull/image-manager';
import { createMemoryRecords, type ImagePulledRecord, type PulledRecords } from 'kubepull/image-access';
import { type ImageService, type PullImageRequest, type RuntimeImage } from 'kubepull/image-service';
import { nodeHasher } from 'kubepull/node';
import { createPullSecret, type SecretLike } from 'kubepull/pull-secrets';

export const REF = `sha256:${'a'.repeat(64)}`;
export const IMAGE = 'private.example/app:1';

/** A runtime whose answers a test scripts; it logs every call. */
export interface FakeImages extends ImageService {
  readonly calls: string[];
  readonly present: Map<string, RuntimeImage>;
  /** What a pull does; the default brings the image at once. */
  onPull: (request: PullImageRequest, signal?: AbortSignal) => string | Promise<string>;
  onStatus: (image: string) => RuntimeImage | undefined;
}

export function runtimeImage(image: string, id = REF, size = 10_485_760): RuntimeImage {
  return { id, repoTags: [image], repoDigests: [], size, pinned: false, runtimeHandler: '' };
}

export function createFakeImages(): FakeImages {
  const calls: string[] = [];
  const present = new Map<string, RuntimeImage>();
  const fake: FakeImages = {
    calls,
    present,
    onPull: ({ image: { image } }) => {
      present.set(image, runtimeImage(image));
      return REF;
    },
    onStatus: (image) => present.get(image),
    async imageStatus({ image, runtimeHandler }) {
      calls.push(`ImageStatus(${image}${runtimeHandler && `, ${runtimeHandler}`})`);
      return fake.onStatus(image);
    },
    async pullImage(request, { signal } = {}) {
      const { image, auth } = request;
      const handler = image.runtimeHandler && `, ${image.runtimeHandler}`;
      calls.push(`PullImage(${image.image}, ${auth?.credential.username ?? 'nobody'}${handler})`);
      return fake.onPull(request, signal);
    },
    async listImages() {
      calls.push('ListImages');
      return [...present.values()];
    },
    async removeImage({ image }) {
      calls.push(`RemoveImage(${image})`);
      for (const [name, { id }] of present) if (id === image || name === image) present.delete(name);
    },
    imageFsInfo: async () => [],
  };
  return fake;
}

export interface Kit {
  readonly images: FakeImages;
  readonly clock: FakeClock;
  readonly events: ImageEvent[];
  readonly records: PulledRecords;
  readonly manager: ImageManager;
  /** The events since the last call, one line each. */
  said(): readonly string[];
}

export function createKit(options: Partial<ImageManagerOptions> = {}): Kit {
  const images = createFakeImages();
  const clock = createFakeClock();
  const events: ImageEvent[] = [];
  const records = options.records ?? createMemoryRecords();
  const manager = createImageManager({
    images,
    clock,
    records,
    createHasher: nodeHasher,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  let seen = 0;
  const said = (): readonly string[] => {
    const fresh = events.slice(seen);
    seen = events.length;
    return fresh.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
  };
  return { images, clock, events, records, manager, said };
}

export const GATE_OFF = { featureGates: { KubeletEnsureSecretPulledImages: false } } as const;

export function podOf(image: string, imagePullPolicy?: string, uid = 'u1') {
  return {
    metadata: { name: 'web', namespace: 'default', uid },
    spec: { containers: [{ name: 'app', image, imagePullPolicy }] },
  };
}

/** One secret with one user for each registry of the tests. */
export function secretOf(username: string, server = 'private.example') {
  const name = `creds-${username}`;
  const password = createHash('sha256').update(username).digest('hex').slice(0, 10);
  const secret = createPullSecret({ name, namespace: 'default', server, username, password });
  return { ...secret, metadata: { ...secret.metadata, uid: name } } satisfies SecretLike;
}

export const MALFORMED: SecretLike = {
  metadata: { name: 'bad', namespace: 'default', uid: 'bad' },
  type: 'kubernetes.io/dockerconfigjson',
  stringData: { '.dockerconfigjson': '{' },
};

/** Lets every pull fail, with the text for its user or with one for all. */
export function failPulls({ images }: Kit, text: string | ((username: string) => string)): void {
  images.onPull = ({ auth }) => {
    throw new Error(typeof text === 'string' ? text : text(auth?.credential.username ?? 'nobody'));
  };
}

/** Lets pulls fail for one user alone. */
export function refuse({ images }: Kit, username: string, text = 'denied'): void {
  const { onPull } = images;
  images.onPull = (request) => {
    if (request.auth?.credential.username === username) throw new Error(text);
    return onPull(request);
  };
}

/** Asks for one image on behalf of a pod, as at the start of a container but without the container's own event. */
export function ensure(
  { manager }: Kit,
  pullPolicy: string,
  {
    image = IMAGE,
    uid = 'u1',
    pullSecrets,
    signal,
  }: Partial<{ image: string; uid: string; pullSecrets: readonly SecretLike[]; signal: AbortSignal }> = {},
): Promise<EnsureImageResult> {
  return manager.ensureImageExists({ pod: podOf(image, pullPolicy, uid), image, pullPolicy, pullSecrets, signal });
}

/** Asks for the image of the pod's one container, whose events come with it. */
export function startContainer(
  { manager }: Kit,
  pullPolicy: string,
  { image = IMAGE, pullSecrets }: Partial<{ image: string; pullSecrets: readonly SecretLike[] }> = {},
): Promise<EnsureImageResult> {
  return manager.ensureContainerImage({ pod: podOf(image, pullPolicy), container: 'app', pullSecrets });
}

/** A kit whose runtime has the image already. */
export function kitWithImage(options: Partial<ImageManagerOptions> = {}): Kit {
  const kit = createKit(options);
  kit.images.present.set(IMAGE, runtimeImage(IMAGE));
  return kit;
}

export const PRESENT = `Container image "${IMAGE}" already present on machine`;
export const ACCESSIBLE = `${PRESENT} and can be accessed by the pod`;
export const NEVER = `Container image "${IMAGE}" is not present with pull policy of Never`;
export const PULLING = `Normal Pulling Pulling image "${IMAGE}"`;
export const PULLED = `Normal Pulled Successfully pulled image "${IMAGE}" in 0s (0s including waiting). Image size: 10485760 bytes.`;
export const STATUS = `ImageStatus(${IMAGE})`;
/** Go's words for the secret that is MALFORMED. */
export const MALFORMED_TEXT = 'unexpected end of JSON input';

/** A record that another secret than any of the tests' was accepted for the image. */
export function recordOf(name: string): ImagePulledRecord {
  const secret = { uid: name, namespace: 'default', name, credentialHash: 'x' };
  const credentials = { kubernetesSecrets: [secret], kubernetesServiceAccounts: [], nodePodsAccessible: false };
  return { imageRef: REF, lastUpdatedAt: 0, credentialMapping: new Map([['private.example/app', credentials]]) };
}
