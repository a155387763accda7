import type { ImageFileSystem, ImageSpec, PodSandbox, PullImageRequest, RuntimeImage } from '../image-service/index.js';
import type {
  WireFilesystemUsage,
  WireImage,
  WireImageSpec,
  WireInteger,
  WirePull,
  WireSandboxConfig,
} from './schema.js';

export function toWireSpec({ image, annotations, runtimeHandler }: ImageSpec): Partial<WireImageSpec> {
  return { image, annotations, runtimeHandler };
}

/** What kubelet sends: of a credential the user and the password, and of the pod what names it. */
export function toWirePull({ image, auth, sandbox }: PullImageRequest): WirePull {
  return {
    image: toWireSpec(image),
    ...(auth === undefined
      ? {}
      : { auth: { username: auth.credential.username, password: auth.credential.password.reveal() } }),
    ...(sandbox === undefined ? {} : { sandboxConfig: toWireSandbox(sandbox) }),
  };
}

function toWireSandbox({ name, namespace, uid, annotations }: PodSandbox): WireSandboxConfig {
  const labels = {
    'io.kubernetes.pod.name': name,
    'io.kubernetes.pod.namespace': namespace,
    'io.kubernetes.pod.uid': uid,
  };
  return { metadata: { name, namespace, uid, attempt: 0 }, labels, annotations };
}

export function fromWireImage(image: WireImage): RuntimeImage {
  const { id, repoTags, repoDigests, size, pinned, spec } = image;
  return { id, repoTags, repoDigests, size: toNumber(size), pinned, runtimeHandler: spec?.runtimeHandler ?? '' };
}

export function fromWireUsage({ fsId, usedBytes, inodesUsed }: WireFilesystemUsage): ImageFileSystem {
  return {
    mountpoint: fsId?.mountpoint ?? '',
    usedBytes: toNumber(usedBytes?.value ?? 0),
    inodesUsed: inodesUsed === null ? undefined : toNumber(inodesUsed.value),
  };
}

/** No file system and no image is so large that it matters what lies beyond the safe integers. */
function toNumber(value: WireInteger): number {
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}
