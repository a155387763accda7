import type { CallOptions } from '../clock/index.js';
import type { ImageService, ImageSpec, PullImageRequest, RuntimeImage } from './types.js';
import { goQuote } from '../internal/index.js';
import { runTraced, type Tracing } from '../tracing/index.js';

/**
 * What the runtime knows of an image, checked as kubelet does.
 *
 * @see verify in kubernetes staging/src/k8s.io/cri-client/pkg/remote_image.go
 */
export async function inspectImage(
  images: ImageService,
  spec: ImageSpec,
  options: CallOptions,
): Promise<RuntimeImage | undefined> {
  const found = await images.imageStatus(spec, options);
  if (found !== undefined && (found.id === '' || found.size === 0)) {
    throw new Error(`Id or size of image ${goQuote(spec.image)} is not set`);
  }
  return found;
}

/** The size of an image that was just pulled; 0 when it cannot be told. */
export async function imageSize(images: ImageService, spec: ImageSpec, options: CallOptions): Promise<number> {
  try {
    return (await inspectImage(images, spec, options))?.size ?? 0;
  } catch {
    return 0;
  }
}

export async function pullOnce(images: ImageService, request: PullImageRequest, options: CallOptions): Promise<string> {
  const imageRef = await images.pullImage(request, options);
  if (imageRef === '') throw new Error(`imageRef of image ${goQuote(request.image.image)} is not set`);
  return imageRef;
}

/**
 * The same image service, watched: each call of it is told.
 *
 * @see instrumentedImageManagerService in kubernetes pkg/kubelet/kuberuntime
 */
export function traceImages(images: ImageService, tracing: Tracing | undefined): ImageService {
  if (tracing === undefined) return images;
  return {
    verifies: images.verifies,
    imageStatus: (image, call) =>
      runTraced(tracing, 'runtime', { operation: 'image_status', image: image.image }, () =>
        images.imageStatus(image, call),
      ),
    pullImage: (request, call) =>
      runTraced(tracing, 'runtime', { operation: 'pull_image', image: request.image.image }, () =>
        images.pullImage(request, call),
      ),
    listImages: (call) =>
      runTraced(tracing, 'runtime', { operation: 'list_images', image: undefined }, () => images.listImages(call)),
    removeImage: (image, call) =>
      runTraced(tracing, 'runtime', { operation: 'remove_image', image: image.image }, () =>
        images.removeImage(image, call),
      ),
    imageFsInfo: (call) =>
      runTraced(tracing, 'runtime', { operation: 'image_fs_info', image: undefined }, () => images.imageFsInfo(call)),
  };
}
