import { traced, type Tracing } from '../tracing/index.js';
import type { ImageService } from './types.js';

/**
 * The same image service, watched: each call of it is told.
 *
 * @see instrumentedImageManagerService in kubernetes pkg/kubelet/kuberuntime
 */
export function traceImages(images: ImageService, tracing: Tracing | undefined): ImageService {
  if (tracing === undefined) return images;
  return {
    imageStatus: (image, call) =>
      traced(tracing, 'runtime', { operation: 'image_status', image: image.image }, () =>
        images.imageStatus(image, call),
      ),
    pullImage: (request, call) =>
      traced(tracing, 'runtime', { operation: 'pull_image', image: request.image.image }, () =>
        images.pullImage(request, call),
      ),
    listImages: (call) =>
      traced(tracing, 'runtime', { operation: 'list_images', image: undefined }, () => images.listImages(call)),
    removeImage: (image, call) =>
      traced(tracing, 'runtime', { operation: 'remove_image', image: image.image }, () =>
        images.removeImage(image, call),
      ),
    imageFsInfo: (call) =>
      traced(tracing, 'runtime', { operation: 'image_fs_info', image: undefined }, () => images.imageFsInfo(call)),
  };
}
